#include "core/core_dump.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/* With 0 the kernel would still hand the whole memory to a program that core_pattern names; 1 stops
 * that too, and is less than the least file. */
#define CORE_BYTES_MAX 1

void core_dump_forbid(void)
{
    struct rlimit limit = {.rlim_cur = 0, .rlim_max = 0};

    if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max > CORE_BYTES_MAX) {
        limit.rlim_max = CORE_BYTES_MAX;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_CORE, &limit);
}

void core_dump_forbid_here(void)
{
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
