#include "ingest/emitter/fd_book.h"

#include <unistd.h>

int fd_book_add(struct fd_book *book, int fd)
{
    for (int i = 0; fd >= 0 && i < FD_BOOK_ENTRIES; i++) {
        int free_entry = 0;
        if (atomic_compare_exchange_strong(&book->entries[i], &free_entry, fd + 1)) {
            break;
        }
    }
    return fd;
}

void fd_book_close(struct fd_book *book, int fd)
{
    if (fd < 0) {
        return;
    }
    for (int i = 0; i < FD_BOOK_ENTRIES; i++) {
        int entry = fd + 1;
        if (atomic_compare_exchange_strong(&book->entries[i], &entry, 0)) {
            break;
        }
    }
    close(fd);
}

void fd_book_close_all(struct fd_book *book)
{
    for (int i = 0; i < FD_BOOK_ENTRIES; i++) {
        int entry = atomic_exchange(&book->entries[i], 0);
        if (entry > 0) {
            close(entry - 1);
        }
    }
}
