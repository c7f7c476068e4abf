/* mlserver_metrics.h - what MLServer's metrics, in the text format of Prometheus, say of its models. Pure. */
#ifndef METAOPS_INGEST_MLSERVER_METRICS_H
#define METAOPS_INGEST_MLSERVER_METRICS_H

#include "core/arena.h"
#include "core/err.h"
#include "schemas/server_report.h"

/* Of each model, in the order of their names, model_infer_request_success_total, _failure_total, _duration_count and
 * _duration_sum (seconds), and the earliest of _success_created, _failure_created and _duration_created. The label
 * version says None for whoever names no version, so versions are summed. Other lines are passed over whatever they
 * hold. Texts lie in arena. REJECT for a line of these that cannot be read, and for more models than a report takes;
 * RETRY when the arena is full. */
MUST_CHECK enum verdict mlserver_metrics_read(struct str text, struct arena *arena,
                                              struct server_count **out_models, uint32_t *out_count,
                                              struct err *err);

#endif
