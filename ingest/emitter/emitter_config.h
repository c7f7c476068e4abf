/* emitter_config.h - the configuration of an emitter: text, then environment, then defaults (the
 * keys are in metaops_emit.h). Read once by open; afterwards only read. */
#ifndef METAOPS_INGEST_EMITTER_EMITTER_CONFIG_H
#define METAOPS_INGEST_EMITTER_EMITTER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"
#include "ingest/http_url.h"

#define EMITTER_NAME_BYTES_MAX 128

struct emitter_property {
    char *name; /* without rdkafka. */
    char *value;
};

struct emitter_config {
    /* http:// and https:// */
    bool is_tls;
    struct http_url url; /* its path is that of single events */
    bool has_batches;    /* the standard endpoint: there is one for batches below it */
    char *api_key;       /* never in messages */
    char *api_key_file;
    char *ca_file;
    char *certificate_file;
    char *key_file;

    /* kafka:// */
    char *brokers; /* NULL: HTTP */
    char *topic;
    struct emitter_property *properties;
    size_t property_count;

    char emitter[EMITTER_NAME_BYTES_MAX + 1];
    char *spool; /* NULL: in memory */
    bool is_spool_named;
    bool has_fsync;
    bool is_disabled;
    char *environment_allow; /* for redact.h */
    bool is_masking_sql;
    int64_t spool_bytes_max;
    int64_t spool_age_max_s;
    int64_t event_bytes_max;
    int64_t block_ms_max;
    int64_t timeout_ms;
    int64_t retry_ms_max;
};

/* text may be NULL. REJECT with the line's key and reason; RETRY when memory is short. */
MUST_CHECK enum verdict emitter_config_read(const char *text, struct emitter_config *out_config,
                                            struct err *err);

/* Whether an emitter may have that name: it goes into a header as it is. */
bool emitter_config_is_name(struct str name);

/* The key to send now: a copy of api_key, else the first line of api_key_file; NULL when there is
 * none. The caller frees it. */
char *emitter_config_key(const struct emitter_config *config);

/* A zeroed config is allowed. */
void emitter_config_fini(struct emitter_config *config);

#endif
