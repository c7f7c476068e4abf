/* utf8.h - is this text UTF-8? Strict: no overlong forms, no surrogates, nothing above U+10FFFF;
 * NUL is a character. Thread-safe. */
#ifndef METAOPS_SCHEMAS_UTF8_H
#define METAOPS_SCHEMAS_UTF8_H

#include "core/str.h"

/* Length of the character that starts at bytes (at most len are readable), 0 when it is none. */
size_t utf8_char_bytes(const unsigned char *bytes, size_t len);

bool utf8_is_valid(struct str text);

#endif
