/* emit_http.h - sends the events of an emit_job to a gateway: a window of connections, each with
 * one request under way, all on the caller's thread. */
#ifndef METAOPS_INGEST_EMIT_HTTP_H
#define METAOPS_INGEST_EMIT_HTTP_H

#include "emit_options.h"

/* Blocks until every event has a result in the report. OK when all input was read; RETRY when the
 * gateway stayed away and the rest of the input was not read; FATAL for input that cannot be read,
 * an unknown host, short memory; REJECT for a URL that is none. */
MUST_CHECK enum verdict emit_http_run(struct emit_job *job, struct err *err);

#endif
