/* core_dump.h - keeps memory that holds keys and passwords off the disk when the process crashes.
 *
 * From main(), before anything secret is read. Failure is passed over: it comes only where somebody
 * stricter has decided already. */
#ifndef METAOPS_CORE_CORE_DUMP_H
#define METAOPS_CORE_CORE_DUMP_H

/* For this process and its children. It can still be looked at in /proc and traced by its user. */
void core_dump_forbid(void);

/* For this process alone, also against being traced by its user: a command that it executes is as it
 * would be without us. */
void core_dump_forbid_here(void);

#endif
