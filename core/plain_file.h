/* plain_file.h - looks at a file before a library opens it that would wait for a named pipe for ever, or read all of
 * what is there: a wrong path in the settings, or somebody's joke in a folder of certificates, stops no role. */
#ifndef METAOPS_CORE_PLAIN_FILE_H
#define METAOPS_CORE_PLAIN_FILE_H

#include <stddef.h>

/* NULL when path is, behind links, a regular file of at most bytes_max bytes; else what is wrong with it, a literal or
 * errno's text. */
const char *plain_file_fault(const char *path, size_t bytes_max);

#endif
