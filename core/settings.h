/* settings.h - every setting of every role: default < file < environment < flag.
 *
 * One row each in settings_table.c. Names are derived by rule, never typed: `ingest.body_bytes_max`
 * is METAOPS_INGEST_BODY_BYTES_MAX in the environment and --ingest.body-bytes-max on the command
 * line. File: `key = value` lines, `#` comments; the file is --config FILE or METAOPS_CONFIG. An
 * unknown key in file or flags is an error that names the nearest key; an unknown METAOPS_*
 * variable is only warned about. Keys that begin with `rdkafka.` pass through. Read-only after
 * settings_load; may then be read by any thread. A reload makes a second struct: core/service.h. */
#ifndef METAOPS_CORE_SETTINGS_H
#define METAOPS_CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

/* Default of redact.environment_allow: what tells runs apart and holds no secret by its nature. */
#define SETTINGS_ENVIRONMENT_ALLOW                                                                 \
    "PATH, HOME, USER, LOGNAME, HOSTNAME, SHELL, LANG, LANGUAGE, LC_*, TZ, PWD, "                  \
    "TMPDIR, PYTHONPATH, VIRTUAL_ENV, CONDA_PREFIX, CONDA_DEFAULT_ENV, JAVA_HOME, "                \
    "HADOOP_HOME, HADOOP_CONF_DIR, HADOOP_USER_NAME, SPARK_HOME, SPARK_CONF_DIR, "                 \
    "AIRFLOW_HOME, AIRFLOW_CTX_*, DBT_PROJECT_DIR, DBT_PROFILES_DIR, DBT_TARGET, "                 \
    "ENV, ENVIRONMENT, POD_NAME, POD_NAMESPACE, NODE_NAME, AWS_REGION, "                           \
    "AWS_DEFAULT_REGION, GOOGLE_CLOUD_PROJECT, CI, GIT_COMMIT, GIT_BRANCH, BUILD_ID, "             \
    "GITHUB_SHA, GITHUB_REF, GITHUB_REPOSITORY, GITHUB_RUN_ID, CI_COMMIT_SHA, "                    \
    "CI_PIPELINE_ID, user, userId, orgId, jobId, runId, mountPoints, "                             \
    "spark.databricks.*"

