/* alloc_sweep.h - memory runs out at every place where some is asked for, of malloc or of an arena, one after the
 * other.
 *
 * alloc_sweep.c replaces malloc and its kin for the whole program, libraries included, and is linked into
 * unit/test_alloc_sweep_*.c only. Nothing fails but while body runs, in any thread. Under
 * sanitizers texts that libc itself allocates (strdup, open_memstream) do not fail, and leaks are the sanitizer's to
 * find. */
#ifndef METAOPS_TESTS_SUPPORT_ALLOC_SWEEP_H
#define METAOPS_TESTS_SUPPORT_ALLOC_SWEEP_H

#include <stddef.h>

#include "core/err.h"

/* Does the same work each time and gives back all it took. Answers what the code answered; REJECT stands for a
 * result that is wrong, too: input that can be used is never refused because memory is short. */
typedef enum verdict (*alloc_sweep_body)(const void *arg);

/* Runs body whole, then with its first, second, ... allocation failing, alone and with all that follow, until there
 * are no more. Fails the test unless every run ends with OK, RETRY or FATAL and leaves nothing taken. Prints, and
 * returns, the number of allocations. */
size_t alloc_sweep(const char *name, alloc_sweep_body body, const void *arg);

#endif
