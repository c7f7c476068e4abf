/* keyring.h - the API keys that a gateway knows: who may write where, how much, until when.
 *
 * Changes come from one thread (key_feed.h); any thread looks up and judges. A key, once known, stays
 * in memory until the end, so a pointer to one needs no care; what can change of it is read anew by
 * each call. Limits are those of this process: behind three gateways a key can send three times as
 * much, and a restart begins the day anew. */
#ifndef METAOPS_INGEST_KEYRING_H
#define METAOPS_INGEST_KEYRING_H

#include <stdbool.h>

#include "ingest/refusals.h"
#include "schemas/key_change.h"

struct key;
struct keyring;
struct settings;

/* Limits that a key does not have of its own come from st. NULL when memory is short. */
struct keyring *keyring_new(const struct settings *st);

/* Takes those limits from other settings. */
void keyring_set_limits(struct keyring *ring, const struct settings *st);

/* A change, in the order of the topic. Once revoked, a key stays so, whatever follows. RETRY when
 * memory is short, REJECT when there are more than ingest.keys_max. */
MUST_CHECK enum verdict keyring_apply(struct keyring *ring, const struct key_change *change,
                                      struct err *err);

/* Nothing that was applied counts any more. */
void keyring_forget(struct keyring *ring);

/* NULL when nobody made one of this id. */
struct key *keyring_find(struct keyring *ring, struct str key_id);

/* The id, with a NUL behind it. */
struct str keyring_id(const struct key *key);

/* What judges below say why not in *out_why, and count nothing: that is keyring_count. */

/* Whether hash is the key's, and the key is neither revoked nor expired now. */
bool keyring_is_good(const struct key *key, const struct api_key_hash *hash, int64_t now_us,
                     enum refusal *out_why);

/* As above of a key that was shown before: it may have been revoked since. */
bool keyring_is_valid(const struct key *key, int64_t now_us, enum refusal *out_why);

/* Whether the key may write to a namespace. Names are looked up, a few patterns with stars matched,
 * the answer of more remembered for each thread. */
bool keyring_covers(const struct key *key, struct str namespace_);

/* Whether the key may send at all now; when not, *out_retry_after_s. Takes nothing. */
bool keyring_may_send(struct keyring *ring, struct key *key, int64_t now_us, enum refusal *out_why,
                      int *out_retry_after_s);

/* Takes one event of so many bytes off its limits. False as keyring_may_send. */
bool keyring_take(struct keyring *ring, struct key *key, size_t body_bytes, int64_t now_us,
                  enum refusal *out_why, int *out_retry_after_s);

/* Gives back what keyring_take took at taken_us for an event that Kafka did not take: quotas of the
 * day count what was accepted. The rate stays spent, it holds back what is tried. */
void keyring_give_back(struct key *key, size_t body_bytes, int64_t taken_us);

/* Counts a refusal of a key; key NULL: of the sender without one (anonymous), or of one whose key
 * nobody made (unknown), as why says. */
void keyring_count(struct keyring *ring, struct key *key, enum refusal why, int64_t now_us);

/* Moves counts of refusals into entries; returns how many. Call again while it fills them all. */
size_t keyring_take_refusals(struct keyring *ring, struct refusal_entry *entries, size_t max);

/* Keys that are neither revoked nor expired. */
size_t keyring_active(struct keyring *ring, int64_t now_us);

/* NULL is allowed. */
void keyring_free(struct keyring *ring);

#endif
