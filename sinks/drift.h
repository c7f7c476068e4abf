/* drift.h - `metaops drift backtest`: what rules would have told over the stored history. */
#ifndef METAOPS_SINKS_DRIFT_H
#define METAOPS_SINKS_DRIFT_H

struct settings;

#define DRIFT_HELP                                                                                 \
    "  --since TIME   from when on, by event time: 2026-01-31, or how long ago: 30d\n"             \
    "  --rules FILE   contracts and rules to try; without it those that are loaded\n"              \
    "  --json         one JSON object, with every alert\n"                                         \
    "Judges what is stored again: nothing is sent, and nothing changes. Told: a message of its\n"  \
    "own; attached: explained by another one; off: by a rule. For the owner of the database.\n"

/* The command. Returns its exit code. */
int drift_run(const struct settings *st, int argc, char **argv);

#endif
