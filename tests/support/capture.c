#include "support/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void capture_fail(const char *what)
{
    perror(what);
    abort();
}

void capture_begin(struct capture *capture, int fd)
{
    char path[] = "/tmp/metaops_capture_XXXXXX";

    fflush(NULL);
    capture->fd = fd;
    capture->file = mkstemp(path);
    capture->saved = dup(fd);
    if (capture->file < 0 || capture->saved < 0 || dup2(capture->file, fd) < 0) {
        capture_fail("capture_begin");
    }
    unlink(path);
}

char *capture_end(struct capture *capture)
{
    fflush(NULL);
    off_t size = lseek(capture->file, 0, SEEK_END);
    char *text = size >= 0 ? calloc(1, (size_t)size + 1) : NULL;
    if (!text || pread(capture->file, text, (size_t)size, 0) != size ||
        dup2(capture->saved, capture->fd) < 0) {
        capture_fail("capture_end");
    }
    close(capture->saved);
    close(capture->file);
    return text;
}

char *capture_file(const char *bytes, size_t len)
{
    char *path = strdup("/tmp/metaops_test_XXXXXX");
    int fd = path ? mkstemp(path) : -1;

    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len) {
        capture_fail("capture_file");
    }
    close(fd);
    return path;
}
