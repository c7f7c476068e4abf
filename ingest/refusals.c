#include "ingest/refusals.h"

#include "core/metrics.h"
#include "schemas/refusal_report.h"

const struct refusal_row refusals_rows[REFUSAL_COUNT] = {
    [REFUSAL_MISSING] = {.status = 401,
                         .word = "missing",
                         .detail = "an API key is needed: Authorization: Bearer KEY",
                         .metric = METRIC_GATEWAY_REFUSALS_MISSING},
    [REFUSAL_MALFORMED] = {.status = 401,
                           .word = "malformed",
                           .detail = "Authorization must be there once: Bearer and an API key",
                           .metric = METRIC_GATEWAY_REFUSALS_MALFORMED},
    [REFUSAL_UNKNOWN] = {.status = 401,
                         .word = "unknown",
                         .detail = "nobody knows this API key",
                         .metric = METRIC_GATEWAY_REFUSALS_UNKNOWN},
    [REFUSAL_REVOKED] = {.status = 401,
                         .word = "revoked",
                         .detail = "this API key was revoked",
                         .metric = METRIC_GATEWAY_REFUSALS_REVOKED},
    [REFUSAL_EXPIRED] = {.status = 401,
                         .word = "expired",
                         .detail = "this API key has expired",
                         .metric = METRIC_GATEWAY_REFUSALS_EXPIRED},
    [REFUSAL_NAMESPACE] = {.status = 403,
                           .word = "namespace",
                           .detail = "the namespace is not one that this API key may write to",
                           .metric = METRIC_GATEWAY_REFUSALS_NAMESPACE},
    [REFUSAL_RATE] = {.status = 429,
                      .word = "rate",
                      .detail = "too many events a second with this API key",
                      .metric = METRIC_GATEWAY_REFUSALS_RATE},
    [REFUSAL_EVENTS_PER_DAY] = {.status = 429,
                                .word = "events_per_day",
                                .detail = "this API key has sent its events of the day (UTC)",
                                .metric = METRIC_GATEWAY_REFUSALS_EVENTS_PER_DAY},
    [REFUSAL_BYTES_PER_DAY] = {.status = 429,
                               .word = "bytes_per_day",
                               .detail = "this API key has sent its bytes of the day (UTC)",
                               .metric = METRIC_GATEWAY_REFUSALS_BYTES_PER_DAY},
};

void refusals_count(struct refusal_tally *tally, enum refusal why, int64_t now_us)
{
    if (tally->of[why].count++ == 0) {
        tally->of[why].first_us = now_us;
    }
    tally->of[why].last_us = now_us;
    metrics_inc((enum metric)refusals_rows[why].metric);
}

size_t refusals_take(struct refusal_tally *tally, struct str key_id, struct refusal_entry *entries,
                     size_t max)
{
    size_t count = 0;

    for (size_t why = 0; why < REFUSAL_COUNT && count < max; why++) {
        if (tally->of[why].count == 0) {
            continue;
        }
        entries[count++] = (struct refusal_entry){.key_id = key_id,
                                                  .status = refusals_rows[why].status,
                                                  .reason = str_view(refusals_rows[why].word),
                                                  .count = tally->of[why].count,
                                                  .first_us = tally->of[why].first_us,
                                                  .last_us = tally->of[why].last_us};
        tally->of[why].count = 0;
    }
    return count;
}
