/* alerts.h - `metaops alerts`: what drifted, for people; and what they decide about it. */
#ifndef METAOPS_SINKS_ALERTS_H
#define METAOPS_SINKS_ALERTS_H

struct settings;

#define ALERTS_HELP                                                                                \
    "  list     newest first\n"                                                                    \
    "  show     one: the change, who is hit, what became of it, the SQL to see more\n"             \
    "  ack      somebody works on it\n"                                                            \
    "  accept   the change was meant: what is now is the new baseline\n"                           \
    "  ignore   never told again, and nothing learned from it\n"                                   \
    "  retry    tell again what receivers could not be told (--all: of every alert)\n"             \
    "  tail     what becomes of alerts, as it happens, until it is interrupted\n"                  \
    "  --status, --kind, --severity NAME[,NAME...]   choose (status: not for tail)\n"              \
    "  --namespace, --name PATTERN   choose (LIKE pattern; name: not for tail)\n"                  \
    "  --limit N        at most N (list: 100)\n"                                                   \
    "  --note TEXT      why (ack, accept, ignore)\n"                                               \
    "  --json           one JSON object a line\n"                                                  \
    "An ID may be cut where no other begins so. Decisions are for the owner of the database.\n"    \
    "Exit code 1: something was not found or not allowed.\n"

/* The command. Returns its exit code. */
int alerts_run(const struct settings *st, int argc, char **argv);

#endif
