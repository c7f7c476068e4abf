#include "ingest/emitter/spool_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHERE "spool"
#define NAME_LEN 20
#define DESTINATION_LEN 8

static enum verdict spool_dir_make(const char *path, struct err *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len >= sizeof(part)) {
        return err_set(err, RETRY, WHERE, "the path is too long");
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES) {
            return err_set(err, RETRY, WHERE, "%s: %s", part, strerror(errno));
        }
    }
    return OK;
}

enum verdict spool_dir_open(const char *path, struct fd_book *book, int *out_fd, struct err *err)
{
    enum verdict verdict = spool_dir_make(path, err);

    if (verdict != OK) {
        return verdict;
    }
    int fd = fd_book_add(book, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        err_set(err, RETRY, WHERE, "%s: %s", path, strerror(errno));
        fd_book_close(book, fd);
        return RETRY;
    }
    *out_fd = fd;
    return OK;
}

static int spool_dir_is_set(const struct dirent *entry)
{
    return strlen(entry->d_name) == NAME_LEN && strspn(entry->d_name, "0123456789") == NAME_LEN;
}

static int spool_dir_is_destination(const struct dirent *entry)
{
    return strlen(entry->d_name) == DESTINATION_LEN &&
           strspn(entry->d_name, "0123456789abcdef") == DESTINATION_LEN;
}

static void spool_dir_walk(int fd, int (*is_wanted_entry)(const struct dirent *entry),
                           bool (*visit)(void *arg, const char *name), void *arg)
{
    struct dirent **entries = NULL;
    int count = scandirat(fd, ".", &entries, is_wanted_entry, alphasort);
    bool is_wanted = true;

    for (int i = 0; i < count; i++) {
        is_wanted = is_wanted && visit(arg, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

void spool_dir_each(int fd, bool (*visit)(void *arg, const char *name), void *arg)
{
    spool_dir_walk(fd, spool_dir_is_set, visit, arg);
}

void spool_dir_each_destination(int fd, bool (*visit)(void *arg, const char *name), void *arg)
{
    spool_dir_walk(fd, spool_dir_is_destination, visit, arg);
}

struct sum {
    int fd;
    const char *except;
    size_t bytes;
};

static bool spool_dir_add(void *arg, const char *name)
{
    struct sum *sum = arg;

    if (strcmp(name, sum->except) == 0) {
        return true;
    }
    int fd = openat(sum->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0) {
            close(fd);
        }
        return true;
    }
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct stat status;
        if (fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
            sum->bytes += (size_t)status.st_size;
        }
    }
    closedir(dir);
    return true;
}

size_t spool_dir_bytes(int fd, const char *except)
{
    struct sum sum = {.fd = fd, .except = except};

    spool_dir_each(fd, spool_dir_add, &sum);
    return sum.bytes;
}
