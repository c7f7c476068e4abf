/* event_renew.h - real events from files, sent again and again as new ones: every pass over the files
 * gives each run id a new UUID (the same for all events of a run) and each event the current time.
 * Everything else stays as the tools wrote it. One thread. */
#ifndef METAOPS_BENCH_EVENT_RENEW_H
#define METAOPS_BENCH_EVENT_RENEW_H

#include "core/err.h"
#include "tests/bench/event_maker.h"

struct event_renew;

/* Reads the OpenLineage events of folder/<any>.jsonl, files in name order. FATAL when there are none. */
MUST_CHECK enum verdict event_renew_open(const char *folder, struct event_renew **out_renew,
                                         struct err *err);

/* Appends the next event. maker is where the new run ids come from. */
void event_renew_next(struct event_renew *renew, struct event_maker *maker, int64_t now_us,
                      struct text_out *out);

/* NULL is allowed. */
void event_renew_close(struct event_renew *renew);

#endif
