/* timebase.h - the clocks, and ISO 8601 as producers really write it. Thread-safe. */
#ifndef METAOPS_CORE_TIMEBASE_H
#define METAOPS_CORE_TIMEBASE_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

/* Microseconds since 1970-01-01 UTC by the wall clock. */
int64_t timebase_wall_us(void);

/* Microseconds of a clock that never jumps. */
int64_t timebase_mono_us(void);

/* Waits so long, or until a signal is handled; nothing for what is not positive. */
void timebase_sleep_us(int64_t us);

/* Reads an ISO 8601 date and time: extended (2026-11-23T14:32:23.669394+00:00) or basic
 * (20261123T143223Z) form, `T` or `t`, seconds and minutes may be missing (T00:00Z), 0 to 9
 * fraction digits (cut, not rounded, to microseconds), hour 24 only as 24:00[:00], zone Z, z,
 * +hh:mm, +hhmm, +hh or missing (UTC), years 0001 to 9999, second 60 taken as the first of the
 * next minute. False for anything else. The proleptic Gregorian calendar, as PostgreSQL. */
bool timebase_parse(struct str text, int64_t *out_us);

/* Writes 2026-11-23T14:32:23.669394Z into out, which holds at least 32 bytes. A zone can carry the
 * first and last day outside the years 0001 to 9999: PostgreSQL refuses such text, not the
 * number. */
void timebase_format(int64_t us, char *out);

#endif
