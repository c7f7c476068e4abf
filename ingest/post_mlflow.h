/* post_mlflow.h - POST /api/v1/mlflow/webhooks: what MLflow's model registry says (schemas/registry_event.h). A
 * handler of the HTTP server: arg is the struct publish. It keeps the request and answers when the broker has the
 * event.
 *
 * MLflow cannot send an API key: where ingest.mlflow_key_file is set, its signature takes that place, and only that (the
 * principal of such events is "mlflow"). Else the door asks for what it asks of every event. */
#ifndef METAOPS_INGEST_POST_MLFLOW_H
#define METAOPS_INGEST_POST_MLFLOW_H

#include <stdbool.h>

struct http_refusal;
struct http_request;

/* 200 for an event that the broker has, and for those that are counted and nothing more: of prompts, and of MLflow's
 * test deliveries. 401 for a wrong signature or an old one, 400 and 422 as post_lineage_handle, 503 for what MLflow
 * should send again. */
void post_mlflow_handle(void *arg, struct http_request *request);

/* For http_route.admit. */
bool post_mlflow_admit(void *arg, struct http_request *request, struct http_refusal *out_refusal);

#endif
