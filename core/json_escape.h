/* json_escape.h - text into a JSON string, for answers and reports built by hand. Thread-safe. */
#ifndef METAOPS_CORE_JSON_ESCAPE_H
#define METAOPS_CORE_JSON_ESCAPE_H

#include "str.h"

/* The longest that one byte can become. */
#define JSON_ESCAPE_BYTES_MAX 6

/* Writes text without quotes: control bytes, quote and backslash escaped, bytes that are no
 * UTF-8 as \ufffd. out holds JSON_ESCAPE_BYTES_MAX * text.len bytes. Returns the bytes written;
 * no NUL. */
size_t json_escape(struct str text, char *out);

#endif
