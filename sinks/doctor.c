#include "doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "alerter_routes.h"
#include "contracts_file.h"
#include "core/exit_code.h"
#include "core/kafka_client.h"
#include "core/kafka_topic.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "doctor_http.h"
#include "doctor_report.h"
#include "migrate.h"
#include "pg_conn.h"
#include "schemas/schema_registry.h"

#define CHECK_TIMEOUT_MS 5000
#define CLOCK_DIFFERENCE_MAX_US 2000000
#define DISK_FREE_PERCENT_MIN 5.0

struct doctor {
    const struct settings *st;
    struct doctor_report report;
    bool has_kafka;
    struct pg_conn *pg; /* NULL: not reached */
};

static void check_settings(struct doctor *doctor)
{
    /* The program does not come here with a wrong one. */
    doctor_report_ok(&doctor->report, "settings", "loaded; metaops --print-config shows them");
}

static void check_kafka(struct doctor *doctor)
{
    struct err err = {.text = ""};
    char cluster_id[64] = "";
    int partitions = 0;

    if (kafka_client_describe(doctor->st, doctor->st->kafka.topic_events, CHECK_TIMEOUT_MS,
                              cluster_id, &partitions, &err) != OK) {
        doctor_report_fail(
            &doctor->report, "Kafka",
            "start Kafka (here: ./compose/local up) or set --kafka.brokers HOST:PORT", "%s: %s",
            doctor->st->kafka.brokers, err.text);
        return;
    }
    doctor->has_kafka = true;
    doctor_report_ok(&doctor->report, "Kafka", "%s, cluster %s", doctor->st->kafka.brokers,
                     cluster_id);
}

/* As poll goes there: by the properties of a consumer. No line where poll reads the Kafka above. */
static void check_kafka_of_poll(struct doctor *doctor)
{
    char *brokers = doctor->st->poll.brokers;
    struct settings source_st = *doctor->st; /* owns nothing */
    struct err err = {.text = ""};
    char cluster_id[64] = "";

    if (!*brokers) {
        return;
    }
    source_st.kafka.brokers = brokers;
    if (kafka_client_reach(&source_st, KAFKA_CONSUMER, CHECK_TIMEOUT_MS, cluster_id, &err) != OK) {
        doctor_report_fail(&doctor->report, "Kafka of poll",
                           "start it or set --poll.brokers HOST:PORT; how to log in there are "
                           "rdkafka.consumer.*",
                           "%s: %s", brokers, err.text);
    } else {
        doctor_report_ok(&doctor->report, "Kafka of poll", "%s, cluster %s", brokers, cluster_id);
    }
}

static void check_topic(struct doctor *doctor, const char *topic, int64_t partitions_min)
{
    static const char mend[] = "metaops migrate --kafka";
    const struct settings *st = doctor->st;
    struct doctor_report *report = &doctor->report;
    struct err err = {.text = ""};
    char cluster_id[64], subject[64];
    int partitions = 0;
    long message_bytes_max = 0;

    snprintf(subject, sizeof(subject), "topic %s", topic);
    if (!doctor->has_kafka) {
        doctor_report_skip(report, subject, "not asked: no Kafka");
        return;
    }
    if (kafka_client_describe(st, topic, CHECK_TIMEOUT_MS, cluster_id, &partitions, &err) != OK) {
        doctor_report_fail(report, subject, mend, "%s", err.text);
    } else if (partitions < 0) {
        doctor_report_fail(report, subject, mend, "does not exist");
    } else if (partitions < partitions_min) {
        doctor_report_fail(report, subject, mend, "%d partitions, kafka.partitions is %" PRId64,
                           partitions, partitions_min);
    } else if (kafka_topic_number(st, topic, "max.message.bytes", CHECK_TIMEOUT_MS,
                                  &message_bytes_max, &err) != OK) {
        doctor_report_fail(report, subject, "metaops check", "%s", err.text);
    } else if (message_bytes_max < st->kafka.message_bytes_max) {
        char alter[512];
        snprintf(alter, sizeof(alter),
                 "kafka-configs.sh --bootstrap-server %s --alter --entity-type topics "
                 "--entity-name %s --add-config max.message.bytes=%" PRId64,
                 st->kafka.brokers, topic, st->kafka.message_bytes_max);
        doctor_report_fail(report, subject, alter,
                           "max.message.bytes is %ld, kafka.message_bytes_max is %" PRId64,
                           message_bytes_max, st->kafka.message_bytes_max);
    } else {
        doctor_report_ok(report, subject, "%d partitions, messages up to %ld bytes", partitions,
                         message_bytes_max);
    }
}

