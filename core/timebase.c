#include "core/timebase.h"

#include <time.h>

#define DAY_S 86400
#define US_PER_S 1000000

static int64_t timebase_clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t timebase_wall_us(void)
{
    return timebase_clock_us(CLOCK_REALTIME);
}

int64_t timebase_mono_us(void)
{
    return timebase_clock_us(CLOCK_MONOTONIC);
}

void timebase_sleep_us(int64_t us)
{
    const struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    if (us > 0) {
        nanosleep(&pause, NULL);
    }
}

static bool timebase_is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int timebase_month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && timebase_is_leap(year) ? 29 : days[month - 1];
}

static int64_t timebase_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to the first of January of year (719162 days lie before 1970 since year
 * 1). */
static int64_t timebase_year_start(int64_t year)
{
    int64_t y = year - 1;

    return y * 365 + timebase_floor_div(y, 4) - timebase_floor_div(y, 100) +
           timebase_floor_div(y, 400) - 719162;
}

static int64_t timebase_days(int64_t year, int month, int day)
{
    int64_t days = timebase_year_start(year) + day - 1;

    for (int m = 1; m < month; m++) {
        days += timebase_month_days(year, m);
    }
    return days;
}

struct cursor {
    const char *ptr;
    const char *end;
};

static bool timebase_digits(struct cursor *c, int count, int *out_value)
{
    int value = 0;

    if (c->end - c->ptr < count) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (c->ptr[i] < '0' || c->ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (c->ptr[i] - '0');
    }
    c->ptr += count;
    *out_value = value;
    return true;
}

static bool timebase_skip(struct cursor *c, char byte)
{
    if (c->ptr < c->end && *c->ptr == byte) {
        c->ptr++;
        return true;
    }
    return false;
}

static bool timebase_at_digit(const struct cursor *c)
{
    return c->ptr < c->end && *c->ptr >= '0' && *c->ptr <= '9';
}

/* The date; whether it has dashes decides between the extended and the basic form for the time. */
static bool timebase_parse_date(struct cursor *c, int64_t *out_days, bool *out_extended)
{
    int year, month, day;

    if (!timebase_digits(c, 4, &year)) {
        return false;
    }
    bool extended = timebase_skip(c, '-');
    if (!timebase_digits(c, 2, &month) || (extended && !timebase_skip(c, '-')) ||
        !timebase_digits(c, 2, &day)) {
        return false;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > timebase_month_days(year, month)) {
        return false;
    }
    *out_days = timebase_days(year, month, day);
    *out_extended = extended;
    return true;
}

/* The fraction after its point, in microseconds. Digits beyond them are cut, but told, because hour
 * 24 has none. */
static bool timebase_parse_fraction(struct cursor *c, int *out_us, bool *out_nonzero)
{
    int us = 0, count = 0;
    bool nonzero = false;

    for (; timebase_at_digit(c); c->ptr++, count++) {
        us = count < 6 ? us * 10 + (*c->ptr - '0') : us;
        nonzero = nonzero || *c->ptr != '0';
    }
    for (int i = count; i < 6; i++) {
        us *= 10;
    }
    *out_us = us;
    *out_nonzero = nonzero;
    return count <= 9;
}

/* hh[:mm[:ss[.f]]] or hh[mm[ss[.f]]] */
static bool timebase_parse_time(struct cursor *c, bool extended, int64_t *out_us)
{
    int hour, minute = 0, second = 0, us = 0;
    bool has_minute = false, nonzero = false;

    if (!timebase_digits(c, 2, &hour)) {
        return false;
    }
    if (extended ? timebase_skip(c, ':') : timebase_at_digit(c)) {
        has_minute = true;
        if (!timebase_digits(c, 2, &minute)) {
            return false;
        }
        if (extended ? timebase_skip(c, ':') : timebase_at_digit(c)) {
            if (!timebase_digits(c, 2, &second)) {
                return false;
            }
            if (timebase_skip(c, '.') && !timebase_parse_fraction(c, &us, &nonzero)) {
                return false;
            }
        }
    }
    if (minute > 59 || second > 60 || hour > 24) {
        return false;
    }
    if (hour == 24 && (!has_minute || minute || second || nonzero)) {
        return false;
    }
    *out_us = ((int64_t)hour * 3600 + minute * 60 + second) * US_PER_S + us;
    return true;
}

/* What to take away to come to UTC. */
static bool timebase_parse_zone(struct cursor *c, int64_t *out_us)
{
    int sign, hour, minute = 0;

    *out_us = 0;
    if (c->ptr == c->end || timebase_skip(c, 'Z') || timebase_skip(c, 'z')) {
        return true;
    }
    if (timebase_skip(c, '+')) {
        sign = 1;
    } else if (timebase_skip(c, '-')) {
        sign = -1;
    } else {
        return false;
    }
    if (!timebase_digits(c, 2, &hour)) {
        return false;
    }
    if ((timebase_skip(c, ':') || timebase_at_digit(c)) && !timebase_digits(c, 2, &minute)) {
        return false;
    }
    if (hour > 23 || minute > 59) {
        return false;
    }
    *out_us = (int64_t)sign * (hour * 3600 + minute * 60) * US_PER_S;
    return true;
}

bool timebase_parse(struct str text, int64_t *out_us)
{
    struct cursor c = {.ptr = text.ptr, .end = text.ptr + text.len};
    int64_t days, time_us, zone_us;
    bool extended;

    if (!timebase_parse_date(&c, &days, &extended)) {
        return false;
    }
    if (!timebase_skip(&c, 'T') && !timebase_skip(&c, 't')) {
        return false;
    }
    if (!timebase_parse_time(&c, extended, &time_us) || !timebase_parse_zone(&c, &zone_us) ||
        c.ptr != c.end) {
        return false;
    }
    *out_us = days * DAY_S * US_PER_S + time_us - zone_us;
    return true;
}

/* Decimal digits, then a byte. Times are written for every row, and snprintf costs too much
 * there. */
static char *timebase_put(char *out, int64_t value, int digits, char behind)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    out[digits] = behind;
    return out + digits + 1;
}

void timebase_format(int64_t us, char *out)
{
    int64_t seconds = timebase_floor_div(us, US_PER_S);
    int64_t days = timebase_floor_div(seconds, DAY_S);
    int second = (int)(seconds - days * DAY_S);
    int fraction_us = (int)((us % US_PER_S + US_PER_S) % US_PER_S);

    /* 146097 days are 400 years; the guess is at most one year off. */
    int64_t year = 1970 + timebase_floor_div(days * 400, 146097);
    while (timebase_year_start(year) > days) {
        year--;
    }
    while (timebase_year_start(year + 1) <= days) {
        year++;
    }
    int day = (int)(days - timebase_year_start(year));
    int month = 1;
    while (day >= timebase_month_days(year, month)) {
        day -= timebase_month_days(year, month);
        month++;
    }
    if (year < 0) {
        *out++ = '-';
        year = -year;
    }
    out = timebase_put(out, year, year > 99999 ? 6 : year > 9999 ? 5 : 4, '-');
    out = timebase_put(out, month, 2, '-');
    out = timebase_put(out, day + 1, 2, 'T');
    out = timebase_put(out, second / 3600, 2, ':');
    out = timebase_put(out, second / 60 % 60, 2, ':');
    out = timebase_put(out, second % 60, 2, '.');
    out = timebase_put(out, fraction_us, 6, 'Z');
    *out = '\0';
}
