/* alerter_sign.h - signatures by which a receiver knows that a message is ours and fresh.
 *
 * As standardwebhooks.com wants them: HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`, one for each key, so
 * that a receiver can change its key while both are in use. Pure functions. */
#ifndef METAOPS_SINKS_ALERTER_SIGN_H
#define METAOPS_SINKS_ALERTER_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define ALERTER_SIGN_KEYS_MAX 4
#define ALERTER_SIGN_BYTES (ALERTER_SIGN_KEYS_MAX * 48)

struct alerter_sign_key {
    unsigned char bytes[128];
    size_t len;
};

/* Zeroed: no keys. */
struct alerter_sign {
    struct alerter_sign_key keys[ALERTER_SIGN_KEYS_MAX];
    size_t count;
};

/* A key a line of text, 16 to 128 characters: `whsec_` and base64, or anything else as it is. REJECT for what is none. */
MUST_CHECK enum verdict alerter_sign_read(struct alerter_sign *sign, struct str text,
                                          struct err *err);

/* The value of the header webhook-signature. RETRY when memory is short. */
MUST_CHECK enum verdict alerter_sign_write(const struct alerter_sign *sign, const char *id,
                                           int64_t timestamp_s, struct str body,
                                           char out[ALERTER_SIGN_BYTES], struct err *err);

/* Forgets the keys. */
void alerter_sign_fini(struct alerter_sign *sign);

#endif
