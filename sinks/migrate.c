#include "migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "core/exit_code.h"
#include "core/kafka_client.h"
#include "core/log.h"
#include "core/settings.h"
#include "pg_conn.h"
#include "schemas/embedded.h"
#include "schemas/schema_registry.h"

#define FOLDER "postgres/"
#define LOCK_TRIES 30
#define CHECKSUM_BYTES (2 * SHA256_DIGEST_LENGTH + 1)

static const char ledger_sql[] =
    "set statement_timeout = 0; set lock_timeout = 0;"
    "select pg_advisory_lock(hashtext('metaops.migrate'));"
    "set lock_timeout = '3s';"
    "create schema if not exists metaops;"
    "create table if not exists metaops.schema_migrations ("
    " name text primary key, checksum text not null, applied_at timestamptz not null default "
    "now());"
    "comment on table metaops.schema_migrations is 'Files of schemas/postgres that made this "
    "database.';"
    "comment on column metaops.schema_migrations.name is 'File name.';"
    "comment on column metaops.schema_migrations.checksum is 'SHA-256 of its text.';"
    "comment on column metaops.schema_migrations.applied_at is 'When it was applied.'";

static void checksum_of(struct str text, char *out)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text.ptr, text.len, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}

static bool is_migration(const struct embedded_file *file)
{
    return strncmp(file->name, FOLDER, strlen(FOLDER)) == 0;
}

/* *out_is_applied; FATAL when the recorded text was another one. */
static enum verdict look_up(struct pg_conn *pg, const struct embedded_file *file,
                            bool *out_is_applied, struct err *err)
{
    const char *name = file->name + strlen(FOLDER);
    const char *params[] = {name};
    char checksum[CHECKSUM_BYTES];
    struct pg_result *result = NULL;
    enum verdict verdict =
        pg_conn_query(pg, "select checksum from metaops.schema_migrations where name = $1", 1,
                      params, &result, err);
    if (verdict != OK) {
        return verdict;
    }
    checksum_of(file->text, checksum);
    *out_is_applied = pg_conn_rows(result) == 1;
    if (*out_is_applied && strcmp(pg_conn_value(result, 0, 0), checksum) != 0) {
        verdict = err_set(
            err, FATAL, "migrate",
            "%s was applied with another text: this database belongs to another build", name);
    }
    pg_conn_clear(result);
    return verdict;
}

/* A batch of a worker writes to the ledger of ids first: while that is held, none is in the middle of its tables, and no
 * worker of any release can meet a migration in a deadlock. Those that wait do not lose their batch. */
static const char hold_writers_sql[] =
    "do $$ begin if to_regclass('graph.event_ids') is not null then "
    "lock table graph.event_ids in share row exclusive mode; end if; end $$";

/* A view that a migration replaced runs as its owner again: it must not be seen so for a moment. */
static const char secure_sql[] =
    "do $$ begin if to_regprocedure('graph.apply_row_security()') is not null then "
    "perform graph.apply_row_security(); end if; end $$";

static enum verdict apply_once(struct pg_conn *pg, const struct embedded_file *file,
                               struct err *err)
{
    const char *name = file->name + strlen(FOLDER);
    char checksum[CHECKSUM_BYTES];
    checksum_of(file->text, checksum);
    const char *params[] = {name, checksum};
    struct pg_result *result = NULL;
    struct err ignored;
    enum verdict verdict = pg_conn_exec(pg, "begin", err);
    if (verdict == OK) {
        verdict = pg_conn_exec(pg, hold_writers_sql, err);
    }
    if (verdict == OK) {
        verdict = pg_conn_exec(pg, file->text.ptr, err);
    }
    if (verdict == OK) {
        verdict = pg_conn_exec(pg, secure_sql, err);
    }
    if (verdict == OK) {
        verdict = pg_conn_query(
            pg, "insert into metaops.schema_migrations (name, checksum) values ($1, $2)", 2, params,
            &result, err);
        pg_conn_clear(result);
    }
    if (verdict == OK) {
        verdict = pg_conn_exec(pg, "commit", err);
    }
    if (verdict != OK) {
        err_wrap(err, "%s", name);
        (void)!pg_conn_exec(pg, "rollback", &ignored);
        return verdict;
    }
    printf("applied %s\n", name);
    return OK;
}

static enum verdict apply(struct pg_conn *pg, const struct embedded_file *file, struct err *err)
{
    int tries_left = LOCK_TRIES;
    enum verdict verdict;
    do {
        verdict = apply_once(pg, file, err);
    } while (pg_conn_may_try_again(verdict, err, &tries_left));
    return verdict;
}

static enum verdict ensure_rest(struct pg_conn *pg, const struct settings *st, struct err *err)
{
    char sql[192];
    int tries_left = LOCK_TRIES;
    enum verdict verdict;
    snprintf(sql, sizeof sql,
             "select graph.ensure_partitions(%lld), graph.grant_writer(), graph.grant_reader(), "
             "graph.apply_row_security()",
             (long long)st->postgres.partitions_ahead);
    do {
        verdict = pg_conn_exec(pg, sql, err);
    } while (pg_conn_may_try_again(verdict, err, &tries_left));
    return verdict;
}

