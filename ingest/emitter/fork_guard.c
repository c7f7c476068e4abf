#include "ingest/emitter/fork_guard.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void (*child_part)(void);

void fork_guard_hold(void)
{
    pthread_mutex_lock(&guard);
}

void fork_guard_release(void)
{
    pthread_mutex_unlock(&guard);
}

static void fork_guard_in_child(void)
{
    pthread_mutex_init(&guard, NULL);
    child_part();
}

static void fork_guard_register(void)
{
    (void)pthread_atfork(fork_guard_hold, fork_guard_release, fork_guard_in_child);
}

void fork_guard_watch(void (*in_child)(void))
{
    fork_guard_hold();
    child_part = in_child;
    fork_guard_release();
    pthread_once(&once, fork_guard_register);
}
