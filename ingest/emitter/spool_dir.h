/* spool_dir.h - the directory that holds the sets of all emitters of a user. */
#ifndef METAOPS_INGEST_EMITTER_SPOOL_DIR_H
#define METAOPS_INGEST_EMITTER_SPOOL_DIR_H

#include "core/err.h"
#include "ingest/emitter/fd_book.h"
#include "ingest/emitter/spool_set.h"

/* Makes the directory (mode 0700, parents too) where it is missing and opens it. RETRY with the
 * reason, also when it cannot be written. */
MUST_CHECK enum verdict spool_dir_open(const char *path, struct fd_book *book, int *out_fd,
                                       struct err *err);

/* Calls visit for each set, oldest epoch first, until it returns false. */
void spool_dir_each(int fd, bool (*visit)(void *arg, const char *name), void *arg);

/* Calls visit for each directory of a destination (emitter_config.c) below fd. */
void spool_dir_each_destination(int fd, bool (*visit)(void *arg, const char *name), void *arg);

/* Bytes of all segments, but for the set of that name. */
size_t spool_dir_bytes(int fd, const char *except);

#endif
