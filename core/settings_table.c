#include "core/settings_table.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#define FIELD(name) .key = #name, .offset = offsetof(struct settings, name)
#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define TOPIC_NAME_MAX 249 /* Kafka's own limit */
#define PATH_MAX_BYTES 4095

const struct setting_row settings_table_rows[] = {
    {FIELD(admin.tls_certificate_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "",
     .min = 0, .max = PATH_MAX_BYTES, .roles = "gateway, worker, alerter, poll",
     .doc = "Certificate (PEM, the chain behind it) of the admin ports. Empty: plain HTTP. Read "
            "again when the file changes."},
    {FIELD(admin.tls_key_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "", .min = 0,
     .max = PATH_MAX_BYTES, .roles = "gateway, worker, alerter, poll",
     .doc = "Private key (PEM, no passphrase) of admin.tls_certificate_file."},
    {FIELD(admin.token_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "", .min = 0,
     .max = PATH_MAX_BYTES, .roles = "gateway, worker, alerter, poll",
     .doc = "File with the token, 16 to 1024 visible characters, that /metrics wants as "
            "`Authorization: Bearer`; /healthz and /readyz answer without it, but give no reasons "
            "then. Beyond loopback an admin port does not start without it."},
    {FIELD(alerts.admin_listen), .type = SETTING_TEXT, .def = "127.0.0.1:5009", .min = 1,
     .max = 255, .roles = "alerter",
     .doc = "Address of /metrics, /healthz and /readyz of the alerter, host:port."},
    {FIELD(alerts.attempts_max), .type = SETTING_INTEGER, .def = "100", .min = 1, .max = 1000000,
     .roles = "alerter",
     .doc = "Tries after which a message is given up for a receiver; it stays in "
            "metaops.alert_deliveries. With the other defaults that is after a day."},
    {FIELD(alerts.backoff_max_ms), .type = SETTING_MILLISECONDS, .def = "900000", .min = 1,
     .max = 24 * HOUR_MS, .roles = "alerter", .doc = "Longest time between two tries."},
    {FIELD(alerts.backoff_ms), .type = SETTING_MILLISECONDS, .def = "1000", .min = 1,
     .max = HOUR_MS, .roles = "alerter",
     .doc = "Time before the second try; doubled for each further one, half of it by chance."},
    {FIELD(alerts.contracts_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "",
     .min = 0, .max = PATH_MAX_BYTES, .roles = "alerter, contracts, check",
     .doc = "JSON file with contracts (what has to hold of datasets: schema, freshness, owner, "
            "documentation, facets) and rules for drift (which kinds are on, severity, tier, "
            "thresholds), with patterns of * and ?. Loaded into the database when the alerter "
            "starts and when the file changes; metaops contracts check judges it. Empty: what "
            "metaops contracts load loaded holds, and at first all kinds are on."},
    {FIELD(alerts.event_age_max_ms), .type = SETTING_MILLISECONDS, .def = "86400000",
     .min = SECOND_MS, .max = INT64_C(36500) * 24 * HOUR_MS, .roles = "worker, alerter, contracts",
     .doc =
         "How old an event may be, by its own time, so that somebody is told of what it changed; "
         "older ones make rows of metaops.alerts only. The same for workers and alerters."},
    {FIELD(alerts.in_flight_max), .type = SETTING_INTEGER, .def = "8", .min = 1, .max = 1000,
     .roles = "alerter", .doc = "Messages on their way to one receiver at once."},
    {FIELD(alerts.poll_interval_ms), .type = SETTING_MILLISECONDS, .def = "1000", .min = 50,
     .max = HOUR_MS, .roles = "alerter",
     .doc = "How often the alerter looks for messages that are due to be tried again, and for new "
            "ones in case a notification was lost."},
    {FIELD(alerts.request_timeout_ms), .type = SETTING_MILLISECONDS, .def = "10000", .min = 100,
     .max = 600 * SECOND_MS, .roles = "alerter",
     .doc = "Time for a receiver to answer. An alerter that is dead for 5 s longer is one whose "
            "messages others take over."},
    {FIELD(alerts.routes_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "", .min = 0,
     .max = PATH_MAX_BYTES, .roles = "alerter, check",
     .doc = "File that says who is told of what. receiver.NAME.type = webhook, cloudevents, slack, "
            "alertmanager, kafka or stdout, with .url or .url_file (https), .key_file (signs as "
            "Standard Webhooks do), .ca_file; route.NAME.receivers = NAME, ... for alerts of "
            "route.NAME.kind, .severity, .namespace, .owner (patterns with * and ?, separated by "
            "commas; all of them match). The first route that matches counts, and the next too "
            "after route.NAME.continue = yes. Read again when it changes."},
    {FIELD(alerts.trusted_hosts), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "",
     .min = 0, .max = 4096, .roles = "alerter, check",
     .doc = "Hosts, host or host:port separated by commas, to which URLs of alerts.routes_file may "
            "lead though their address is not public, by http too. Others are refused: loopback, "
            "private, link-local and metadata addresses."},
    {FIELD(alerts.webhook_key_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "",
     .min = 0, .max = PATH_MAX_BYTES, .roles = "alerter, check",
     .doc =
         "Keys, one a line, that sign what goes to alerts.webhook_url: header webhook-signature, "
         "HMAC-SHA256 over `webhook-id.webhook-timestamp.body`. Several while one is changed. "
         "Empty: not signed."},
    {FIELD(alerts.webhook_url), .type = SETTING_TEXT, .flags = SETTING_SECRET | SETTING_RELOAD,
     .def = "", .min = 0, .max = 4096, .roles = "alerter, check",
     .doc = "Every message about an alert is posted to this http(s) URL at once, one a request: "
            "JSON with the columns of metaops.alerts. Taken as it is: loopback, private addresses "
            "and http are fine. Empty: to nobody."},
    {FIELD(audit.heads_file), .type = SETTING_TEXT, .def = "", .min = 0, .max = PATH_MAX_BYTES,
     .roles = "worker, audit",
     .doc = "File to which signed heads of the audit chains are appended, a line of JSON for each "
            "export (some 130 bytes for each partition). Keep it, or the topic, where the owner of "
            "the database cannot change it. Empty: to kafka.topic_audit_heads only."},
    {FIELD(audit.heads_interval_ms), .type = SETTING_MILLISECONDS, .def = "3600000",
     .min = SECOND_MS, .max = 24 * HOUR_MS, .roles = "worker",
     .doc =
         "How often a worker exports the heads, if anything came in. What came in since the last "
         "export is not proven against who owns the database."},
    {FIELD(audit.key_file), .type = SETTING_TEXT, .def = "", .min = 0, .max = PATH_MAX_BYTES,
     .roles = "worker, audit",
     .doc = "Ed25519 key (PEM, `openssl genpkey -algorithm ed25519`, readable by its owner alone) "
            "that signs the heads of the audit chains. One worker with it is enough. Empty: this "
            "worker exports none."},
    {FIELD(ingest.admin_listen), .type = SETTING_TEXT, .def = "127.0.0.1:5001", .min = 1,
     .max = 255, .roles = "gateway",
     .doc = "Address of /metrics, /healthz and /readyz of the gateway, host:port."},
    {FIELD(ingest.answer_timeout_ms), .type = SETTING_MILLISECONDS, .def = "4000", .min = 100,
     .max = HOUR_MS, .roles = "gateway",
     .doc =
         "A request without an answer by then gets 503 with Retry-After. OpenLineage clients give "
         "up at 5 s; must be more than ingest.message_timeout_ms."},
    {FIELD(ingest.audit_bytes_max), .type = SETTING_BYTES, .def = "16MiB", .min = KIB, .max = GIB,
     .roles = "gateway",
     .doc = "Largest list of audit events of Kubernetes, inflated. Larger ones get 413."},
    {FIELD(ingest.auth), .type = SETTING_TEXT, .def = "auto", .min = 1, .max = 255,
     .choices = "auto|required|none", .roles = "gateway",
     .doc = "Whether an event needs an API key (`metaops keys`) or a verified client certificate. "
            "auto: unless ingest.listen is loopback or ingest.insecure is anonymous. A key that is "
            "sent is judged all the same, except with none."},
    {FIELD(ingest.batch_bytes_max), .type = SETTING_BYTES, .def = "64MiB", .min = KIB, .max = GIB,
     .roles = "gateway", .doc = "Largest body of a batch, inflated. Larger ones get 413."},
    {FIELD(ingest.batch_events_max), .type = SETTING_INTEGER, .def = "10000", .min = 1,
     .max = 1000000, .roles = "gateway", .doc = "Most events in one batch."},
    {FIELD(ingest.body_bytes_max), .type = SETTING_BYTES, .def = "32MiB", .min = KIB, .max = GIB,
     .roles = "gateway, worker, emit, check, poll",
     .doc = "Largest event, inflated. Larger ones get 413, also inside a batch."},
    {FIELD(ingest.body_timeout_ms), .type = SETTING_MILLISECONDS, .def = "30000", .min = 100,
     .max = HOUR_MS, .roles = "gateway",
     .doc = "Time for the whole body to arrive, counted from the end of the head."},
    {FIELD(ingest.connections_max), .type = SETTING_INTEGER, .def = "4096", .min = 1,
     .max = 1000000, .roles = "gateway",
     .doc = "Most open connections of all threads; further ones are closed at once."},
    {FIELD(ingest.drain_timeout_ms), .type = SETTING_MILLISECONDS, .def = "15000", .min = 0,
     .max = HOUR_MS, .roles = "gateway",
     .doc = "After SIGTERM, time for open requests and pending records to end."},
    {FIELD(ingest.head_bytes_max), .type = SETTING_BYTES, .def = "16KiB", .min = KIB, .max = MIB,
     .roles = "gateway", .doc = "Largest head of a request. Larger ones get 431."},
    {FIELD(ingest.head_timeout_ms), .type = SETTING_MILLISECONDS, .def = "5000", .min = 100,
     .max = HOUR_MS, .roles = "gateway",
     .doc = "Time for the head of a request to arrive, counted from its first byte."},
    {FIELD(ingest.idle_timeout_ms), .type = SETTING_MILLISECONDS, .def = "60000", .min = 100,
     .max = HOUR_MS, .roles = "gateway",
     .doc = "Time a kept connection may wait for its next request."},
    {FIELD(ingest.insecure), .type = SETTING_TEXT, .def = "no", .min = 1, .max = 255,
     .choices = "no|plaintext|anonymous", .roles = "gateway",
     .doc = "What may be missing when ingest.listen is reached from other machines; else the "
            "gateway does not start. plaintext: TLS, because something in front of it ends it; "
            "anonymous: TLS and keys, because the network lets only friends in."},
    {FIELD(ingest.json_depth_max), .type = SETTING_INTEGER, .def = "128", .min = 4, .max = 1000,
     .roles = "gateway, worker, emit, check, poll", .doc = "Deepest nesting of an event."},
    {FIELD(ingest.json_values_max), .type = SETTING_INTEGER, .def = "4000000", .min = 1000,
     .max = 100000000, .roles = "gateway, worker, emit, check, poll",
     .doc = "Most JSON values (keys counted) in one event."},
    {FIELD(ingest.key_burst_max), .type = SETTING_INTEGER, .flags = SETTING_RELOAD, .def = "0",
     .min = 0, .max = 1000000000, .roles = "gateway",
     .doc = "Events that a key without a burst of its own may send at once. 0: as many as its rate "
            "gives in a second."},
    {FIELD(ingest.key_bytes_per_day_max), .type = SETTING_BYTES, .flags = SETTING_RELOAD,
     .def = "0", .min = 0, .max = INT64_C(1) << 50, .roles = "gateway",
     .doc = "Bytes of events a day (UTC) for keys without a quota of their own, at each gateway. "
            "0: no limit."},
    {FIELD(ingest.key_events_per_day_max), .type = SETTING_INTEGER, .flags = SETTING_RELOAD,
     .def = "0", .min = 0, .max = INT64_C(1) << 50, .roles = "gateway",
     .doc = "Events a day (UTC) for keys without a quota of their own, at each gateway. 0: no "
            "limit."},
    {FIELD(ingest.key_rate_per_s_max), .type = SETTING_INTEGER, .flags = SETTING_RELOAD, .def = "0",
     .min = 0, .max = 1000000000, .roles = "gateway",
     .doc = "Events a second for keys without a rate of their own, at each gateway. 0: no limit."},
    {FIELD(ingest.keys_max), .type = SETTING_INTEGER, .def = "20000", .min = 1, .max = 1000000,
     .roles = "gateway, keys",
     .doc = "Most API keys, revoked and expired ones counted; about 1 KiB of memory each."},
    {FIELD(ingest.listen), .type = SETTING_TEXT, .def = "127.0.0.1:5000", .min = 1, .max = 255,
     .roles = "gateway", .doc = "Address for events by HTTP, host:port or [v6]:port."},
    {FIELD(ingest.memory_bytes_max), .type = SETTING_BYTES, .def = "256MiB", .min = 64 * KIB,
     .max = 64 * GIB, .roles = "gateway",
     .doc = "Bodies of all open requests together; beyond it new ones get 503 with Retry-After. An "
            "eighth is kept for bodies of up to 128 KiB."},
    {FIELD(ingest.message_timeout_ms), .type = SETTING_MILLISECONDS, .def = "3000", .min = 100,
     .max = HOUR_MS, .roles = "gateway, emit, poll",
     .doc = "Time for the broker to confirm a record; beyond it the event is answered with 503."},
    {FIELD(ingest.mlflow_age_max_ms), .type = SETTING_MILLISECONDS, .def = "300000",
     .min = SECOND_MS, .max = 24 * HOUR_MS, .roles = "gateway",
     .doc = "How far the time of a signed delivery of MLflow may be from now, on either side; 401 "
            "beyond. Its retries have the time of the first try."},
    {FIELD(ingest.mlflow_key_file), .type = SETTING_TEXT, .def = "", .min = 0,
     .max = PATH_MAX_BYTES, .roles = "gateway",
     .doc = "Secrets of MLflow's webhooks, one a line of 8 to 1024 bytes, at most 4; read at the "
            "start. A delivery to /api/v1/mlflow/webhooks then needs a signature by one of them, "
            "and nothing else. Empty: none is asked for, and the door wants what it wants of every "
            "event."},
    {FIELD(ingest.mlflow_namespace), .type = SETTING_TEXT, .def = "mlflow", .min = 1, .max = 255,
     .roles = "gateway",
     .doc =
         "Namespace of the models of MLflow's registry, whose webhooks do not say which "
         "registry they are of. Two registries with models of the same name need a gateway each."},
    {FIELD(ingest.openlineage_topics), .type = SETTING_TEXT, .def = "", .min = 0, .max = 4096,
     .roles = "worker",
     .doc = "Topics, separated by commas, into which OpenLineage clients with the Kafka transport "
            "write plain JSON; the worker reads them too."},
    {FIELD(ingest.queue_bytes_max), .type = SETTING_BYTES, .def = "64MiB", .min = MIB,
     .max = 2047 * MIB, .roles = "gateway, emit, poll",
     .doc = "Bytes of records that wait for the broker; beyond it events are answered with 503."},
    {FIELD(ingest.refusals_interval_ms), .type = SETTING_MILLISECONDS, .def = "5000", .min = 100,
     .max = HOUR_MS, .roles = "gateway",
     .doc = "How often a gateway reports whom it refused; nothing is sent when nobody was."},
    {FIELD(ingest.threads), .type = SETTING_INTEGER, .def = "1", .min = 1, .max = 256,
     .roles = "gateway", .doc = "Event loops, each with a listener of its own."},
    {FIELD(ingest.tls_certificate_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "",
     .min = 0, .max = PATH_MAX_BYTES, .roles = "gateway",
     .doc = "Certificate (PEM, the chain behind it) for ingest.listen: then it takes HTTPS only. "
            "Empty: plain HTTP. Read again when the file changes."},
    {FIELD(ingest.tls_client_ca_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "",
     .min = 0, .max = PATH_MAX_BYTES, .roles = "gateway",
     .doc =
         "Authorities (PEM) whose client certificates are taken; the name in one (SAN URI, else "
         "SAN DNS, else CN) is the principal of events without a key. Empty: none is asked for."},
    {FIELD(ingest.tls_client_required), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "no",
     .min = 1, .max = 255, .choices = "no|yes", .roles = "gateway",
     .doc = "Whether a client without a certificate of ingest.tls_client_ca_file is turned away "
            "in the handshake."},
    {FIELD(ingest.tls_key_file), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "", .min = 0,
     .max = PATH_MAX_BYTES, .roles = "gateway",
     .doc = "Private key (PEM, no passphrase) of ingest.tls_certificate_file."},
    {FIELD(kafka.brokers), .type = SETTING_TEXT, .def = "127.0.0.1:5004", .min = 1, .max = 4096,
     .roles = "all",
     .doc =
         "Bootstrap servers, host:port separated by commas. KAFKA_BOOTSTRAP_SERVERS is taken when "
         "the variable of this setting is not there."},
    {FIELD(kafka.message_bytes_max), .type = SETTING_BYTES, .def = "34MiB", .min = 64 * KIB,
     .max = 1000 * MIB, .roles = "gateway, worker, emit, migrate, poll",
     .doc = "Largest record: producer, topic and fetch alike. More than ingest.body_bytes_max."},
    {FIELD(kafka.min_insync_replicas), .type = SETTING_INTEGER, .def = "1", .min = 1, .max = 100,
     .roles = "migrate", .doc = "min.insync.replicas of the topics that migrate --kafka creates."},
    {FIELD(kafka.partitions), .type = SETTING_INTEGER, .def = "12", .min = 1, .max = 10000,
     .roles = "migrate",
     .doc = "Partitions of the topics that migrate --kafka creates; may grow later, never shrink."},
    {FIELD(kafka.replication_factor), .type = SETTING_INTEGER, .def = "1", .min = 1, .max = 100,
     .roles = "migrate", .doc = "Replicas of the topics that migrate --kafka creates."},
    {FIELD(kafka.topic_alerts), .type = SETTING_TEXT, .def = "metaops.alerts", .min = 1,
     .max = TOPIC_NAME_MAX, .roles = "worker, migrate", .doc = "Topic for alerts."},
    {FIELD(kafka.topic_audit_heads), .type = SETTING_TEXT, .def = "metaops.audit-heads", .min = 1,
     .max = TOPIC_NAME_MAX, .roles = "worker, audit, migrate",
     .doc = "Topic for signed heads of the audit chains; one partition, kept for ever."},
    {FIELD(kafka.topic_dead_letters), .type = SETTING_TEXT, .def = "metaops.dead-letters", .min = 1,
     .max = TOPIC_NAME_MAX, .roles = "worker, migrate",
     .doc = "Topic for records that can't be used."},
    {FIELD(kafka.topic_enriched), .type = SETTING_TEXT, .def = "metaops.enriched", .min = 1,
     .max = TOPIC_NAME_MAX, .roles = "worker, migrate",
     .doc = "Topic that worker.sink=kafka writes. Needs as many partitions as kafka.topic_events, "
            "and a retention that is no shorter."},
    {FIELD(kafka.topic_events), .type = SETTING_TEXT, .def = "metaops.events", .min = 1,
     .max = TOPIC_NAME_MAX, .roles = "gateway, worker, emit, migrate, poll",
     .doc = "Topic for events."},
    {FIELD(kafka.topic_keys), .type = SETTING_TEXT, .def = "metaops.keys", .min = 1,
     .max = TOPIC_NAME_MAX, .roles = "gateway, worker, keys, migrate",
     .doc = "Topic for changes of API keys; one partition, kept for ever."},
    {FIELD(log.format), .type = SETTING_TEXT, .def = "auto", .min = 1, .max = 255,
     .choices = "auto|text|json", .roles = "all",
     .doc = "Form of the log lines on stderr: auto is text on a terminal and JSON otherwise."},
    {FIELD(log.level), .type = SETTING_TEXT, .flags = SETTING_RELOAD, .def = "info", .min = 1,
     .max = 255, .choices = "debug|info|warn|error", .roles = "all",
     .doc = "Least level that is logged."},
    {FIELD(log.lines_per_second), .type = SETTING_INTEGER, .flags = SETTING_RELOAD, .def = "20",
     .min = 0, .max = 1000000, .roles = "all",
     .doc = "Most lines a second from one place in the program; what was dropped is counted in the "
            "next line. 0: no limit."},
    {FIELD(poll.admin_listen), .type = SETTING_TEXT, .def = "127.0.0.1:5011", .min = 1, .max = 255,
     .roles = "poll", .doc = "Address of /metrics, /healthz and /readyz of poll, host:port."},
    {FIELD(poll.brokers), .type = SETTING_TEXT, .def = "", .min = 0, .max = 4096, .roles = "poll",
     .doc = "Bootstrap servers of the Kafka that poll reads. Empty: kafka.brokers. For poll, "
            "rdkafka.consumer.* are properties of this one alone (how to log in there), "
            "rdkafka.producer.* of kafka.brokers alone, and rdkafka.* of both."},
    {FIELD(poll.drain_timeout_ms), .type = SETTING_MILLISECONDS, .def = "10000", .min = 0,
     .max = HOUR_MS, .roles = "poll",
     .doc = "After SIGTERM, time for records that were read to be confirmed."},
    {FIELD(poll.group), .type = SETTING_TEXT, .def = "metaops-poll", .min = 1, .max = 255,
     .roles = "poll",
     .doc = "Consumer group under which poll reads; where it stands is kept there."},
    {FIELD(poll.in_flight_bytes_max), .type = SETTING_BYTES, .def = "32MiB", .min = 64 * KIB,
     .max = 4 * GIB, .roles = "poll",
     .doc = "Bytes of records that were read and are not confirmed yet; then reading waits. One "
            "larger record is read alone."},
    {FIELD(poll.in_flight_max), .type = SETTING_INTEGER, .def = "10000", .min = 1, .max = 1000000,
     .roles = "poll", .doc = "Records of the same; then reading waits."},
    {FIELD(poll.kubernetes_ca_file), .type = SETTING_TEXT, .def = "", .min = 0,
     .max = PATH_MAX_BYTES, .roles = "poll",
     .doc =
         "Authorities by which the API server of Kubernetes is believed. Empty: those of the pod "
         "when poll.kubernetes_url is empty too, else the system's."},
    {FIELD(poll.kubernetes_cluster), .type = SETTING_TEXT, .def = "", .min = 0, .max = 253,
     .roles = "poll",
     .doc =
         "Name of the cluster of Kubernetes that is watched, the one at the end of the address to "
         "which its audit events are sent; one poll for each. What vanishes while it does not run "
         "is not seen to vanish: audit events tell that. Empty: none is watched."},
    {FIELD(poll.kubernetes_resources), .type = SETTING_TEXT,
     .def = "pods,deployments,jobs,models,pipelines,servers,seldondeployments,inferenceservices,"
            "sparkapplications",
     .min = 1, .max = 1024, .roles = "poll",
     .doc = "Comma list of what is watched, in all namespaces; the default names all that can be. "
            "What the cluster does not have is looked for again every 10 minutes."},
    {FIELD(poll.kubernetes_token_file), .type = SETTING_TEXT, .def = "", .min = 0,
     .max = PATH_MAX_BYTES, .roles = "poll",
     .doc = "File with the bearer token for the API server, read for each request because tokens "
            "are replaced; never sent over plain http. Empty: that of the pod when "
            "poll.kubernetes_url is empty too, else none."},
    {FIELD(poll.kubernetes_url), .type = SETTING_TEXT, .def = "", .min = 0, .max = 1000,
     .roles = "poll",
     .doc = "Address of the API server; plain http to loopback alone (kubectl proxy). Empty: that "
            "of the cluster in which poll runs as a pod."},
    {FIELD(poll.kubernetes_watch_timeout_ms), .type = SETTING_MILLISECONDS, .def = "300000",
     .min = SECOND_MS, .max = HOUR_MS, .roles = "poll",
     .doc = "After so long a watch is ended and goes on where it was: longest time for which a "
            "connection that died unseen tells nothing."},
    {FIELD(poll.mlserver_ca_file), .type = SETTING_TEXT, .def = "", .min = 0, .max = PATH_MAX_BYTES,
     .roles = "poll",
     .doc = "Certificates (PEM) that those of poll.mlserver_servers are verified with. Empty: the "
            "system's."},
    {FIELD(poll.mlserver_input_topic), .type = SETTING_TEXT, .def = "", .min = 0,
     .max = TOPIC_NAME_MAX, .roles = "poll",
     .doc = "Topic from which MLServer takes requests (its own default is mlserver-input). Empty: "
            "not read."},
    {FIELD(poll.mlserver_interval_ms), .type = SETTING_MILLISECONDS, .def = "10000", .min = 100,
     .max = HOUR_MS, .roles = "poll",
     .doc = "Time between two looks at a server of poll.mlserver_servers. One that does not answer "
            "is looked at ever less often, at least every five minutes."},
    {FIELD(poll.mlserver_metrics_interval_ms), .type = SETTING_MILLISECONDS, .def = "60000",
     .min = 100, .max = HOUR_MS, .roles = "poll",
     .doc = "Time between two readings of the metrics of a server of poll.mlserver_servers. Only "
            "models that counted something since are told."},
    {FIELD(poll.mlserver_metrics_port), .type = SETTING_INTEGER, .def = "8082", .min = 0,
     .max = 65535, .roles = "poll",
     .doc = "Port of MLServer's metrics (its own setting metrics_port), at the hosts of "
            "poll.mlserver_servers: /metrics there. 0: they are not read. Nor are those of servers "
            "on one host, as it is not known whose they are."},
    {FIELD(poll.mlserver_namespace), .type = SETTING_TEXT, .def = "", .min = 0, .max = 255,
     .roles = "poll",
     .doc = "Namespace of what MLServer serves, where a record names none (requests never do, and "
            "answers only inside of Kubernetes), or poll.mlserver_servers."},
    {FIELD(poll.mlserver_output_topic), .type = SETTING_TEXT, .def = "", .min = 0,
     .max = TOPIC_NAME_MAX, .roles = "poll",
     .doc = "Topic to which MLServer writes answers (its own default is mlserver-output). Empty: "
            "not read."},
    {FIELD(poll.mlserver_servers), .type = SETTING_TEXT, .flags = SETTING_SECRET, .def = "",
     .min = 0, .max = 65536, .roles = "poll",
     .doc = "Servers whose models, versions and their states are asked for, separated by commas: "
            "NAME=URL or NAMESPACE/NAME=URL, at most 64; a URL may carry user:password@. NAME is "
            "MLServer's own setting "
            "server_name, so that they meet what it answers. Empty: none."},
    {FIELD(poll.mlserver_service), .type = SETTING_TEXT, .def = "mlserver", .min = 1, .max = 255,
     .roles = "poll",
     .doc = "MLServer's own setting server_name: answers name it, requests do not, and only under "
            "one name they meet."},
    {FIELD(poll.mlserver_timeout_ms), .type = SETTING_MILLISECONDS, .def = "3000", .min = 100,
     .max = 30 * SECOND_MS, .roles = "poll",
     .doc = "Longest time that an answer of a server of poll.mlserver_servers may take."},
    {FIELD(poll.seldon_v1_topic), .type = SETTING_TEXT, .def = "", .min = 0, .max = TOPIC_NAME_MAX,
     .roles = "poll",
     .doc = "Topic of the payload logger of Seldon Core v1 (its own default is seldon). Empty: not "
            "read."},
    {FIELD(poll.seldon_v2_prefix), .type = SETTING_TEXT, .def = "", .min = 0, .max = 200,
     .roles = "poll",
     .doc = "First part of the names of the topics of Seldon Core v2 (its own default is seldon): "
            "PREFIX.NAMESPACE.model.NAME.inputs and .outputs, the same of pipelines, and "
            "PREFIX.NAMESPACE.errors.errors. New ones are found within about 10 s. Empty: not "
            "read."},
    {FIELD(postgres.audit_retention_days), .type = SETTING_INTEGER, .def = "0", .min = 0,
     .max = 36500, .roles = "maintain",
     .doc = "Days after which maintain deletes rows of the audit chains; the hash of the last one "
            "stays as an anchor, and what is left of the rows they stood for is not proven any "
            "more. No less than postgres.retention_days. 0: never."},
    {FIELD(postgres.conninfo), .type = SETTING_TEXT, .flags = SETTING_SECRET, .def = "", .min = 0,
     .max = 8192, .roles = "worker, alerter, migrate, lineage, offsets, check",
     .doc = "Connection string or URI of libpq, passed on as it is. Empty: libpq's own PG* "
            "variables."},
    {FIELD(postgres.dead_letter_retention_days), .type = SETTING_INTEGER, .def = "0", .min = 0,
     .max = 36500, .roles = "maintain",
     .doc = "Days after which maintain deletes dead letters. 0: never."},
    {FIELD(postgres.id_retention_days), .type = SETTING_INTEGER, .def = "0", .min = 0, .max = 36500,
     .roles = "maintain",
     .doc = "Days after which maintain deletes ids of events, by which a duplicate is known. 0: "
            "never. More than postgres.retention_days, and at least 7 more than Kafka keeps "
            "records (for spools of emitters); else none is deleted."},
    {FIELD(postgres.lock_timeout_ms), .type = SETTING_MILLISECONDS, .def = "10000", .min = 0,
     .max = HOUR_MS, .roles = "worker, alerter",
     .doc = "lock_timeout of the sinks' sessions. 0: none."},
    {FIELD(postgres.partitions_ahead), .type = SETTING_INTEGER, .def = "3", .min = 0, .max = 120,
     .roles = "worker, migrate", .doc = "Months of time partitions made ahead."},
    {FIELD(postgres.payload_id_retention_days), .type = SETTING_INTEGER, .def = "30", .min = 0,
     .max = 36500, .roles = "maintain",
     .doc =
         "Days after which maintain deletes ids of payloads of predictions, by which a duplicate "
         "is known: later when Kafka keeps records for longer, with 7 days for spools of "
         "emitters, and never while it keeps them for ever. 0: never."},
    {FIELD(postgres.prediction_pair_retention_days), .type = SETTING_INTEGER, .def = "7", .min = 0,
     .max = 36500, .roles = "maintain",
     .doc = "Days after which maintain deletes pairs of requests and answers, and with them how "
            "long answers took; by event time. 0: never."},
    {FIELD(postgres.prediction_retention_days), .type = SETTING_INTEGER, .def = "400", .min = 0,
     .max = 36500, .roles = "maintain",
     .doc = "Days after which maintain deletes windows of predictions and what detectors of drift "
            "said; by event time. Laws may ask for six months at least. 0: never."},
    {FIELD(postgres.refusal_retention_days), .type = SETTING_INTEGER, .def = "0", .min = 0,
     .max = 36500, .roles = "maintain",
     .doc = "Days after which maintain deletes refusals of keys (401, 403). 0: never."},
    {FIELD(postgres.retention_days), .type = SETTING_INTEGER, .def = "0", .min = 0, .max = 36500,
     .roles = "maintain",
     .doc = "Days, counted from receipt, after which maintain deletes events and their bodies. The "
            "graph stays. 0: never."},
    {FIELD(postgres.statement_timeout_ms), .type = SETTING_MILLISECONDS, .def = "60000", .min = 0,
     .max = 24 * HOUR_MS, .roles = "worker, alerter",
     .doc = "statement_timeout of the sinks' sessions. 0: none."},
    {FIELD(redact.environment_allow), .type = SETTING_TEXT, .def = SETTINGS_ENVIRONMENT_ALLOW,
     .min = 0, .max = 8192, .roles = "gateway, worker, emit, check, poll",
     .doc = "Variables whose values stay in environment facets, separated by commas; a * at the "
            "end of a name stands for anything. All others are redacted. Part of an event's "
            "identity: the same in every role and emitter."},
    {FIELD(redact.sql_literals), .type = SETTING_TEXT, .def = "off", .min = 1, .max = 3,
     .choices = "off|on", .roles = "gateway, worker, emit, check, poll",
     .doc = "on: literals of the sql facet are redacted too. Part of an event's identity: the same "
            "in every role and emitter."},
    {FIELD(schema_registry.auto_register), .type = SETTING_TEXT, .def = "no", .min = 1, .max = 3,
     .choices = "yes|no", .roles = "gateway, worker, emit, poll",
     .doc =
         "Whether a role registers what it writes. No: metaops migrate --schemas does it, as with "
         "topics, and roles need only read."},
    {FIELD(schema_registry.ca_file), .type = SETTING_TEXT, .def = "", .min = 0, .max = 4096,
     .roles = "gateway, worker, emit, migrate, poll",
     .doc = "Certificates (PEM) that the registry's is verified with. Empty: the system's."},
    {FIELD(schema_registry.timeout_ms), .type = SETTING_MILLISECONDS, .def = "3000", .min = 100,
     .max = 60 * SECOND_MS, .roles = "gateway, worker, emit, migrate, poll",
     .doc = "Time for one answer of the registry."},
    {FIELD(schema_registry.url), .type = SETTING_TEXT, .flags = SETTING_SECRET, .def = "", .min = 0,
     .max = 4096, .roles = "gateway, worker, emit, migrate, poll",
     .doc = "Confluent-compatible schema registry, http(s)://[user:password@]host[:port][/path]; "
            "several separated by commas. Records then have Confluent's wire format (00 and the id "
            "of their schema) instead of Avro single-object encoding; both are read."},
    {FIELD(worker.admin_listen), .type = SETTING_TEXT, .def = "127.0.0.1:5002", .min = 1,
     .max = 255, .roles = "worker",
     .doc = "Address of /metrics, /healthz and /readyz of the worker, host:port."},
    {FIELD(worker.base_bytes_max), .type = SETTING_BYTES, .def = "12MiB", .min = 0, .max = 64 * GIB,
     .roles = "worker", .doc = "Cache of bodies that later ones are stored against."},
    {FIELD(worker.batch_bytes_max), .type = SETTING_BYTES, .def = "16MiB", .min = 64 * KIB,
     .max = 4 * GIB, .roles = "worker",
     .doc = "Bytes of bodies after which a batch is closed. A larger event is a batch of its own."},
    {FIELD(worker.batch_events_max), .type = SETTING_INTEGER, .def = "1000", .min = 1,
     .max = 100000, .roles = "worker", .doc = "Events after which a batch is closed."},
    {FIELD(worker.batch_linger_ms), .type = SETTING_MILLISECONDS, .def = "20", .min = 0,
     .max = 60 * SECOND_MS, .roles = "worker",
     .doc = "Longest time an event waits for its batch to fill."},
    {FIELD(worker.batches_in_flight_max), .type = SETTING_INTEGER, .def = "2", .min = 1, .max = 7,
     .roles = "worker",
     .doc = "Batches of one lane that are being turned into rows or written; then reading waits."},
    {FIELD(worker.drain_timeout_ms), .type = SETTING_MILLISECONDS, .def = "15000", .min = 0,
     .max = HOUR_MS, .roles = "worker",
     .doc = "After SIGTERM, time for open batches to be committed."},
    {FIELD(worker.group), .type = SETTING_TEXT, .def = "metaops", .min = 1, .max = 255,
     .roles = "worker", .doc = "Kafka consumer group."},
    {FIELD(worker.instance_id), .type = SETTING_TEXT, .def = "auto", .min = 0, .max = 249,
     .roles = "worker",
     .doc = "group.instance.id: auto is host name and admin port, empty a dynamic member. Two "
            "workers of one id: the second stops with a message."},
    {FIELD(worker.known_ids_max), .type = SETTING_INTEGER, .def = "200000", .min = 1024,
     .max = 1000000000, .roles = "worker",
     .doc = "Ids kept in memory, 16 bytes each, that are known to be in the database."},
    {FIELD(worker.lanes), .type = SETTING_INTEGER, .def = "1", .min = 1, .max = 16,
     .roles = "worker",
     .doc = "Lanes of the pipeline: each a thread that turns events into rows and a thread with a "
            "connection of its own that writes them. A partition belongs to one lane."},
    {FIELD(worker.series_lateness_ms), .type = SETTING_MILLISECONDS, .def = "604800000", .min = 0,
     .max = 31 * 24 * HOUR_MS, .roles = "worker",
     .doc = "A run that ended by so much before the newest of its series is put in its place among "
            "the newest five; one that comes later still, or behind five others, is left out of "
            "what is usual."},
    {FIELD(worker.session_timeout_ms), .type = SETTING_MILLISECONDS, .def = "10000",
     .min = 6 * SECOND_MS, .max = HOUR_MS / 2, .roles = "worker, poll",
     .doc = "A worker silent for so long loses its partitions to the others."},
    {FIELD(worker.sink), .type = SETTING_TEXT, .def = "postgres", .min = 1, .max = 255,
     .choices = "postgres|kafka|stdout|null", .roles = "worker",
     .doc = "Where rows go. kafka: each accepted event once, as Avro, to kafka.topic_enriched; "
            "needs a "
            "worker.group of its own."},
};

const size_t settings_table_count = sizeof(settings_table_rows) / sizeof(settings_table_rows[0]);

static char settings_table_fold(char c)
{
    return c == '-' ? '_' : c;
}

const struct setting_row *settings_table_find(struct str key)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        const char *name = settings_table_rows[i].key;
        size_t n = 0;
        while (n < key.len && name[n] != '\0' && settings_table_fold(key.ptr[n]) == name[n]) {
            n++;
        }
        if (n == key.len && name[n] == '\0') {
            return &settings_table_rows[i];
        }
    }
    return NULL;
}

/* Levenshtein distance of two names, both cut to SETTINGS_NAME_BYTES. */
static size_t settings_table_distance(struct str a, struct str b)
{
    size_t row[SETTINGS_NAME_BYTES + 1];
    size_t a_len = a.len < SETTINGS_NAME_BYTES ? a.len : SETTINGS_NAME_BYTES;
    size_t b_len = b.len < SETTINGS_NAME_BYTES ? b.len : SETTINGS_NAME_BYTES;

    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            bool same = settings_table_fold(a.ptr[i - 1]) == settings_table_fold(b.ptr[j - 1]);
            size_t best = diagonal + (same ? 0 : 1);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[b_len];
}

const char *settings_table_nearest(struct str key)
{
    const char *nearest = settings_table_rows[0].key;
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < settings_table_count; i++) {
        size_t distance = settings_table_distance(key, str_view(settings_table_rows[i].key));
        if (distance < least) {
            least = distance;
            nearest = settings_table_rows[i].key;
        }
    }
    return nearest;
}

void settings_table_env_name(const struct setting_row *row, char *out)
{
    snprintf(out, SETTINGS_NAME_BYTES, "METAOPS_%s", row->key);
    for (char *c = out; *c; c++) {
        *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
    }
}

void settings_table_flag_name(const struct setting_row *row, char *out)
{
    snprintf(out, SETTINGS_NAME_BYTES, "--%s", row->key);
    for (char *c = out; *c; c++) {
        *c = *c == '_' ? '-' : *c;
    }
}

bool settings_table_is_secret_property(const char *key)
{
    static const char *const marks[] = {"password",           "secret",   "jaas", "key",
                                        "oauthbearer.config", "kinit.cmd"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (strcasestr(key, marks[i])) {
            return true;
        }
    }
    return false;
}
