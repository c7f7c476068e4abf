/* json_skip.h - where white space, a string and a value of JSON end, by quotes and brackets alone: for what is cut into parts
 * without being parsed. What is skipped need not be JSON. Pure functions; places are indexes into text, up to text.len. */
#ifndef METAOPS_CORE_JSON_SKIP_H
#define METAOPS_CORE_JSON_SKIP_H

#include "core/str.h"

/* White space of JSON, for str_trim. */
#define JSON_SPACE " \t\n\r"

/* Behind white space at `at`. */
size_t json_skip_space(struct str text, size_t at);

/* Behind the string whose first quote is at `at`; text.len when it does not end. */
size_t json_skip_string(struct str text, size_t at);

/* The comma or closing bracket (one of ] and }: that of what the value is in) behind the value at `at`, white space in front of
 * it passed over, too; text.len when there is none. */
size_t json_skip_value(struct str text, size_t at, char bracket);

#endif
