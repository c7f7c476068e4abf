/* doctor.h - `metaops check` without a file: is everything there that the roles need? */
#ifndef METAOPS_SINKS_DOCTOR_H
#define METAOPS_SINKS_DOCTOR_H

struct settings;

/* Prints one line for each check, and for what failed the command that mends it. Each check waits
 * about 5 s at most. Returns an exit code: FAILED when a check failed; roles that do not run are
 * only warned about. */
int doctor_run(const struct settings *st);

#endif
