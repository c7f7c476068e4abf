#include "ingest/kube_pace.h"

#include "core/backoff.h"

#define SECOND_US INT64_C(1000000)
#define APART_US SECOND_US
#define LASTING_US SECOND_US
#define LASTING_LONG_US (60 * SECOND_US)
#define WAIT_FIRST_US INT64_C(250000)
#define WAIT_MAX_US (30 * SECOND_US)
#define ASKED_MAX_S 600

int64_t kube_pace_rest_us(const struct kube_pace *pace, int64_t now_us)
{
    int64_t left_us = pace->watch_us + APART_US - now_us;

    return pace->watch_us > 0 && left_us > 0 ? left_us : 0;
}

void kube_pace_begin(struct kube_pace *pace, int64_t now_us)
{
    pace->watch_us = now_us;
}

bool kube_pace_lasts(struct kube_pace *pace, int64_t now_us)
{
    int64_t us = now_us - pace->watch_us;

    if (us <= LASTING_US) {
        return false;
    }
    pace->failures = 0;
    pace->lists = us > LASTING_LONG_US ? 0 : pace->lists;
    return true;
}

int64_t kube_pace_fail_us(struct kube_pace *pace, bool is_list_next, int64_t asked_s,
                          int64_t now_us)
{
    pace->failures++;
    pace->lists += is_list_next;
    int times = is_list_next && pace->lists > pace->failures ? pace->lists : pace->failures;
    int64_t us = backoff_doubled(WAIT_FIRST_US, times - 1, WAIT_MAX_US);
    us -= us / 4 * (now_us % 100) / 100;
    if (asked_s <= 0) {
        return us;
    }
    int64_t asked_us = (asked_s < ASKED_MAX_S ? asked_s : ASKED_MAX_S) * SECOND_US;
    return asked_us > us ? asked_us : us;
}
