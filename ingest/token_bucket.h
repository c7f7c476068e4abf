/* token_bucket.h - so many a second on average, so many at once. Not thread-safe; the clock is the
 * caller's. */
#ifndef METAOPS_INGEST_TOKEN_BUCKET_H
#define METAOPS_INGEST_TOKEN_BUCKET_H

#include <stdint.h>

struct token_bucket {
    double tokens;
    int64_t at_us; /* when tokens was right; 0: full, never used */
};

/* 0: there is a token (see take). Else the microseconds until there is one. A clock that goes back
 * gives nothing and takes nothing. */
int64_t token_bucket_wait_us(struct token_bucket *bucket, int64_t rate_per_s, int64_t burst,
                             int64_t now_us);

/* Takes the token that wait_us has just promised. */
void token_bucket_take(struct token_bucket *bucket);

#endif
