/* api_key.h - an API key as text: mo_<id>_<secret>, id 16 and secret 64 lower case hex digits, so
 * 256 random bits; and what is kept of it: its SHA-256.
 *
 * The id is public: it names the key in lists, in events (principal) and in the counts of refusals.
 * The hash is over the whole text, so a secret is of no use behind another id. A fast hash will do,
 * for nobody can try 2^256 secrets. Thread-safe. */
#ifndef METAOPS_SCHEMAS_API_KEY_H
#define METAOPS_SCHEMAS_API_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define API_KEY_ID_CHARS 16
#define API_KEY_SECRET_CHARS 64
#define API_KEY_CHARS (3 + API_KEY_ID_CHARS + 1 + API_KEY_SECRET_CHARS)

struct api_key_hash {
    uint8_t bytes[32];
};

/* A new key into out, API_KEY_CHARS and a NUL. RETRY when the system has no random bytes. */
MUST_CHECK enum verdict api_key_make(char *out, struct err *err);

/* Whether text has the shape of a key; *out_id is the view of its id. */
bool api_key_parse(struct str text, struct str *out_id);

/* Whether text has the shape of a key's id. */
bool api_key_is_id(struct str text);

struct api_key_hash api_key_digest(struct str text);

/* In a time that does not depend on where they differ. */
bool api_key_hash_eq(const struct api_key_hash *a, const struct api_key_hash *b);

/* Whether a namespace belongs to a pattern: `*` stands for any bytes, also none and also '/'; all
 * other characters stand for themselves. Linear in practice, at most pattern times name. */
bool api_key_scope_match(struct str pattern, struct str namespace_);

#endif
