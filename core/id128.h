/* id128.h - sixteen bytes that name something: a UUID or the first half of a SHA-256.
 *
 * Bytes are in network order, so memcmp order equals the order of PostgreSQL's uuid. */
#ifndef METAOPS_CORE_ID128_H
#define METAOPS_CORE_ID128_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ID128_TEXT_BYTES 37 /* 36 characters and the NUL */

struct id128 {
    uint8_t bytes[16];
};

static inline int id128_cmp(struct id128 a, struct id128 b)
{
    return memcmp(a.bytes, b.bytes, 16);
}

static inline bool id128_eq(struct id128 a, struct id128 b)
{
    return id128_cmp(a, b) == 0;
}

static inline bool id128_is_zero(struct id128 id)
{
    static const struct id128 zero;
    return id128_eq(id, zero);
}

/* Lower case with dashes, as PostgreSQL prints a uuid. out holds ID128_TEXT_BYTES. */
void id128_format(struct id128 id, char *out);

#endif
