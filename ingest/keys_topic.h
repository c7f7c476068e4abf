/* keys_topic.h - the topic of keys as `metaops keys` uses it: read all of it once, add one change. */
#ifndef METAOPS_INGEST_KEYS_TOPIC_H
#define METAOPS_INGEST_KEYS_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "schemas/key_change.h"

struct settings;

/* A key as its changes tell; all text is owned. */
struct keys_entry {
    char id[API_KEY_ID_CHARS + 1];
    char *name; /* empty when only the revocation is there */
    char **namespaces;
    uint32_t namespace_count;
    char *by;
    int64_t at_us;
    int64_t expires_at_us;
    int64_t rate_per_s;
    int64_t burst;
    int64_t events_per_day;
    int64_t bytes_per_day;
    bool is_revoked;
    char *revoked_by;
    int64_t revoked_at_us;
};

struct keys_list {
    struct keys_entry *items; /* in the order of the topic */
    size_t count;
    size_t capacity;
};

/* Reads the topic to its end. RETRY when that takes more than timeout_ms, or memory is short. */
MUST_CHECK enum verdict keys_topic_read(const struct settings *st, int timeout_ms,
                                        struct keys_list *out_list, struct err *err);

/* NULL when there is none. */
const struct keys_entry *keys_topic_find(const struct keys_list *list, struct str id);

/* Writes one change and waits until the broker has it. RETRY when it may or may not be there. */
MUST_CHECK enum verdict keys_topic_write(const struct settings *st, const struct key_change *change,
                                         struct err *err);

/* A zeroed list is fine. */
void keys_topic_fini(struct keys_list *list);

#endif
