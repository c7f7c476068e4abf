/* gateway.h - the role: events by HTTP in, Kafka out, until SIGTERM or SIGINT. */
#ifndef METAOPS_INGEST_GATEWAY_H
#define METAOPS_INGEST_GATEWAY_H

struct settings;

/* Blocks. Both signals are blocked first, so call it before other threads are started (or with
 * the signals blocked in them). At the signal: no new connections, open requests are answered,
 * pending records flushed, all within ingest.drain_timeout_ms. Returns an exit code
 * (core/exit_code.h). */
int gateway_run(const struct settings *st);

#endif
