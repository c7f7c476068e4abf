/* status.h - `metaops status`: how the pipeline is doing, once or live on a terminal. */
#ifndef METAOPS_SINKS_STATUS_H
#define METAOPS_SINKS_STATUS_H

struct settings;

#define STATUS_HELP                                                                                \
    "On a terminal it is shown anew every second until q or Ctrl-C; elsewhere, and with --once,\n" \
    "one second is looked at and printed as plain text.\n"                                         \
    "  -v                 every partition\n"                                                       \
    "  --json             one JSON object\n"                                                       \
    "  --once             plain text even on a terminal\n"                                         \
    "  --lag-seconds N    a record waiting longer is trouble (default 60)\n"                       \
    "Exit code 0: all is well; 1: something is wrong (Kafka or PostgreSQL not reached, a "         \
    "stopped\n"                                                                                    \
    "partition, more lag than allowed, a role that answers and is not ready). A role that is "     \
    "not\n"                                                                                        \
    "reached is no trouble by itself: it may run elsewhere.\n"

/* The command. Returns its exit code. */
int status_run(const struct settings *st, int argc, char **argv);

#endif
