#include "ingest/emitter/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define WHERE "spool"

static enum verdict spool_segment_fail(const char *what, struct err *err)
{
    int code = errno;

    err_set(err, RETRY, WHERE, "%s: %s", what, strerror(code));
    if (err) {
        err->code = code;
    }
    return RETRY;
}

static bool spool_segment_write_all(int fd, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t wrote = writev(fd, parts, count);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            return false;
        }
        size_t left = (size_t)wrote;
        while (count > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return true;
}

enum verdict spool_segment_create(int dir_fd, struct fd_book *book,
                                  const struct spool_identity *identity, uint64_t sequence_first,
                                  struct spool_segment **out_segment, struct err *err)
{
    uint8_t head[SPOOL_SEGMENT_HEAD_BYTES_MAX];
    struct spool_segment *segment = calloc(1, sizeof(*segment));

    if (!segment) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    segment->sequence_first = sequence_first;
    segment->head_bytes = spool_record_segment_head(identity, head);
    segment->bytes = segment->head_bytes;
    if (dir_fd >= 0) {
        snprintf(segment->name, sizeof(segment->name), "%020" PRIu64 ".seg", sequence_first);
        segment->fd = openat(dir_fd, segment->name,
                             O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    } else {
        segment->fd = memfd_create("metaops-spool", MFD_CLOEXEC);
    }
    struct iovec part = {.iov_base = head, .iov_len = segment->head_bytes};
    fd_book_add(book, segment->fd);
    if (segment->fd < 0 || !spool_segment_write_all(segment->fd, &part, 1)) {
        enum verdict verdict = spool_segment_fail("a new segment", err);
        spool_segment_free(segment, dir_fd, book, segment->fd >= 0);
        return verdict;
    }
    *out_segment = segment;
    return OK;
}

enum verdict spool_segment_open(int dir_fd, struct fd_book *book, const char *name,
                                struct spool_identity *out_identity,
                                struct spool_segment **out_segment, struct err *err)
{
    char head[SPOOL_SEGMENT_HEAD_BYTES_MAX];
    struct spool_segment *segment = calloc(1, sizeof(*segment));
    struct spool_identity identity;
    struct stat status;

    if (!segment) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    snprintf(segment->name, sizeof(segment->name), "%s", name);
    segment->sequence_first = strtoull(name, NULL, 10);
    segment->fd =
        fd_book_add(book, openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    long len = segment->fd >= 0 && fstat(segment->fd, &status) == 0
                   ? pread(segment->fd, head, sizeof(head), 0)
                   : -1;
    if (len < 0) {
        enum verdict verdict = spool_segment_fail("opening a segment", err);
        spool_segment_free(segment, dir_fd, book, false);
        return verdict;
    }
    long taken =
        spool_record_segment_parse((struct str){.ptr = head, .len = (size_t)len}, &identity);
    if (taken <= 0 || !S_ISREG(status.st_mode)) {
        spool_segment_free(segment, dir_fd, book, false);
        return err_set(err, REJECT, WHERE, "%s: no segment", name);
    }
    segment->head_bytes = (size_t)taken;
    segment->bytes = (size_t)status.st_size;
    *out_identity = identity;
    *out_segment = segment;
    return OK;
}

enum verdict spool_segment_append(struct spool_segment *segment, const struct spool_record *record,
                                  bool has_fsync, struct err *err)
{
    uint8_t head[SPOOL_RECORD_HEAD_BYTES];
    struct iovec parts[] = {
        {.iov_base = head, .iov_len = sizeof(head)},
        {.iov_base = (char *)record->event.ptr, .iov_len = record->event.len},
    };

    spool_record_head(record, head);
    if (!spool_segment_write_all(segment->fd, parts, 2) ||
        (has_fsync && fdatasync(segment->fd) != 0)) {
        enum verdict verdict = spool_segment_fail("writing the spool", err);
        /* A reader stops at segment->bytes; what follows must not be taken for the next record. */
        (void)!ftruncate(segment->fd, (off_t)segment->bytes);
        if (segment->name[0] == '\0') {
            (void)lseek(segment->fd, (off_t)segment->bytes, SEEK_SET);
        }
        return verdict;
    }
    segment->bytes += sizeof(head) + record->event.len;
    segment->sequence_last = record->sequence;
    segment->records++;
    return OK;
}

long spool_segment_read(struct spool_segment *segment, int dir_fd, struct fd_book *book,
                        size_t offset, char *out, size_t size)
{
    size_t len = 0;

    if (segment->fd < 0) {
        segment->fd =
            fd_book_add(book, openat(dir_fd, segment->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    }
    while (len < size) {
        ssize_t got = pread(segment->fd, out + len, size - len, (off_t)(offset + len));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    return (long)len;
}

void spool_segment_rest(struct spool_segment *segment, struct fd_book *book)
{
    if (segment->name[0] != '\0') {
        fd_book_close(book, segment->fd);
        segment->fd = -1;
    }
}

void spool_segment_free(struct spool_segment *segment, int dir_fd, struct fd_book *book,
                        bool is_over)
{
    if (!segment) {
        return;
    }
    if (is_over && segment->name[0] != '\0') {
        (void)unlinkat(dir_fd, segment->name, 0);
    }
    fd_book_close(book, segment->fd);
    free(segment);
}
