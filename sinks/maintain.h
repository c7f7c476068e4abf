/* maintain.h - `metaops maintain`: what a database needs from time to time, for cron, a timer or a CronJob.
 *
 * Makes partitions ahead and deletes what the retention settings say, in small transactions: workers go on writing
 * meanwhile. Runs as the owner of the database, not in the worker, whose role may neither make tables nor delete.
 * A run that is late harms nothing: rows of a month without partition go to the default one. */
#ifndef METAOPS_SINKS_MAINTAIN_H
#define METAOPS_SINKS_MAINTAIN_H

struct settings;

#define MAINTAIN_HELP                                                                              \
    "  --dry-run   say what would be done, change nothing\n"                                       \
    "Run it once a day as the owner of the database, from cron, a timer or a CronJob; two at a\n"  \
    "time do no harm, the second ends at once. What is kept how long: postgres.retention_days,\n"  \
    "postgres.id_retention_days, postgres.dead_letter_retention_days,\n"                           \
    "postgres.refusal_retention_days and postgres.audit_retention_days (0, the default: for\n"     \
    "ever); postgres.prediction_retention_days, postgres.prediction_pair_retention_days and\n"     \
    "postgres.payload_id_retention_days. The graph itself stays.\n"                                \
    "Exit code 1: something was not possible.\n"

/* The command. Returns its exit code. */
int maintain_run(const struct settings *st, int argc, char **argv);

#endif
