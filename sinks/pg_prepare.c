#include "pg_prepare.h"

#include <string.h>

#include <libpq-fe.h>

#include "pg_conn.h"
#include "schemas/embedded.h"

#define FOLDER "sql/"
#define NAME_BYTES_MAX 64

/* "sql/insert_jobs.sql" -> "insert_jobs". */
static bool name_of(const char *file, char *name)
{
    size_t len = strlen(file);
    size_t fixed = strlen(FOLDER) + strlen(".sql");
    if (strncmp(file, FOLDER, strlen(FOLDER)) != 0 || len <= fixed ||
        len - fixed >= NAME_BYTES_MAX) {
        return false;
    }
    memcpy(name, file + strlen(FOLDER), len - fixed);
    name[len - fixed] = '\0';
    return true;
}

enum verdict pg_prepare_all(struct pg_conn *pg, struct err *err)
{
    for (const struct embedded_file *file = sinks_files; file->name; file++) {
        char name[NAME_BYTES_MAX];
        if (!name_of(file->name, name)) {
            continue;
        }
        PGresult *result = PQprepare(pg, name, file->text.ptr, 0, NULL);
        enum verdict verdict =
            PQresultStatus(result) == PGRES_COMMAND_OK ? OK : pg_conn_fault(pg, result, err);
        PQclear(result);
        if (verdict != OK) {
            err_wrap(err, "the database does not fit this program, run `metaops migrate`: %s",
                     file->name);
            return verdict;
        }
    }
    if (!PQenterPipelineMode(pg)) {
        return err_set(err, FATAL, "pg_prepare", "BUG: no pipeline mode");
    }
    return OK;
}

enum verdict pg_prepare_run(struct pg_conn *pg, const char *statement, int param_count,
                            const char *const *params, int64_t statement_timeout_ms,
                            struct pg_result **out_result, struct err *err)
{
    struct err silence;
    enum verdict verdict = OK;
    PGresult *kept = NULL;
    if (!PQsendQueryPrepared(pg, statement, param_count, params, NULL, NULL, 0) ||
        !PQpipelineSync(pg)) {
        return pg_conn_fault(pg, NULL, err);
    }
    for (;;) {
        if (pg_conn_await(pg, statement_timeout_ms, &silence) != OK) {
            PQclear(kept);
            *err = silence;
            return RETRY;
        }
        PGresult *result = PQgetResult(pg);
        if (!result && PQstatus(pg) == CONNECTION_BAD) {
            PQclear(kept);
            return pg_conn_fault(pg, NULL, err);
        }
        if (!result) {
            continue;
        }
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            break;
        }
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            PQclear(kept);
            kept = result;
            continue;
        }
        verdict = verdict == OK ? pg_conn_fault(pg, result, err) : verdict;
        PQclear(result);
    }
    if (verdict != OK) {
        PQclear(kept);
        return verdict;
    }
    *out_result = kept;
    return OK;
}
