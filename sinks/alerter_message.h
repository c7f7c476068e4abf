/* alerter_message.h - one message about an alert, and the forms in which receivers want it.
 *
 * Text is borrowed, NULL where the alert has none. Pure functions; each text is malloc'd, NUL-terminated and the
 * caller's, NULL when memory is short. */
#ifndef METAOPS_SINKS_ALERTER_MESSAGE_H
#define METAOPS_SINKS_ALERTER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define ALERTER_MESSAGE_KEY_BYTES 64

struct alerter_message {
    int64_t outbox_id;
    int64_t at_us;     /* when there was something to tell */
    const char *what;  /* opened, reopened, raised, resolved, expected, ignored */
    const char *alert; /* JSON: the row of metaops.alerts; what follows are its columns */
    const char *alert_id;
    const char *kind;
    const char *severity;
    const char *status;
    const char *subject_kind;
    const char *namespace_name;
    const char *name;
    const char *field;
    const char *title;
    const char *run_id;
    int64_t opened_at_us;
    int64_t event_time_us;
    int occurrences;
    const char *detail;     /* JSON */
    const char *downstream; /* JSON */
    const char *owners;     /* of the subject, separated by commas */
    int downstream_count;
};

/* The same for each message however often it is sent: number of the message, alert. */
void alerter_message_key(const struct alerter_message *msg, char out[ALERTER_MESSAGE_KEY_BYTES]);

/* The columns of metaops.alerts as a JSON object. */
char *alerter_message_plain(const struct alerter_message *msg);

/* CloudEvents 1.0, structured: the same object as data. */
char *alerter_message_cloud_event(const struct alerter_message *msg);

/* A text as Slack's incoming webhooks and those like them take it. */
char *alerter_message_slack(const struct alerter_message *msg);

/* What Alertmanager's POST /api/v2/alerts takes. An alert is open until it is said to have ended, which is why its end is
 * far away at first; its severity is a label, so that one that got worse ends as what it was before. */
char *alerter_message_alertmanager(const struct alerter_message *msg);

/* One line of JSON: what, number and the columns. */
char *alerter_message_line(const struct alerter_message *msg);

#endif
