/* mlserver_due.h - when a server of MLServer is to be looked at, and what is to be told of it though nothing has changed.
 * Pure functions; times are of the monotonic clock, microseconds. */
#ifndef METAOPS_INGEST_MLSERVER_DUE_H
#define METAOPS_INGEST_MLSERVER_DUE_H

#include <stdbool.h>
#include <stdint.h>

/* So often everything is told. */
#define MLSERVER_DUE_US INT64_C(3600000000)

struct mlserver_due {
    int failures;     /* looks without an answer, one after the other */
    int losses;       /* the same of what was told and Kafka did not take */
    int64_t whole_us; /* when all that is on the server is told again */
    int64_t again_us; /* when its state is told again, which it can be without what is on it */
};

/* Until the next look: the interval, twice as long for each failure and loss, up to five minutes. */
int64_t mlserver_due_delay_ms(const struct mlserver_due *due, int64_t interval_ms);

/* A look had an answer, or none. */
void mlserver_due_seen(struct mlserver_due *due, bool is_away);

/* Something was told. */
void mlserver_due_told(struct mlserver_due *due, bool is_whole, int64_t now_us);

/* Whether Kafka took it. What it did not take is due again. */
void mlserver_due_ended(struct mlserver_due *due, bool is_kept);

#endif
