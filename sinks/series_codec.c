#include "series_codec.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define VERSION 1
#define NIBBLE 16
#define OFF_IS_SLOW 0x10
#define OFF_WAS_BACK 0x20
#define HAS_ACCEPTED 0x40

/* One walk for both ways, so that they cannot differ. */
struct walk {
    char *out; /* NULL: reading */
    const char *in;
    size_t at;
    size_t len;
    bool is_cut;
};

/* Inlined, so that the compiler knows the length: this is walked for every number of every run. */
static inline __attribute__((always_inline)) void bytes(struct walk *wk, void *value, size_t len)
{
    if (wk->at + len > wk->len) {
        wk->is_cut = true;
        memset(value, 0, wk->out ? 0 : len);
        return;
    }
    if (wk->out) {
        memcpy(wk->out + wk->at, value, len);
    } else {
        memcpy(value, wk->in + wk->at, len);
    }
    wk->at += len;
}

static inline void byte(struct walk *wk, uint8_t *value)
{
    bytes(wk, value, 1);
}

static inline void half(struct walk *wk, int16_t *value)
{
    uint16_t wire = htole16((uint16_t)*value);
    bytes(wk, &wire, sizeof wire);
    *value = (int16_t)le16toh(wire);
}

static inline void word(struct walk *wk, uint32_t *value)
{
    uint32_t wire = htole32(*value);
    bytes(wk, &wire, sizeof wire);
    *value = le32toh(wire);
}

static inline void real(struct walk *wk, float *value)
{
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    word(wk, &bits);
    memcpy(value, &bits, sizeof bits);
}

static inline void time_us(struct walk *wk, int64_t *value)
{
    uint64_t wire = htole64((uint64_t)*value);
    bytes(wk, &wire, sizeof wire);
    *value = (int64_t)le64toh(wire);
}

static inline void id(struct walk *wk, struct id128 *value)
{
    bytes(wk, value->bytes, sizeof value->bytes);
}

/* Counts below NIBBLE, two a byte. */
static void visits(struct walk *wk, uint8_t *counts, size_t count)
{
    for (size_t i = 0; i < count; i += 2) {
        bool is_pair = i + 1 < count;
        uint8_t both = (uint8_t)(counts[i] + (is_pair ? counts[i + 1] * NIBBLE : 0));
        byte(wk, &both);
        counts[i] = both % NIBBLE;
        if (is_pair) {
            counts[i + 1] = both / NIBBLE;
        }
    }
}

static void first_points(struct walk *wk, struct series_learned *ln)
{
    for (uint32_t i = 0; i < ln->points; i++) {
        real(wk, &ln->first_value[i]);
        byte(wk, &ln->first_day[i]);
        byte(wk, &ln->first_hour[i]);
        wk->is_cut =
            wk->is_cut || ln->first_day[i] >= SERIES_DAYS || ln->first_hour[i] >= SERIES_HOURS;
    }
}

static void seasons(struct walk *wk, struct series_learned *ln)
{
    float *reals[] = {&ln->origin,    &ln->unit,      &ln->level[0], &ln->level[1],
                      &ln->spread[0], &ln->spread[1], &ln->ewma,     &ln->slope,
                      &ln->episodes,  &ln->above,     &ln->below};
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        real(wk, reals[i]);
    }
    for (int i = 0; i < SERIES_DAYS; i++) {
        half(wk, &ln->day[i]);
    }
    for (int i = 0; i < SERIES_HOURS; i++) {
        half(wk, &ln->hour[i]);
    }
    visits(wk, ln->day_visits, SERIES_DAYS);
    visits(wk, ln->hour_visits, SERIES_HOURS);
}

/* How many points are off, and marks. */
static void episode(struct walk *wk, struct series_learned *ln)
{
    bool has_accepted = !id128_is_zero(ln->accepted_run);
    uint8_t first =
        (uint8_t)(ln->off_points + (ln->off_is_slow ? OFF_IS_SLOW : 0) +
                  (ln->off_was_back ? OFF_WAS_BACK : 0) + (has_accepted ? HAS_ACCEPTED : 0));
    byte(wk, &first);
    ln->off_points = first % NIBBLE;
    ln->off_is_slow = first & OFF_IS_SLOW;
    ln->off_was_back = first & OFF_WAS_BACK;
    if (ln->off_points) {
        real(wk, &ln->off_by);
        id(wk, &ln->off_run);
    }
    if (first & HAS_ACCEPTED) {
        id(wk, &ln->accepted_run);
    }
}

static void state_bytes(struct walk *wk, struct series_state *state)
{
    struct series_learned *ln = &state->learned;
    word(wk, &ln->points);
    time_us(wk, &ln->last_at_us);
    id(wk, &ln->last_run);
    real(wk, &ln->step_s);
    if (ln->points < SERIES_FIRST) {
        first_points(wk, ln);
    } else {
        seasons(wk, ln);
    }
    episode(wk, ln);
    byte(wk, &state->pending_count);
    for (uint8_t i = 0; i < state->pending_count && i < SERIES_PENDING_MAX; i++) {
        time_us(wk, &state->pending[i].at_us);
        id(wk, &state->pending[i].run);
        real(wk, &state->pending[i].value);
    }
}

size_t series_codec_encode(const struct series_state *state, char *out)
{
    struct series_state copy = *state;
    uint8_t version = VERSION;
    struct walk wk = {.out = out, .len = SERIES_CODEC_BYTES_MAX};
    byte(&wk, &version);
    state_bytes(&wk, &copy);
    assert(!wk.is_cut);
    return wk.at;
}

bool series_codec_decode(struct str in, struct series_state *out_state)
{
    struct series_state state = {0};
    uint8_t version = 0;
    struct walk wk = {.in = in.ptr, .len = in.len};
    if (in.len == 0) {
        *out_state = state;
        return true;
    }
    byte(&wk, &version);
    if (version != VERSION) {
        return false;
    }
    state_bytes(&wk, &state);
    if (wk.is_cut || wk.at != in.len || state.pending_count > SERIES_PENDING_MAX) {
        return false;
    }
    *out_state = state;
    return true;
}
