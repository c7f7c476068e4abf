/* Any bytes as a segment of a spool that was left behind: it is read to its end, in finite time, and
 * only whole records come out of it; what was put into it before the bytes always does. The first byte
 * says how many good records stand before the bytes, and how many behind. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/require.h"
#include "ingest/emitter/spool_dir.h"
#include "ingest/emitter/spool_set.h"

#define EVENT "{\"eventTime\":\"2026-01-02T03:04:05Z\"}"
#define NAME "00000000000000001000"
#define NOW_US INT64_C(1764000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(int fd, uint64_t sequence)
{
    uint8_t head[SPOOL_RECORD_HEAD_BYTES];
    struct spool_record record = {
        .sequence = sequence, .emitted_at_us = NOW_US, .event = STR(EVENT)};

    spool_record_head(&record, head);
    require(write(fd, head, sizeof(head)) == (ssize_t)sizeof(head));
    require(write(fd, EVENT, strlen(EVENT)) == (ssize_t)strlen(EVENT));
}

/* The directory of a process that is gone. */
static int make_set(const char *path, const uint8_t *data, size_t size, unsigned before,
                    unsigned after)
{
    struct spool_identity identity = {.emitter = "fuzz", .epoch = 1000};
    uint8_t head[SPOOL_SEGMENT_HEAD_BYTES_MAX];
    size_t len = spool_record_segment_head(&identity, head);
    int dir_fd = open(path, O_RDONLY | O_DIRECTORY);

    require(dir_fd >= 0);
    (void)mkdirat(dir_fd, NAME, 0700);
    int set_fd = openat(dir_fd, NAME, O_RDONLY | O_DIRECTORY);
    require(set_fd >= 0);
    (void)unlinkat(set_fd, "settled", 0);
    close(openat(set_fd, "lock", O_RDWR | O_CREAT, 0600));
    int fd = openat(set_fd, "00000000000000000001.seg", O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, head, len) == (ssize_t)len);
    for (unsigned i = 0; i < before; i++) {
        put(fd, i + 1);
    }
    require(write(fd, data, size) == (ssize_t)size);
    for (unsigned i = 0; i < after; i++) {
        put(fd, 1000000 + i);
    }
    close(fd);
    close(set_fd);
    return dir_fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[32];
    static struct fd_book book;
    static struct spool_batch batch;
    struct spool_limits limits = {.bytes_max = SIZE_MAX, .age_us_max = NOW_US};
    struct spool_set *set = NULL;
    struct err err;

    if (size == 0) {
        return 0;
    }
    if (!path[0]) {
        snprintf(path, sizeof(path), "/tmp/fuzz-spool-XXXXXX");
        require(mkdtemp(path) != NULL);
    }
    unsigned before = data[0] & 3;
    unsigned after = data[0] >> 2 & 3;
    int dir_fd = make_set(path, data + 1, size - 1, before, after);
    require(spool_set_adopt(dir_fd, &book, NAME, true, &limits, &set, &err) == OK);
    uint64_t last = 0;
    uint64_t good_before = 0;
    uint64_t good_after = 0;
    for (;;) {
        require(spool_set_read(set, NOW_US, 1 + data[0] % 7, 256 + data[0], &batch, &err) == OK);
        if (batch.count == 0) {
            break;
        }
        for (size_t i = 0; i < batch.count; i++) {
            require(batch.records[i].sequence > last);
            last = batch.records[i].sequence;
            good_before += last <= before;
            good_after += last >= 1000000 && last < 1000000 + after;
        }
        spool_set_settle(set, &batch, batch.count, true);
    }
    /* Bytes that happen to be records with numbers of their own may come before the ones behind. */
    require(good_before == before);
    require(good_after == after || last > 1000000);
    spool_set_close(set);
    close(dir_fd);
    return 0;
}
