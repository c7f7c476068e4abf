#include "ingest/admission.h"

#include "core/settings.h"

/* Above this part of the queue a burst could fill it before the first 503 has any effect. */
#define FULL_PERCENT 80
#define RETRY_AFTER_S_MAX 10
/* The delivery time is learned from deliveries: without some let through, it would stay bad for
 * ever. */
#define TRIAL_MESSAGES 16

int admission_retry_after_s(const struct settings *st, const struct admission_load *load)
{
    size_t full_bytes = (size_t)st->ingest.queue_bytes_max / 100 * FULL_PERCENT;
    bool is_slow =
        load->messages >= TRIAL_MESSAGES && load->delivery_ms > (int)st->ingest.message_timeout_ms;
    int retry_after_s = load->delivery_ms / 1000 + 1;

    if (load->bytes <= full_bytes && !is_slow) {
        return 0;
    }
    return retry_after_s > RETRY_AFTER_S_MAX ? RETRY_AFTER_S_MAX : retry_after_s;
}