static void check_topics(struct doctor *doctor)
{
    const struct settings *st = doctor->st;

    check_topic(doctor, st->kafka.topic_events, st->kafka.partitions);
    check_topic(doctor, st->kafka.topic_dead_letters, st->kafka.partitions);
    check_topic(doctor, st->kafka.topic_alerts, st->kafka.partitions);
    check_topic(doctor, st->kafka.topic_keys, 1);
}

static void check_postgres(struct doctor *doctor)
{
    struct err err = {.text = ""};
    struct pg_result *rows = NULL;
    enum verdict verdict =
        pg_conn_open(doctor->st, PG_CONN_READ, "metaops check", &doctor->pg, &err);
    char sql[64];

    if (verdict == OK) {
        snprintf(sql, sizeof(sql), "set statement_timeout = %d", CHECK_TIMEOUT_MS);
        verdict = pg_conn_exec(doctor->pg, sql, &err);
    }
    if (verdict == OK) {
        verdict =
            pg_conn_query(doctor->pg,
                          "select current_setting('server_version'), current_database(), "
                          "current_user, current_setting('server_version_num')::int >= 150000",
                          0, NULL, &rows, &err);
    }
    if (verdict != OK) {
        doctor_report_fail(&doctor->report, "PostgreSQL",
                           "start PostgreSQL (here: ./compose/local up) or set "
                           "--postgres.conninfo CONNINFO",
                           "%s", err.text);
        pg_conn_close(doctor->pg);
        doctor->pg = NULL;
        return;
    }
    if (strcmp(pg_conn_value(rows, 0, 3), "t") != 0) {
        doctor_report_fail(&doctor->report, "PostgreSQL", "upgrade the server to PostgreSQL 15",
                           "version %s is too old", pg_conn_value(rows, 0, 0));
    } else {
        doctor_report_ok(&doctor->report, "PostgreSQL", "version %s, database %s, user %s",
                         pg_conn_value(rows, 0, 0), pg_conn_value(rows, 0, 1),
                         pg_conn_value(rows, 0, 2));
    }
    pg_conn_clear(rows);
}

static void check_encryption(struct doctor *doctor)
{
    static const char mend[] =
        "sslmode=verify-full sslrootcert=FILE channel_binding=require in postgres.conninfo";
    static const char subject[] = "PostgreSQL encryption";
    char text[96];

    if (!doctor->pg) {
        doctor_report_skip(&doctor->report, subject, "not asked: no PostgreSQL");
        return;
    }
    enum pg_conn_safety safety = pg_conn_safety(doctor->pg, text, sizeof(text));
    if (safety == PG_CONN_PLAIN || safety == PG_CONN_UNVERIFIED) {
        doctor_report_warn(&doctor->report, subject, mend, "%s", text);
    } else {
        doctor_report_ok(&doctor->report, subject, "%s", text);
    }
}

static void check_schema(struct doctor *doctor)
{
    struct err err = {.text = ""};

    if (!doctor->pg) {
        doctor_report_skip(&doctor->report, "schema", "not asked: no PostgreSQL");
    } else if (migrate_check(doctor->pg, &err) != OK) {
        doctor_report_fail(&doctor->report, "schema", "metaops migrate", "%s", err.text);
    } else {
        doctor_report_ok(&doctor->report, "schema", "as this program needs it");
    }
}

static void check_partitions(struct doctor *doctor)
{
    struct err err = {.text = ""};
    struct pg_result *rows = NULL;

    if (!doctor->pg) {
        doctor_report_skip(&doctor->report, "partitions", "not asked: no PostgreSQL");
        return;
    }
    if (pg_conn_query(doctor->pg, "select graph.missing_partitions(1)", 0, NULL, &rows, &err) !=
        OK) {
        doctor_report_skip(&doctor->report, "partitions", "not told: %s", err.text);
        return;
    }
    if (strcmp(pg_conn_value(rows, 0, 0), "0") != 0) {
        doctor_report_warn(&doctor->report, "partitions", "metaops maintain, once a day",
                           "this month or the next has none: its events go to the default one");
    } else {
        doctor_report_ok(&doctor->report, "partitions", "made ahead");
    }
    pg_conn_clear(rows);
}

