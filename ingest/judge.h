/* judge.h - the command `metaops check FILE...`: what the gateway would say of events, offline, by
 * the same code. (Named apart from the worker's stage check.) */
#ifndef METAOPS_INGEST_JUDGE_H
#define METAOPS_INGEST_JUDGE_H

struct settings;

#define JUDGE_HELP                                                                                 \
    "Events are JSON objects, one a line; blank lines are skipped; - is stdin. Each event that\n"  \
    "would be refused is printed as FILE:LINE: JSON pointer, byte offset in the line, reason.\n"   \
    "Exit 0 when none would be, else 1.\n"                                                         \
    "\n"                                                                                           \
    "  -v, --verbose    also print the lineage that each event gives\n"                            \
    "  --json           the summary as one JSON object\n"

/* argv: the words behind the command that are no settings. Needs no service. Returns an enum
 * exit_code. */
int judge_run(const struct settings *st, int argc, char **argv);

#endif
