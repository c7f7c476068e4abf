/* metrics_table.h - every metric, one row each: id, kind, name, labels, help.
 * No include guard: metrics.h and metrics.c include it with METRIC defined. Rows of one name stand
 * together. */
METRIC(GATEWAY_ACCEPTED, COUNTER, "metaops_gateway_events_total", "result=\"accepted\"",
       "Events by what became of them at the gateway")
METRIC(GATEWAY_REFUSED, COUNTER, "metaops_gateway_events_total", "result=\"refused\"", "")
METRIC(GATEWAY_UNAVAILABLE, COUNTER, "metaops_gateway_events_total", "result=\"unavailable\"", "")
METRIC(GATEWAY_REDACTIONS, COUNTER, "metaops_gateway_redactions_total", "",
       "Secrets taken out of events before they went to Kafka")
METRIC(GATEWAY_REQUEST_SECONDS, HISTOGRAM, "metaops_gateway_request_duration_seconds", "",
       "From the last byte of a request to the last byte of its answer handed to the socket")
METRIC(GATEWAY_CONNECTIONS, GAUGE, "metaops_gateway_connections", "", "Open connections")
METRIC(GATEWAY_CONNECTIONS_REFUSED, COUNTER, "metaops_gateway_connections_refused_total", "",
       "Connections closed at once because there were too many")
METRIC(GATEWAY_BAD_HTTP, COUNTER, "metaops_gateway_bad_http_total", "",
       "Requests that were no acceptable HTTP; answered with 4xx and closed")
METRIC(GATEWAY_TLS_FULL, COUNTER, "metaops_gateway_tls_handshakes_total", "result=\"full\"",
       "TLS handshakes by how they ended")
METRIC(GATEWAY_TLS_RESUMED, COUNTER, "metaops_gateway_tls_handshakes_total", "result=\"resumed\"",
       "")
METRIC(GATEWAY_TLS_FAILED, COUNTER, "metaops_gateway_tls_handshakes_total", "result=\"failed\"", "")
METRIC(GATEWAY_TLS_PLAIN, COUNTER, "metaops_gateway_tls_handshakes_total", "result=\"plain_http\"",
       "")
METRIC(GATEWAY_TLS_EXPIRES, GAUGE, "metaops_gateway_tls_certificate_expires_seconds", "",
       "When the certificate of ingest.listen ends, seconds since 1970; 0 without TLS")
METRIC(GATEWAY_BODY_BYTES, COUNTER, "metaops_gateway_body_bytes_total", "",
       "Bytes of accepted events, inflated")
METRIC(GATEWAY_REFUSALS_MISSING, COUNTER, "metaops_gateway_refusals_total", "reason=\"missing\"",
       "Refusals by who sent, or how much: requests before their body was read, events after")
METRIC(GATEWAY_REFUSALS_MALFORMED, COUNTER, "metaops_gateway_refusals_total",
       "reason=\"malformed\"", "")
METRIC(GATEWAY_REFUSALS_UNKNOWN, COUNTER, "metaops_gateway_refusals_total", "reason=\"unknown\"",
       "")
METRIC(GATEWAY_REFUSALS_REVOKED, COUNTER, "metaops_gateway_refusals_total", "reason=\"revoked\"",
       "")
METRIC(GATEWAY_REFUSALS_EXPIRED, COUNTER, "metaops_gateway_refusals_total", "reason=\"expired\"",
       "")
METRIC(GATEWAY_REFUSALS_NAMESPACE, COUNTER, "metaops_gateway_refusals_total",
       "reason=\"namespace\"", "")
METRIC(GATEWAY_REFUSALS_RATE, COUNTER, "metaops_gateway_refusals_total", "reason=\"rate\"", "")
METRIC(GATEWAY_REFUSALS_EVENTS_PER_DAY, COUNTER, "metaops_gateway_refusals_total",
       "reason=\"events_per_day\"", "")
METRIC(GATEWAY_REFUSALS_BYTES_PER_DAY, COUNTER, "metaops_gateway_refusals_total",
       "reason=\"bytes_per_day\"", "")
METRIC(GATEWAY_CLOUDEVENTS_JSON, COUNTER, "metaops_gateway_cloudevents_refusals_total",
       "reason=\"no_json\"", "Refusals of /api/v1/cloudevents by what was sent")
