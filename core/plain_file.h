/* plain_file.h - looks at a file before a library opens it that would wait for a named pipe for ever, or read all of
 * what is there: a wrong path in the settings, or somebody's joke in a folder of certificates, stops no role. */
#ifndef METAOPS_CORE_PLAIN_FILE_H
#define METAOPS_CORE_PLAIN_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* For files of certificates: all authorities of a system are a quarter of it. */
#define PLAIN_FILE_CERTIFICATES_BYTES_MAX ((size_t)4 << 20)

/* NULL when path is, behind links, a regular file of at most bytes_max bytes; else what is wrong with it, a literal or
 * errno's text. */
const char *plain_file_fault(const char *path, size_t bytes_max);

/* Whether the regular file there may be read by everybody, which files with secrets are not for. */
bool plain_file_is_public(const char *path);

#endif