static enum verdict migrate_database(struct pg_conn *pg, const struct settings *st, struct err *err)
{
    enum verdict verdict = pg_conn_exec(pg, ledger_sql, err);
    for (const struct embedded_file *file = schemas_files; verdict == OK && file->name; file++) {
        bool is_applied = false;
        if (!is_migration(file)) {
            continue;
        }
        verdict = look_up(pg, file, &is_applied, err);
        if (verdict == OK && !is_applied) {
            verdict = apply(pg, file, err);
        }
    }
    return verdict == OK ? ensure_rest(pg, st, err) : verdict;
}

static enum verdict list(struct pg_conn *pg, struct err *err)
{
    struct pg_result *result = NULL;
    enum verdict verdict = pg_conn_query(
        pg,
        "select name, applied_at, left(checksum, 12) from metaops.schema_migrations order by name",
        0, NULL, &result, err);
    for (int row = 0; verdict == OK && row < pg_conn_rows(result); row++) {
        printf("%-28s %s  %s\n", pg_conn_value(result, row, 0), pg_conn_value(result, row, 1),
               pg_conn_value(result, row, 2));
    }
    pg_conn_clear(result);
    return verdict;
}

enum verdict migrate_check(struct pg_conn *pg, struct err *err)
{
    size_t carried = 0;
    struct pg_result *result = NULL;
    enum verdict verdict = pg_conn_query(
        pg, "select to_regclass('metaops.schema_migrations')::text", 0, NULL, &result, err);
    bool is_there = verdict == OK && pg_conn_value(result, 0, 0) != NULL;
    pg_conn_clear(result);
    if (verdict == OK && !is_there) {
        return err_set(err, FATAL, "migrate", "the database is empty: run `metaops migrate`");
    }
    for (const struct embedded_file *file = schemas_files; verdict == OK && file->name; file++) {
        bool is_applied = false;
        if (!is_migration(file)) {
            continue;
        }
        carried++;
        verdict = look_up(pg, file, &is_applied, err);
        if (verdict == OK && !is_applied) {
            return err_set(err, FATAL, "migrate", "%s is missing: run `metaops migrate`",
                           file->name + strlen(FOLDER));
        }
    }
    if (verdict != OK) {
        return verdict;
    }
    result = NULL;
    verdict =
        pg_conn_query(pg, "select count(*) from metaops.schema_migrations", 0, NULL, &result, err);
    if (verdict == OK && strtoul(pg_conn_value(result, 0, 0), NULL, 10) > carried) {
        log_info("the database is newer than this program");
    }
    pg_conn_clear(result);
    return verdict;
}

static enum verdict migrate_kafka(const struct settings *st, struct err *err)
{
    const struct {
        const char *name;
        int partitions;
        bool is_kept;
    } topics[] = {
        {.name = st->kafka.topic_events, .partitions = (int)st->kafka.partitions},
        {.name = st->kafka.topic_dead_letters, .partitions = (int)st->kafka.partitions},
        {.name = st->kafka.topic_alerts, .partitions = (int)st->kafka.partitions},
        {.name = st->kafka.topic_enriched, .partitions = (int)st->kafka.partitions},
        /* One partition: changes of keys have one order. */
        {.name = st->kafka.topic_keys, .partitions = 1, .is_kept = true},
        {.name = st->kafka.topic_audit_heads, .partitions = 1, .is_kept = true},
    };
    static const char *const done[] = {"as it was", "created", "partitions added"};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        int created = 0;
        struct kafka_topic_spec spec = {.name = topics[i].name,
                                        .partitions = topics[i].partitions,
                                        .is_kept = topics[i].is_kept,
                                        .replication_factor = (int)st->kafka.replication_factor,
                                        .min_insync_replicas = (int)st->kafka.min_insync_replicas,
                                        .message_bytes_max = (long)st->kafka.message_bytes_max};
        enum verdict verdict = kafka_client_ensure_topic(st, &spec, &created, err);
        if (verdict != OK) {
            err_wrap(err, "topic %s", topics[i].name);
            return verdict;
        }
        printf("topic %s: %s\n", topics[i].name, done[created]);
    }
    return OK;
}

int migrate_run(const struct settings *st, int argc, char **argv)
{
    struct err err = {.text = ""};
    struct pg_conn *pg = NULL;
    bool is_kafka = argc == 1 && strcmp(argv[0], "--kafka") == 0;
    bool is_list = argc == 1 && strcmp(argv[0], "--list") == 0;
    bool is_schemas = argc == 1 && strcmp(argv[0], "--schemas") == 0;
    enum verdict verdict = OK;
    if (argc > 1 || (argc == 1 && !is_kafka && !is_list && !is_schemas)) {
        fprintf(stderr, "usage: metaops migrate [--list | --kafka | --schemas]\n");
        return EXIT_CODE_USAGE;
    }
    if (is_kafka) {
        verdict = migrate_kafka(st, &err);
    } else if (is_schemas) {
        verdict = schema_registry_release(st, &err);
    } else {
        verdict = pg_conn_open(st, PG_CONN_WRITE, "metaops migrate", &pg, &err);
        if (verdict == OK) {
            verdict = is_list ? list(pg, &err) : migrate_database(pg, st, &err);
        }
        pg_conn_close(pg);
    }
    if (verdict != OK) {
        log_error("migrate: %s", err.text);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}
