/* fd_book.h - the descriptors that an emitter holds, so that a forked child can close them all
 * without looking at anything else (a spool's lock would otherwise live on in the child). */
#ifndef METAOPS_INGEST_EMITTER_FD_BOOK_H
#define METAOPS_INGEST_EMITTER_FD_BOOK_H

#include <stdatomic.h>

#define FD_BOOK_ENTRIES 128

struct fd_book {
    atomic_int entries[FD_BOOK_ENTRIES]; /* descriptor + 1; 0: free */
};

/* Enters fd (negative: nothing) and returns it. In a full book it is not entered. */
int fd_book_add(struct fd_book *book, int fd);

/* Closes fd (negative: nothing) and strikes it out. */
void fd_book_close(struct fd_book *book, int fd);

/* Closes all. Async-signal-safe. */
void fd_book_close_all(struct fd_book *book);

#endif
