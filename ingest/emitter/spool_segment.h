/* spool_segment.h - one file of a spool: written at its end only, read anywhere.
 *
 * On disk below the directory of its set, or a nameless file in memory (dir_fd -1). A write that
 * fails half-way is taken back, so that a living file has whole records only. */
#ifndef METAOPS_INGEST_EMITTER_SPOOL_SEGMENT_H
#define METAOPS_INGEST_EMITTER_SPOOL_SEGMENT_H

#include "core/err.h"
#include "ingest/emitter/fd_book.h"
#include "ingest/emitter/spool_record.h"

struct spool_segment {
    struct spool_segment *next;
    int fd; /* -1: not open */
    uint64_t sequence_first;
    uint64_t sequence_last; /* 0: empty or unknown */
    uint64_t records;       /* appended by this process */
    size_t bytes;           /* of whole records, head included */
    size_t head_bytes;      /* where records begin */
    char name[32];          /* NULL byte first: in memory */
};

/* A new file for records from sequence_first on. RETRY with the system's reason. */
MUST_CHECK enum verdict spool_segment_create(int dir_fd, struct fd_book *book,
                                             const struct spool_identity *identity,
                                             uint64_t sequence_first,
                                             struct spool_segment **out_segment, struct err *err);

/* A file that is there. REJECT when its head is damaged or of another kind (out_identity is then
 * untouched); RETRY when it cannot be read. */
MUST_CHECK enum verdict spool_segment_open(int dir_fd, struct fd_book *book, const char *name,
                                           struct spool_identity *out_identity,
                                           struct spool_segment **out_segment, struct err *err);

/* Appends a record, to the disk itself when has_fsync. RETRY: nothing was written. */
MUST_CHECK enum verdict spool_segment_append(struct spool_segment *segment,
                                             const struct spool_record *record, bool has_fsync,
                                             struct err *err);

/* Reads up to size bytes at offset; the bytes read, -1 when that fails. Opens the file if need
 * be. */
long spool_segment_read(struct spool_segment *segment, int dir_fd, struct fd_book *book,
                        size_t offset, char *out, size_t size);

/* Closes a file on disk; one in memory stays. */
void spool_segment_rest(struct spool_segment *segment, struct fd_book *book);

/* Closes and frees; with is_over the file is deleted. NULL is allowed. */
void spool_segment_free(struct spool_segment *segment, int dir_fd, struct fd_book *book,
                        bool is_over);

#endif
