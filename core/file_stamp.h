/* file_stamp.h - tells whether a file is still the one that was read. */
#ifndef METAOPS_CORE_FILE_STAMP_H
#define METAOPS_CORE_FILE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: no such file. */
struct file_stamp {
    uint64_t device;
    uint64_t inode;
    int64_t size_bytes;
    int64_t changed_ns; /* of the content, or of the inode, whichever is later */
};

/* Of the file behind path, links followed; take it before reading, so that a change meanwhile is
 * seen later. An empty path has the stamp of a missing file. */
struct file_stamp file_stamp_of(const char *path);

bool file_stamp_is_same(const struct file_stamp *a, const struct file_stamp *b);

#endif