METRIC(GATEWAY_CLOUDEVENTS_TYPE, COUNTER, "metaops_gateway_cloudevents_refusals_total",
       "reason=\"media_type\"", "")
METRIC(GATEWAY_CLOUDEVENTS_EVENT, COUNTER, "metaops_gateway_cloudevents_refusals_total",
       "reason=\"no_event\"", "")
METRIC(GATEWAY_CLOUDEVENTS_SIZE, COUNTER, "metaops_gateway_cloudevents_refusals_total",
       "reason=\"too_large\"", "")
METRIC(GATEWAY_MLFLOW_FORGED, COUNTER, "metaops_gateway_mlflow_not_taken_total",
       "reason=\"signature\"", "Deliveries of MLflow's webhooks that are not kept")
METRIC(GATEWAY_MLFLOW_STALE, COUNTER, "metaops_gateway_mlflow_not_taken_total",
       "reason=\"timestamp\"", "")
METRIC(GATEWAY_MLFLOW_EVENT, COUNTER, "metaops_gateway_mlflow_not_taken_total",
       "reason=\"no_event\"", "")
METRIC(GATEWAY_MLFLOW_PROMPTS, COUNTER, "metaops_gateway_mlflow_not_taken_total",
       "reason=\"prompt\"", "")
METRIC(GATEWAY_MLFLOW_TRIALS, COUNTER, "metaops_gateway_mlflow_not_taken_total", "reason=\"test\"",
       "")
METRIC(GATEWAY_AUDIT_LIST, COUNTER, "metaops_gateway_audit_refusals_total", "reason=\"no_list\"",
       "Lists and items refused by /api/v1/kubernetes/audit by what was sent")
METRIC(GATEWAY_AUDIT_JSON, COUNTER, "metaops_gateway_audit_refusals_total", "reason=\"no_json\"",
       "")
METRIC(GATEWAY_AUDIT_EVENT, COUNTER, "metaops_gateway_audit_refusals_total", "reason=\"no_event\"",
       "")
METRIC(GATEWAY_AUDIT_SIZE, COUNTER, "metaops_gateway_audit_refusals_total", "reason=\"too_large\"",
       "")
METRIC(GATEWAY_KEYS, GAUGE, "metaops_gateway_keys", "",
       "API keys that are neither revoked nor expired")
METRIC(GATEWAY_KEYS_KNOWN, GAUGE, "metaops_gateway_keys_known", "",
       "1 when the topic of keys was read to its end; until then requests with a key get 503")
METRIC(PRODUCER_QUEUE_MESSAGES, GAUGE, "metaops_producer_queue_messages", "",
       "Records handed to the Kafka client and not yet answered")
METRIC(PRODUCER_QUEUE_BYTES, GAUGE, "metaops_producer_queue_bytes", "", "Bytes of these records")
METRIC(PRODUCER_REBUILDS, COUNTER, "metaops_producer_rebuilds_total", "",
       "Producers built anew after a fatal error")
METRIC(POLL_PUBLISHED, COUNTER, "metaops_poll_records_total", "result=\"published\"",
       "Records of other systems' topics, events of watches and what was seen of servers, by what "
       "became of them")
METRIC(POLL_DEAD_LETTERS, COUNTER, "metaops_poll_records_total", "result=\"dead_letter\"", "")
METRIC(POLL_LOST, COUNTER, "metaops_poll_records_total", "result=\"lost\"", "")
METRIC(POLL_RETRIES, COUNTER, "metaops_poll_retries_total", "",
       "Times that a record was handed over again because Kafka did not confirm it")
METRIC(POLL_LOOKS, COUNTER, "metaops_poll_looks_total", "result=\"answered\"",
       "Looks at servers of models by whether they answered")
METRIC(POLL_LOOKS_FAILED, COUNTER, "metaops_poll_looks_total", "result=\"no_answer\"", "")
METRIC(POLL_IN_FLIGHT, GAUGE, "metaops_poll_in_flight_records", "",
       "Records that were read and are not confirmed yet")
METRIC(POLL_WATCH_IN_FLIGHT, GAUGE, "metaops_poll_in_flight_records", "source=\"kubernetes\"", "")
METRIC(POLL_IN_FLIGHT_BYTES, GAUGE, "metaops_poll_in_flight_bytes", "", "Bytes of these records")
METRIC(POLL_WATCH_IN_FLIGHT_BYTES, GAUGE, "metaops_poll_in_flight_bytes", "source=\"kubernetes\"",
       "")