static void check_clock(struct doctor *doctor)
{
    struct err err = {.text = ""};
    struct pg_result *rows = NULL;

    if (!doctor->pg) {
        doctor_report_skip(&doctor->report, "clock", "not asked: no PostgreSQL");
        return;
    }
    int64_t before_us = timebase_wall_us();
    enum verdict verdict = pg_conn_query(
        doctor->pg, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint", 0, NULL,
        &rows, &err);
    int64_t after_us = timebase_wall_us();
    if (verdict != OK) {
        doctor_report_fail(&doctor->report, "clock", "metaops check", "%s", err.text);
        return;
    }
    int64_t there_us = strtoll(pg_conn_value(rows, 0, 0), NULL, 10);
    int64_t difference_us = there_us - (before_us + (after_us - before_us) / 2);
    pg_conn_clear(rows);
    if (llabs(difference_us) >= CLOCK_DIFFERENCE_MAX_US) {
        doctor_report_fail(&doctor->report, "clock",
                           "timedatectl set-ntp true, on the machine whose clock is wrong",
                           "the database's clock differs by %.3f s from this machine's",
                           (double)difference_us / 1e6);
    } else {
        doctor_report_ok(&doctor->report, "clock", "the database's differs by %.3f s",
                         (double)difference_us / 1e6);
    }
}

static void check_offsets(struct doctor *doctor)
{
    static const char sql[] =
        "select count(*), count(*) filter (where stopped_reason is not null), "
        "min(format('%s partition %s: %s', topic, partition, stopped_reason)) "
        "filter (where stopped_reason is not null) from graph.offsets";
    struct err err = {.text = ""};
    struct pg_result *rows = NULL;

    if (!doctor->pg) {
        doctor_report_skip(&doctor->report, "stopped partitions", "not asked: no PostgreSQL");
        return;
    }
    if (pg_conn_query(doctor->pg, sql, 0, NULL, &rows, &err) != OK) {
        doctor_report_fail(&doctor->report, "stopped partitions", "metaops migrate", "%s",
                           err.text);
        return;
    }
    if (strcmp(pg_conn_value(rows, 0, 1), "0") != 0) {
        doctor_report_fail(&doctor->report, "stopped partitions",
                           "metaops offsets list shows why; when that is understood: "
                           "metaops offsets accept",
                           "%s of %s; %s", pg_conn_value(rows, 0, 1), pg_conn_value(rows, 0, 0),
                           pg_conn_value(rows, 0, 2));
    } else {
        doctor_report_ok(&doctor->report, "stopped partitions", "none of %s",
                         pg_conn_value(rows, 0, 0));
    }
    pg_conn_clear(rows);
}

/* The share that an unprivileged user may still fill. */
static void check_disk(struct doctor *doctor, const char *subject, const char *path)
{
    struct statvfs disk;

    if (statvfs(path, &disk) != 0) {
        doctor_report_skip(&doctor->report, subject, "%s: %s", path, strerror(errno));
        return;
    }
    double free_gib = (double)disk.f_bavail * (double)disk.f_frsize / (1 << 30);
    double free_percent =
        disk.f_blocks > 0 ? 100.0 * (double)disk.f_bavail / (double)disk.f_blocks : 100.0;
    if (free_percent <= DISK_FREE_PERCENT_MIN) {
        char mend[512];
        snprintf(mend, sizeof(mend), "free space: du -xh --max-depth=2 %s | sort -h", path);
        doctor_report_fail(&doctor->report, subject, mend, "%.1f %% (%.1f GiB) free at %s",
                           free_percent, free_gib, path);
    } else {
        doctor_report_ok(&doctor->report, subject, "%.1f %% (%.1f GiB) free at %s", free_percent,
                         free_gib, path);
    }
}

static void check_disks(struct doctor *doctor)
{
    static const char sql[] =
        "select current_setting('data_directory'), inet_server_addr() is null "
        "or inet_server_addr() = inet_client_addr()";
    struct err err = {.text = ""};
    struct pg_result *rows = NULL;

    check_disk(doctor, "disk", ".");
    if (!doctor->pg) {
        doctor_report_skip(&doctor->report, "disk of PostgreSQL", "not asked: no PostgreSQL");
        return;
    }
    if (pg_conn_query(doctor->pg, sql, 0, NULL, &rows, &err) != OK) {
        doctor_report_skip(&doctor->report, "disk of PostgreSQL", "not told: %s", err.text);
        return;
    }
    if (strcmp(pg_conn_value(rows, 0, 1), "t") != 0) {
        doctor_report_skip(&doctor->report, "disk of PostgreSQL", "on another machine");
    } else {
        check_disk(doctor, "disk of PostgreSQL", pg_conn_value(rows, 0, 0));
    }
    pg_conn_clear(rows);
}

