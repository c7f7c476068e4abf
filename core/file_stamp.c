#include "core/file_stamp.h"

#include <sys/stat.h>

static int64_t to_ns(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

struct file_stamp file_stamp_of(const char *path)
{
    struct file_stamp stamp = {.inode = 0};
    struct stat facts;

    if (*path && stat(path, &facts) == 0) {
        int64_t content_ns = to_ns(&facts.st_mtim);
        int64_t inode_ns = to_ns(&facts.st_ctim);
        stamp.device = facts.st_dev;
        stamp.inode = facts.st_ino;
        stamp.size_bytes = facts.st_size;
        stamp.changed_ns = content_ns > inode_ns ? content_ns : inode_ns;
    }
    return stamp;
}

bool file_stamp_is_same(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->changed_ns == b->changed_ns;
}
