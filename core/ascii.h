/* ascii.h - classes of bytes as US-ASCII has them, whatever the locale of the process.
 *
 * For what must come out the same everywhere: what is redacted, and so the event's id; run ids and states.
 * The emitter is a library in somebody else's process, which may have called setlocale; there the functions
 * of <ctype.h> and <strings.h> take other bytes for letters, and another letter for a small I. Bytes from
 * 0x80 on are nothing here. */
#ifndef METAOPS_CORE_ASCII_H
#define METAOPS_CORE_ASCII_H

#include <stdbool.h>
#include <stddef.h>

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool ascii_is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool ascii_is_alpha(char c)
{
    return ascii_is_lower((char)(c | 0x20));
}

static inline bool ascii_is_alnum(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* Blank, tab, line feed, vertical tab, form feed, carriage return. */
static inline bool ascii_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline char ascii_lower(char c)
{
    return ascii_is_upper(c) ? (char)(c | 0x20) : c;
}

/* Of a hexadecimal digit in either case; -1: it is none. */
static inline int ascii_hex_value(char c)
{
    if (ascii_is_digit(c)) {
        return c - '0';
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* len bytes of both, without regard to case. */
static inline bool ascii_eq_caseless(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) {
            return false;
        }
    }
    return true;
}

#endif