METRIC(POLL_WATCHES, GAUGE, "metaops_poll_watches", "",
       "Resources of Kubernetes that are being watched now")
METRIC(POLL_LISTS, COUNTER, "metaops_poll_lists_total", "",
       "Times that all objects of a resource of Kubernetes were listed")
METRIC(POLL_WATCH_FAILURES, COUNTER, "metaops_poll_watch_failures_total", "",
       "Times that a list or a watch of Kubernetes failed and was tried again later")
METRIC(REGISTRY_REQUESTS, COUNTER, "metaops_schema_registry_requests_total", "",
       "Questions to the schema registry; ids are kept, so it stays small")
METRIC(WORKER_RECORDS, COUNTER, "metaops_worker_records_total", "", "Kafka records read")
METRIC(WORKER_LANDED, COUNTER, "metaops_worker_events_total", "result=\"landed\"",
       "Events by what became of them at the worker")
METRIC(WORKER_DUPLICATES, COUNTER, "metaops_worker_events_total", "result=\"duplicate\"", "")
METRIC(WORKER_DEAD_LETTERS, COUNTER, "metaops_worker_events_total", "result=\"dead_letter\"", "")
METRIC(WORKER_REDACTIONS, COUNTER, "metaops_worker_redactions_total", "",
       "Secrets taken out of what others than the gateway wrote to Kafka")
METRIC(WORKER_BATCHES, COUNTER, "metaops_worker_batches_total", "", "Transactions committed")
METRIC(WORKER_BATCH_RETRIES, COUNTER, "metaops_worker_batch_retries_total", "",
       "Transactions rolled back to be tried again")
METRIC(WORKER_COMMIT_SECONDS, HISTOGRAM, "metaops_worker_commit_duration_seconds", "",
       "From BEGIN to the answer to COMMIT")
METRIC(WORKER_LATENCY_SECONDS, HISTOGRAM, "metaops_worker_latency_seconds", "",
       "From received_at at the gateway to COMMIT, per event")
METRIC(WORKER_PARTITIONS, GAUGE, "metaops_worker_partitions", "", "Partitions assigned")
METRIC(WORKER_PARTITIONS_STOPPED, GAUGE, "metaops_worker_partitions_stopped", "",
       "Partitions stopped because the topic does not continue where the database stands")
METRIC(WORKER_LAG_RECORDS, GAUGE, "metaops_worker_lag_records", "",
       "Records between the stored offsets and the ends of the assigned partitions")
METRIC(WORKER_FENCED, COUNTER, "metaops_worker_fenced_total", "",
       "Batches dropped because another worker owned the partition")
METRIC(WORKER_REBALANCES, COUNTER, "metaops_worker_rebalances_total", "", "Assignments received")
METRIC(WORKER_AUDIT_EXPORTS, COUNTER, "metaops_worker_audit_exports_total", "result=\"done\"",
       "Signed heads of the audit chains handed to the topic or the file")
METRIC(WORKER_AUDIT_EXPORTS_FAILED, COUNTER, "metaops_worker_audit_exports_total",
       "result=\"failed\"", "")
METRIC(ALERTER_DELIVERED, COUNTER, "metaops_alerter_deliveries_total", "result=\"delivered\"",
       "Tries to tell a receiver of an alert, by how they ended")
METRIC(ALERTER_FAILED, COUNTER, "metaops_alerter_deliveries_total", "result=\"failed\"", "")
METRIC(ALERTER_GIVEN_UP, COUNTER, "metaops_alerter_deliveries_total", "result=\"given_up\"", "")
METRIC(ALERTER_UNROUTED, COUNTER, "metaops_alerter_unrouted_total", "",
       "Messages about alerts that no receiver is to have")
METRIC(ALERTER_LATENCY_SECONDS, HISTOGRAM, "metaops_alerter_latency_seconds", "",
       "From the change in the database to a receiver's answer, per message and receiver")
METRIC(ALERTER_PENDING, GAUGE, "metaops_alerter_pending", "",
       "Messages not yet delivered, once for each receiver, of all alerters")
METRIC(ALERTER_LOST, GAUGE, "metaops_alerter_given_up", "",
       "Messages that were given up and are kept in metaops.alert_deliveries, of all alerters")
