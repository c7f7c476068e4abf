#include "core/plain_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

const char *plain_file_fault(const char *path, size_t bytes_max)
{
    struct stat about;

    if (stat(path, &about) != 0) {
        return strerror(errno);
    }
    if (!S_ISREG(about.st_mode)) {
        return S_ISDIR(about.st_mode) ? "is a directory" : "is not a regular file";
    }
    return (size_t)about.st_size > bytes_max ? "is too large" : NULL;
}

bool plain_file_is_public(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & S_IROTH);
}
