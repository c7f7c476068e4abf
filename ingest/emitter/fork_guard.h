/* fork_guard.h - what must not be half done when the process forks is done while holding this:
 * opening the lock of a spool, changing the list of emitters. Only for moments. */
#ifndef METAOPS_INGEST_EMITTER_FORK_GUARD_H
#define METAOPS_INGEST_EMITTER_FORK_GUARD_H

void fork_guard_hold(void);
void fork_guard_release(void);

/* From now on every fork of the process holds the guard, and in_child is called in the child's only
 * thread, the guard being free again. Always the same function. */
void fork_guard_watch(void (*in_child)(void));

#endif
