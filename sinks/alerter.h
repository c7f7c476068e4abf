/* alerter.h - `metaops alerter`: tells people and programs of alerts.
 *
 *   graph.alert_outbox --(LISTEN metaops_alerts, or a look every alerts.poll_interval_ms)-->
 *   graph.alert_deliveries, one for each receiver --claimed--> receiver --> done, or again later
 *
 * A message is in the outbox by the transaction that changed the alert, and leaves it when every receiver has it: each
 * receiver is told at least once, under a key by which it knows a message that comes again. What is to be tried again,
 * when, and why stands in the database, so neither a restart nor kill -9 forgets it. Any number may run. */
#ifndef METAOPS_SINKS_ALERTER_H
#define METAOPS_SINKS_ALERTER_H

struct settings;

/* Runs until SIGTERM or SIGINT. Returns the exit code. */
int alerter_run(const struct settings *st);

#endif
