/* refusal_sender.h - tells what the door refused: every few seconds one event on the topic of events
 * (refusal_report.h), from where the worker keeps it.
 *
 * A report that the broker did not confirm is sent again as it is, so that it counts once; what is
 * refused meanwhile waits in the tallies. One thread (the role's main one). */
#ifndef METAOPS_INGEST_REFUSAL_SENDER_H
#define METAOPS_INGEST_REFUSAL_SENDER_H

#include "core/err.h"

struct door;
struct publish;
struct refusal_sender;
struct settings;

/* All must outlive the sender. FATAL when memory is short. */
MUST_CHECK enum verdict refusal_sender_new(const struct settings *st, struct door *door,
                                           struct publish *publish,
                                           struct refusal_sender **out_sender, struct err *err);

/* Call once a second or so: sends what is due by ingest.refusals_interval_ms. Does not block. */
void refusal_sender_turn(struct refusal_sender *sender);

/* At the end: sends what is left; publish_stop waits for the answer. Blocks up to 1 s for that of
 * the report before. */
void refusal_sender_flush(struct refusal_sender *sender);

/* After publish_stop. NULL is allowed. */
void refusal_sender_free(struct refusal_sender *sender);

#endif
