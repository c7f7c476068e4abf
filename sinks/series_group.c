#include "series_group.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#define HEAD_BYTES (SERIES_GROUP_ENTRY_BYTES_MAX - SERIES_CODEC_BYTES_MAX)

static char *put_half(char *at, uint16_t value)
{
    uint16_t wire = htobe16(value);
    return mempcpy(at, &wire, sizeof wire);
}

static char *put_word(char *at, uint32_t value)
{
    uint32_t wire = htobe32(value);
    return mempcpy(at, &wire, sizeof wire);
}

static char *put_long(char *at, uint64_t value)
{
    uint64_t wire = htobe64(value);
    return mempcpy(at, &wire, sizeof wire);
}

static char *put_real(char *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_long(at, bits);
}

static uint16_t half_at(const char *at)
{
    uint16_t wire;
    memcpy(&wire, at, sizeof wire);
    return be16toh(wire);
}

bool series_group_next(struct str *rest, struct series_entry *out_entry)
{
    if (rest->len < HEAD_BYTES) {
        return false;
    }
    size_t state_len = half_at(rest->ptr + 2);
    if (rest->len - HEAD_BYTES < state_len) {
        return false;
    }
    *out_entry = (struct series_entry){.metric = (int16_t)half_at(rest->ptr),
                                       .bytes = {rest->ptr, HEAD_BYTES + state_len},
                                       .state = {rest->ptr + HEAD_BYTES, state_len}};
    rest->ptr += HEAD_BYTES + state_len;
    rest->len -= HEAD_BYTES + state_len;
    return true;
}

size_t series_group_put(char *bytes, int16_t metric, const struct series_view *view,
                        const struct series_state *state)
{
    bool is_told = view->points >= SERIES_FIRST;
    size_t state_len = series_codec_encode(state, bytes + HEAD_BYTES);
    char *at = put_half(bytes, (uint16_t)metric);
    at = put_half(at, (uint16_t)state_len);
    at = put_word(at, view->points);
    at = put_long(at, (uint64_t)view->newest.at_us);
    at = put_real(at, (double)view->newest.value);
    at = put_real(at, is_told ? view->expected : NAN);
    at = put_real(at, is_told ? view->spread : NAN);
    put_real(at, view->score);
    return HEAD_BYTES + state_len;
}
