#include "ingest/token_bucket.h"

#define SECOND_US 1e6

int64_t token_bucket_wait_us(struct token_bucket *bucket, int64_t rate_per_s, int64_t burst,
                             int64_t now_us)
{
    double full = (double)burst;

    if (bucket->at_us == 0) {
        bucket->tokens = full;
    } else if (now_us > bucket->at_us) {
        bucket->tokens += (double)(now_us - bucket->at_us) * (double)rate_per_s / SECOND_US;
    }
    bucket->tokens = bucket->tokens < full ? bucket->tokens : full;
    bucket->at_us = now_us;
    if (bucket->tokens >= 1) {
        return 0;
    }
    /* Rounded up: whoever comes back then finds it. */
    return (int64_t)((1 - bucket->tokens) * SECOND_US / (double)rate_per_s) + 1;
}

void token_bucket_take(struct token_bucket *bucket)
{
    bucket->tokens -= 1;
}