/* Byte sizes take KiB, MiB, GiB (or plain bytes); every text is owned by the struct. */
struct settings {
    struct {
        char *tls_certificate_file; /* empty: plain HTTP */
        char *tls_key_file;
        char *token_file; /* empty: no token is asked for, which is for loopback only */
    } admin;
    struct {
        char *admin_listen; /* 127.0.0.1:5009 */
        int64_t attempts_max;
        int64_t backoff_ms;
        int64_t backoff_max_ms;
        char *contracts_file; /* empty: none */
        int64_t event_age_max_ms;
        int64_t in_flight_max; /* per receiver */
        int64_t poll_interval_ms;
        int64_t request_timeout_ms;
        char *routes_file;      /* empty: none */
        char *trusted_hosts;    /* comma list of host or host:port */
        char *webhook_key_file; /* empty: not signed */
        char *webhook_url;      /* secret; empty: none */
    } alerts;
    struct {
        char *heads_file; /* empty: to the topic only */
        int64_t heads_interval_ms;
        char *key_file; /* empty: heads are not signed nor exported */
    } audit;
    struct {
        char *brokers;      /* 127.0.0.1:5004 */
        char *topic_events; /* metaops.events */
        char *topic_dead_letters;
        char *topic_alerts;
        char *topic_audit_heads;
        char *topic_keys; /* metaops.keys */
        char *topic_enriched;
        int64_t partitions; /* 12 */
        int64_t replication_factor;
        int64_t min_insync_replicas;
        int64_t message_bytes_max; /* 34 MiB */
    } kafka;
    struct {
        char *listen;       /* 127.0.0.1:5000 */
        char *admin_listen; /* 127.0.0.1:5001 */
        int64_t threads;    /* event loops */
        int64_t connections_max;
        int64_t head_bytes_max;
        int64_t audit_bytes_max; /* a list of audit events, inflated: 16 MiB */
        int64_t body_bytes_max;  /* one event, inflated: 32 MiB */
        int64_t batch_bytes_max; /* a batch, inflated: 64 MiB */
        int64_t batch_events_max;
        int64_t json_depth_max;   /* 128 */
        int64_t json_values_max;  /* values in one event */
        int64_t memory_bytes_max; /* bodies of all open requests together: 503 beyond */
        int64_t queue_bytes_max;  /* records waiting for the broker: 503 beyond */
        int64_t head_timeout_ms;
        int64_t body_timeout_ms;
        int64_t idle_timeout_ms;
        int64_t answer_timeout_ms;  /* 4,000 */
        int64_t message_timeout_ms; /* 3,000 */
        int64_t drain_timeout_ms;
        int64_t keys_max;
        int64_t key_rate_per_s_max; /* defaults of keys without limits of their own; 0: none */
        int64_t key_burst_max;
        int64_t key_events_per_day_max;
        int64_t key_bytes_per_day_max;
        int64_t refusals_interval_ms;
        char *mlflow_key_file; /* empty: no signature is asked for */
        char *mlflow_namespace;
        int64_t mlflow_age_max_ms;
        char *openlineage_topics; /* comma list; plain OpenLineage JSON, read by the worker too */
        char *auth;               /* auto, required, none: ask ingest/door_guard.h, not this */
        char *insecure; /* no, plaintext, anonymous: what may be missing beyond loopback */
        char *tls_certificate_file; /* empty: plain HTTP */
        char *tls_key_file;
        char *tls_client_ca_file;  /* empty: no client certificates are asked for */
        char *tls_client_required; /* no, yes */
    } ingest;
    struct {
        char *admin_listen; /* 127.0.0.1:5011 */
        char *brokers;      /* of the sources; empty: kafka.brokers */
        char *group;        /* metaops-poll */
        int64_t in_flight_max;
        int64_t in_flight_bytes_max;
        int64_t drain_timeout_ms;
        char *mlserver_input_topic; /* these four, empty: not read */
        char *mlserver_output_topic;
        char *seldon_v1_topic;
        char *seldon_v2_prefix;
        char *mlserver_namespace; /* empty: none */
        char *mlserver_service;
        char *kubernetes_cluster; /* empty: nothing is watched */
        char *kubernetes_url;     /* empty: as a pod is told */
        char *kubernetes_token_file;
        char *kubernetes_ca_file;
        char *kubernetes_resources; /* comma list */
        int64_t kubernetes_watch_timeout_ms;
        char *mlserver_servers; /* comma list of [NAMESPACE/]NAME=URL */
        char *mlserver_ca_file;
        int64_t mlserver_interval_ms;
        int64_t mlserver_timeout_ms;
        int64_t mlserver_metrics_interval_ms;
        int64_t mlserver_metrics_port; /* 0: none */
    } poll;
    struct {
        char *admin_listen; /* 127.0.0.1:5002 */
        char *group;        /* metaops */
        char *instance_id;  /* "auto": host name and admin port; empty: dynamic member */
        char *sink;         /* postgres, kafka, stdout, null */
        int64_t lanes;      /* each a pool thread and a sink thread */
        int64_t batch_events_max;
        int64_t batch_bytes_max;
        int64_t batch_linger_ms;
        int64_t batches_in_flight_max; /* per lane */
        int64_t known_ids_max;
        int64_t base_bytes_max; /* cache of bodies that later ones are stored against */
        int64_t series_lateness_ms;
        int64_t session_timeout_ms;
        int64_t drain_timeout_ms;
    } worker;
    struct {
        char *conninfo; /* secret; empty: PG* variables of libpq */
        int64_t statement_timeout_ms;
        int64_t lock_timeout_ms;
        int64_t audit_retention_days;
        int64_t retention_days; /* of events and bodies; 0 in all eight: for ever */
        int64_t id_retention_days;
        int64_t dead_letter_retention_days;
        int64_t refusal_retention_days;
        int64_t payload_id_retention_days;
        int64_t prediction_pair_retention_days;
        int64_t prediction_retention_days;
        int64_t partitions_ahead; /* months of time partitions made ahead */
    } postgres;
    struct {
        char *environment_allow; /* comma list of names */
        char *sql_literals;      /* off, on */
    } redact;
    struct {
        char *url;           /* secret for its user info; empty: no registry */
        char *auto_register; /* yes, no */
        char *ca_file;
        int64_t timeout_ms;
    } schema_registry;
    struct {
        char *level;
        char *format;
        int64_t lines_per_second;
    } log;

    struct settings_extra *extra; /* rdkafka.* as given, and where each value came from */
};

/* Reads all sources. args are the command's own words behind its name: flags it does not know as
 * settings, and words without dashes, are left in rest (the caller frees rest->words); `--` ends
 * the flags and stays in rest. Flags of settings are those with a dot in their name. Recognises
 * --config FILE. FATAL with the reason. */
struct settings_rest {
    int count;
    char **words; /* NULL-ended, pointers into args */
};
MUST_CHECK enum verdict settings_load(struct settings *st, int argc, char **args,
                                      struct settings_rest *out_rest, struct err *err);

/* Reads the sources that st came from once more: its arguments and the environment of then, file
 * and secrets of now. FATAL with the reason; out_fresh is untouched then. */
MUST_CHECK enum verdict settings_reload(const struct settings *st, struct settings *out_fresh,
                                        struct err *err);

/* Calls each for what a and b differ in; all rdkafka.* properties count as one key. roles is the
 * text of the row, "all" or "gateway, worker". */
void settings_each_change(const struct settings *a, const struct settings *b,
                          void (*each)(void *arg, const char *key, const char *roles,
                                       bool is_reloadable),
                          void *arg);

/* key = value, one line each with its origin (default, file, environment, flag) as comment; secrets
 * masked. */
void settings_print(const struct settings *st, FILE *out);

/* The commented manual of all settings with their defaults, as a configuration file. */
void settings_print_doc(FILE *out);

/* Calls each for every rdkafka pass-through row ("rdkafka." removed from name); stops at false. */
void settings_each_rdkafka(const struct settings *st,
                           bool (*each)(void *arg, const char *name, const char *value), void *arg);

/* What to warn about once the log is set up: METAOPS_* variables that no setting has. */
void settings_each_warning(const struct settings *st, void (*each)(void *arg, const char *text),
                           void *arg);

/* Frees what the struct owns; a zeroed struct is allowed. */
void settings_fini(struct settings *st);

#endif
