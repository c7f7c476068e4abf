/* alert_record.h - a message about an alert as it stands on kafka.topic_alerts (avro/alert.v1.avsc).
 *
 * All text is borrowed; ptr NULL is null where the schema has null. */
#ifndef METAOPS_SCHEMAS_ALERT_RECORD_H
#define METAOPS_SCHEMAS_ALERT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id128.h"
#include "core/str.h"

struct alert_record {
    int64_t outbox_id;
    int64_t at_us;
    struct str what;
    struct id128 alert_id;
    struct str kind;
    struct str severity;
    struct str status;
    struct str subject_kind; /* these four may be null */
    struct str subject_namespace;
    struct str subject_name;
    struct str field;
    struct str title;
    int64_t opened_at_us;
    int64_t event_time_us;
    struct str run_id; /* may be null */
    int32_t occurrences;
    struct str detail;     /* JSON */
    struct str downstream; /* JSON */
};

/* Avro single-object encoding, malloc'd, the caller's. RETRY when memory is short. */
MUST_CHECK enum verdict alert_record_encode(const struct alert_record *record, void **out_bytes,
                                            size_t *out_len, struct err *err);

#endif
