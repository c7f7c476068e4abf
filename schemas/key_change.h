/* key_change.h - one change of API keys, as it stands on topic metaops.keys: CloudEvents 1.0 of the
 * types io.metaops.key.added and io.metaops.key.revoked, subject the key's id.
 *
 * The topic is the truth about keys: the commands write it, gateways follow it from its beginning,
 * the worker keeps it in PostgreSQL (without the hash). */
#ifndef METAOPS_SCHEMAS_KEY_CHANGE_H
#define METAOPS_SCHEMAS_KEY_CHANGE_H

#include "schemas/api_key.h"
#include "schemas/cloud_event.h"

#define KEY_CHANGE_ADDED CLOUD_EVENT_OWN_TYPES "key.added"
#define KEY_CHANGE_REVOKED CLOUD_EVENT_OWN_TYPES "key.revoked"

/* Most patterns of one key, and the longest pattern and name. */
#define KEY_CHANGE_NAMESPACES_MAX 1000
#define KEY_CHANGE_TEXT_BYTES_MAX 1024

#define KEY_CHANGE_NEVER INT64_MAX

struct key_change {
    bool is_revoked; /* else added; then only key_id, at_us and by are meant */
    struct str key_id;
    int64_t at_us;
    struct str by; /* who did it, as far as the system knows: user@host */
    struct str name;
    struct str *namespaces; /* patterns, as api_key_scope_match; none: every namespace */
    uint32_t namespace_count;
    struct api_key_hash hash;
    int64_t expires_at_us; /* KEY_CHANGE_NEVER */
    int64_t rate_per_s;    /* events; 0 here and below: what the gateway's settings say */
    int64_t burst;
    int64_t events_per_day;
    int64_t bytes_per_day;
};

/* Whether the type of an event is one of a key change. */
bool key_change_is(struct str type);

/* What an event of such a type says. Texts and patterns lie in the doc's text or in arena. REJECT
 * with the place (fault may be NULL); RETRY when the arena is full. */
MUST_CHECK enum verdict key_change_read(const struct json_doc *doc, const struct cloud_event *ce,
                                        struct arena *arena, struct key_change *out_change,
                                        struct json_fault *fault, struct err *err);

/* The event as text, malloc'd, the caller's; ptr NULL when memory is short. */
struct str key_change_write(const struct key_change *change);

#endif
