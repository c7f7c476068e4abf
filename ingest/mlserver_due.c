#include "ingest/mlserver_due.h"

#include "core/backoff.h"

#define DELAY_MS_MAX INT64_C(300000)
#define COUNT_MAX 12

int64_t mlserver_due_delay_ms(const struct mlserver_due *due, int64_t interval_ms)
{
    return backoff_doubled(interval_ms, due->failures + due->losses,
                           interval_ms > DELAY_MS_MAX ? interval_ms : DELAY_MS_MAX);
}

static int one_more(int count)
{
    return count < COUNT_MAX ? count + 1 : count;
}

void mlserver_due_seen(struct mlserver_due *due, bool is_away)
{
    due->failures = is_away ? one_more(due->failures) : 0;
}

void mlserver_due_told(struct mlserver_due *due, bool is_whole, int64_t now_us)
{
    due->again_us = now_us + MLSERVER_DUE_US;
    if (is_whole) {
        due->whole_us = due->again_us;
    }
}

void mlserver_due_ended(struct mlserver_due *due, bool is_kept)
{
    due->losses = is_kept ? 0 : one_more(due->losses);
    if (!is_kept) {
        due->whole_us = due->again_us = 0;
    }
}
