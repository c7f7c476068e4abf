#include "schemas/redact_scan.h"

#include <string.h>

#include "core/ascii.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define BLOCK_BYTES 32
#define BLOCK_READ_BYTES (BLOCK_BYTES + 2)

static void redact_scan_allow(struct redact_scan *scan, int position, unsigned char byte,
                              uint32_t trigger, uint8_t bucket)
{
    scan->exact[position][byte] |= trigger;
    scan->low[position][byte & 15] |= bucket;
    scan->high[position][byte >> 4] |= bucket;
}

void redact_scan_init(struct redact_scan *scan, const struct redact_trigger *triggers, size_t count)
{
    memset(scan, 0, sizeof(*scan));
    for (size_t i = 0; i < count && i < REDACT_SCAN_TRIGGERS_MAX; i++) {
        uint32_t trigger = UINT32_C(1) << i;
        uint8_t bucket = (uint8_t)(1 << triggers[i].bucket);
        for (int position = 0; position < 3; position++) {
            const char *bytes = triggers[i].bytes[position];
            for (int byte = 0; !bytes && byte < 256; byte++) {
                redact_scan_allow(scan, position, (unsigned char)byte, trigger, bucket);
            }
            for (; bytes && *bytes; bytes++) {
                unsigned char byte = (unsigned char)*bytes;
                redact_scan_allow(scan, position, byte, trigger, bucket);
                if (triggers[i].is_caseless && ascii_is_alpha((char)byte)) {
                    redact_scan_allow(scan, position, byte ^ 0x20, trigger, bucket);
                }
            }
        }
    }
#if defined(__x86_64__)
    __builtin_cpu_init();
    scan->has_avx2 = __builtin_cpu_supports("avx2");
#endif
}

static inline uint32_t redact_scan_exact(const struct redact_scan *scan, const char *p)
{
    return scan->exact[0][(unsigned char)p[0]] & scan->exact[1][(unsigned char)p[1]] &
           scan->exact[2][(unsigned char)p[2]];
}

#if defined(__x86_64__)
/* Buckets whose sets hold each of the 32 bytes at p: by halves of the byte, so a superset. */
__attribute__((target("avx2"))) static inline __m256i
redact_scan_buckets(const uint8_t *low, const uint8_t *high, const char *p)
{
    const __m256i halves = _mm256_set1_epi8(15);
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i lows = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)low));
    __m256i highs =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)high));

    return _mm256_and_si256(
        _mm256_shuffle_epi8(lows, _mm256_and_si256(bytes, halves)),
        _mm256_shuffle_epi8(highs, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), halves)));
}

/* Whole blocks from *inout_from on. True with *inout_from at a place; false behind the last. */
__attribute__((target("avx2"))) static bool redact_scan_blocks(const struct redact_scan *scan,
                                                               const char *text, size_t size,
                                                               size_t *inout_from,
                                                               uint32_t *out_triggers)
{
    size_t at = *inout_from;

    for (; size - at >= BLOCK_READ_BYTES; at += BLOCK_BYTES) {
        const char *p = text + at;
        __m256i hits = _mm256_and_si256(
            _mm256_and_si256(redact_scan_buckets(scan->low[0], scan->high[0], p),
                             redact_scan_buckets(scan->low[1], scan->high[1], p + 1)),
            redact_scan_buckets(scan->low[2], scan->high[2], p + 2));
        uint32_t misses =
            (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(hits, _mm256_setzero_si256()));
        for (uint32_t found = ~misses; found; found &= found - 1) {
            size_t place = (size_t)__builtin_ctz(found);
            uint32_t triggers = redact_scan_exact(scan, p + place);
            if (triggers) {
                *inout_from = at + place;
                *out_triggers = triggers;
                return true;
            }
        }
    }
    *inout_from = at;
    return false;
}
#endif

size_t redact_scan_next(const struct redact_scan *scan, const char *text, size_t size, size_t from,
                        uint32_t *out_triggers)
{
#if defined(__x86_64__)
    if (scan->has_avx2 && from < size &&
        redact_scan_blocks(scan, text, size, &from, out_triggers)) {
        return from;
    }
#endif
    for (; from < size; from++) {
        char bytes[3] = {text[from], from + 1 < size ? text[from + 1] : '\0',
                         from + 2 < size ? text[from + 2] : '\0'};
        *out_triggers = redact_scan_exact(scan, bytes);
        if (*out_triggers) {
            return from;
        }
    }
    return size;
}
