/* str.h - borrowed text: a pointer and a length, not necessarily terminated by NUL.
 *
 * The memory belongs to somebody else (a literal, an arena, a request body) and must outlive the
 * struct. Text may contain NUL bytes. */
#ifndef METAOPS_CORE_STR_H
#define METAOPS_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A literal as struct str. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* View of a NUL-terminated string; NULL gives the empty string. */
static inline struct str str_view(const char *text)
{
    return (struct str){text ? text : "", text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Does text begin with the NUL-terminated start? Never reads behind text. */
static inline bool str_starts(struct str text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.ptr, start, len) == 0;
}

static inline bool str_has_byte(const char *bytes, char c)
{
    while (*bytes && *bytes != c) {
        bytes++;
    }
    return *bytes != '\0';
}

/* text without the bytes of blanks (NUL-terminated) at its ends. */
static inline struct str str_trim(struct str text, const char *blanks)
{
    while (text.len > 0 && str_has_byte(blanks, text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && str_has_byte(blanks, text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Order of bytes, the shorter first when one is the start of the other. */
static inline int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

#endif
