/* capture.h - what a function writes to stdout or stderr, and temporary files, for tests of
 * commands. */
#ifndef METAOPS_TESTS_SUPPORT_CAPTURE_H
#define METAOPS_TESTS_SUPPORT_CAPTURE_H

#include <stddef.h>

struct capture {
    int fd;    /* 1 or 2 */
    int saved; /* the descriptor it was */
    int file;
};

/* From now on fd goes to a file. */
void capture_begin(struct capture *capture, int fd);

/* Puts fd back. What was written, NUL-terminated, the caller's to free. */
char *capture_end(struct capture *capture);

/* A new file below /tmp with these bytes; its path, the caller's to unlink and free. */
char *capture_file(const char *bytes, size_t len);

#endif