static void check_role(struct doctor *doctor, const char *role, const char *listen)
{
    struct err err = {.text = ""};
    char line[200] = "", mend[64];
    int status = 0;
    enum verdict verdict =
        doctor_http_get(listen, "/readyz", CHECK_TIMEOUT_MS, &status, line, sizeof(line), &err);

    if (verdict == RETRY) {
        snprintf(mend, sizeof(mend), "metaops %s", role);
        doctor_report_warn(&doctor->report, role, mend, "does not run? %s", err.text);
    } else if (verdict != OK) {
        doctor_report_fail(&doctor->report, role, "give the role a port of its own (admin_listen)",
                           "%s", err.text);
    } else if (status != 200) {
        doctor_report_fail(&doctor->report, role, "what stands above, else its log",
                           "%s: /readyz answers %d: %s", listen, status, line);
    } else {
        doctor_report_ok(&doctor->report, role, "%s is ready", listen);
    }
}

static void check_roles(struct doctor *doctor)
{
    check_role(doctor, "gateway", doctor->st->ingest.admin_listen);
    check_role(doctor, "worker", doctor->st->worker.admin_listen);
    check_role(doctor, "alerter", doctor->st->alerts.admin_listen);
}

/* No line where no registry is wanted. */
static void check_registry(struct doctor *doctor)
{
    static const char mend[] = "metaops migrate --schemas";
    struct err err = {.text = ""};
    size_t known = 0, missing = 0;

    if (!*doctor->st->schema_registry.url) {
        return;
    }
    if (schema_registry_count(doctor->st, &known, &missing, &err) != OK) {
        doctor_report_fail(&doctor->report, "schema registry", "set --schema_registry.url", "%s",
                           err.text);
    } else if (missing > 0) {
        doctor_report_fail(&doctor->report, "schema registry", mend, "%zu of %zu schemas missing",
                           missing, known + missing);
    } else {
        doctor_report_ok(&doctor->report, "schema registry", "%zu schemas", known);
    }
}

static void check_alert_routes(struct doctor *doctor)
{
    struct alerter_routes *routes = NULL;
    struct err err = {.text = ""};
    if (alerter_routes_load(doctor->st, &routes, &err) != OK) {
        doctor_report_fail(&doctor->report, "alert routes",
                           "mend alerts.routes_file or the setting that is named", "%s", err.text);
        return;
    }
    doctor_report_ok(&doctor->report, "alert routes", "%zu receivers, %zu routes",
                     routes->receiver_count, routes->rule_count);
    alerter_routes_drop(routes);
}

static void check_contracts(struct doctor *doctor)
{
    struct contracts_file file = {.json = NULL};
    struct err err = {.text = ""};
    const char *path = doctor->st->alerts.contracts_file;
    if (*path && contracts_file_read(path, &file, &err) != OK) {
        doctor_report_fail(&doctor->report, "contracts", "mend alerts.contracts_file", "%s",
                           err.text);
        return;
    }
    doctor_report_ok(&doctor->report, "contracts", "%zu contracts, %zu rules", file.contract_count,
                     file.rule_count);
    contracts_file_fini(&file);
}

/* In this order: later ones lean on what earlier ones reached. */
static void (*const checks[])(struct doctor *doctor) = {
    check_settings,   check_kafka,  check_kafka_of_poll, check_topics,       check_postgres,
    check_encryption, check_schema, check_partitions,    check_clock,        check_offsets,
    check_disks,      check_roles,  check_registry,      check_alert_routes, check_contracts,
};

int doctor_run(const struct settings *st)
{
    struct doctor doctor = {.st = st, .report = {.out = stdout}};

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        checks[i](&doctor);
    }
    pg_conn_close(doctor.pg);
    printf("%d failed, %d warned, %d not looked at\n", doctor.report.failed, doctor.report.warned,
           doctor.report.skipped);
    return doctor.report.failed > 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
