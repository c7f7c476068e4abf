/* redact_scan.h - where in a text a rule may apply: one pass, a few bytes at a time.
 *
 * Each trigger is three sets of bytes. A place is reported when its byte and the next two lie in
 * the sets of some trigger. With AVX2 a pass costs about 0.1 ns a byte; places are rare. */
#ifndef METAOPS_SCHEMAS_REDACT_SCAN_H
#define METAOPS_SCHEMAS_REDACT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDACT_SCAN_TRIGGERS_MAX 32
#define REDACT_SCAN_BUCKETS 8

/* Byte sets as texts; letters count in both cases when is_caseless. NULL: any byte. */
struct redact_trigger {
    const char *bytes[3];
    bool is_caseless;
    uint8_t bucket; /* triggers with similar bytes share one of 8 */
};

struct redact_scan {
    uint32_t exact[3][256]; /* a bit for each trigger */
    uint8_t low[3][16];     /* a bit for each bucket, by the low and the high half of a byte */
    uint8_t high[3][16];
    bool has_avx2;
};

void redact_scan_init(struct redact_scan *scan, const struct redact_trigger *triggers,
                      size_t count);

/* The first place at or behind from where a trigger applies, with the triggers' bits; size when
 * there is none. Reads nothing outside text; behind its end stand NULs. */
size_t redact_scan_next(const struct redact_scan *scan, const char *text, size_t size, size_t from,
                        uint32_t *out_triggers);

#endif
