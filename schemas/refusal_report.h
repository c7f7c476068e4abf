/* refusal_report.h - who was refused how often at a gateway in the last seconds: a CloudEvents 1.0
 * event of type io.metaops.refusals on the topic of events.
 *
 * Each report counts what no other counts, so reports are summed. */
#ifndef METAOPS_SCHEMAS_REFUSAL_REPORT_H
#define METAOPS_SCHEMAS_REFUSAL_REPORT_H

#include "schemas/cloud_event.h"

#define REFUSAL_REPORT_TYPE CLOUD_EVENT_OWN_TYPES "refusals"

/* Most entries of one report. */
#define REFUSAL_REPORT_ENTRIES_MAX 1000

struct refusal_entry {
    struct str key_id; /* "unknown": a key that nobody made; "anonymous": none was shown */
    int64_t status;    /* of HTTP */
    struct str reason; /* a word */
    int64_t count;
    int64_t first_us;
    int64_t last_us;
};

struct refusal_report {
    struct str gateway; /* host and address it listens on */
    struct refusal_entry *entries;
    uint32_t entry_count;
};

/* As key_change_read. */
MUST_CHECK enum verdict refusal_report_read(const struct json_doc *doc,
                                            const struct cloud_event *ce, struct arena *arena,
                                            struct refusal_report *out_report,
                                            struct json_fault *fault, struct err *err);

/* The event as text, malloc'd, the caller's; ptr NULL when memory is short. */
struct str refusal_report_write(const struct refusal_report *report, int64_t now_us);

#endif
