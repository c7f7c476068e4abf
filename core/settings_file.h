/* settings_file.h - the text of a configuration file to keys and values. Internal to settings*.c.
 *
 * One `key = value` a line, LF or CRLF. `#` at the start or after white space begins a comment. A
 * value in double quotes may hold # and outer white space; inside, \" \\ and \n are a quote, a
 * backslash and a line end. */
#ifndef METAOPS_CORE_SETTINGS_FILE_H
#define METAOPS_CORE_SETTINGS_FILE_H

#include <stdio.h>

#include "err.h"
#include "str.h"

#define SETTINGS_FILE_BYTES_MAX (1 << 20)
#define SETTINGS_FILE_VALUE_BYTES_MAX 16384

/* One setting of the file; value is valid during the call. Anything but OK ends the reading. */
typedef enum verdict (*settings_file_each)(void *arg, int line, struct str key, const char *value,
                                           struct err *err);

/* FATAL for a line that is none of these (the text names the line), else what each returned. */
MUST_CHECK enum verdict settings_file_parse(struct str text, settings_file_each each, void *arg,
                                            struct err *err);

/* Reads a whole file of at most bytes_max bytes into a malloc'd, NUL-terminated text. FATAL. */
MUST_CHECK enum verdict settings_file_read(const char *path, size_t bytes_max, char **out_text,
                                           size_t *out_len, struct err *err);

/* Writes value so that settings_file_parse reads it back. */
void settings_file_print_value(const char *value, FILE *out);

#endif
