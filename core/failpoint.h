/* failpoint.h - named places at which a fault test ends, stops or delays the process.
 *
 * Absent from release builds: FAILPOINT is nothing unless METAOPS_FAILPOINTS is defined (CMake option
 * of that name). The environment variable FAILPOINT arms one place: NAME@N:ACTION does ACTION the
 * Nth time that any thread comes to NAME (@N is @1 when left out). Actions:
 *
 *   kill        SIGKILL to the process, as the kernel or an operator would
 *   stop        SIGSTOP, until somebody sends SIGCONT
 *   sleep-MS    the thread sleeps MS milliseconds
 *
 * FAILPOINT_LIST, a file name, gets the name of each place at its first visit, a line each: so that a
 * test sees that it has met them all. The idea is PostgreSQL's injection points. */
#ifndef METAOPS_CORE_FAILPOINT_H
#define METAOPS_CORE_FAILPOINT_H

#ifdef METAOPS_FAILPOINTS
#define FAILPOINT(name) failpoint_hit(name)

/* Any thread. name is a literal. May not return. */
void failpoint_hit(const char *name);
#else
#define FAILPOINT(name) ((void)0)
#endif

#endif
