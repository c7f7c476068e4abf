/* Every session looks the same whoever opens it: UTC and UTF8, so that text forms of times and names do not
 * depend on the server's or the user's settings; time-outs, so that nothing waits for ever; jit off, because
 * compiling costs more than any of our statements; and how old an event may be to be told, which judging functions ask. */
#include "sinks/pg_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "core/log.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "sinks/pg_verdict.h"

/* A transaction that nobody goes on with holds locks and keeps vacuum from its work. */
#define IDLE_IN_TRANSACTION_TIMEOUT_MS 60000

/* What an answer may take on its way beyond the server's own time-out. */
#define ANSWER_GRACE_MS 5000

static void log_notice(void *arg, const PGresult *result)
{
    (void)arg;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    log_debug("notice of PostgreSQL text=\"%s\"", text ? text : "");
}

/* The first line only, without the password-free but noisy hints that follow it. */
static enum verdict connect_fault(const PGconn *pg, struct err *err)
{
    char text[200];
    snprintf(text, sizeof(text), "%s", PQerrorMessage(pg));
    for (char *p = text; *p; p++) {
        if (*p == '\n') {
            *p = p[1] ? ' ' : '\0';
        }
    }
    return err_set(err, RETRY, "pg_conn", "cannot connect: %s", text);
}

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    while (options->keyword && strcmp(options->keyword, keyword) != 0) {
        options++;
    }
    return options->keyword && options->val ? options->val : "";
}

/* In a URI whose password holds an @ or a / as it is, a part of the password stands where libpq looks for
 * host, port or database, and libpq's words would tell it. */
static bool is_misread(const char *conninfo, const PQconninfoOption *options)
{
    const char *port = option_value(options, "port");
    const char *host = option_value(options, "host");
    const char *authority = strstr(conninfo, "://");
    const char *at = authority ? strchr(authority, '@') : NULL;
    size_t query = authority ? strcspn(authority, "?") : 0;

    if (port[strspn(port, "0123456789, ")] != '\0' ||
        (authority && host[0] && strchr(host + 1, '@'))) {
        return true;
    }
    return at && at < authority + query &&
           (at > authority + 3 + strcspn(authority + 3, "/") ||
            strchr(option_value(options, "dbname"), '@'));
}

/* libpq quotes the place where a conninfo stops making sense, which may be the password: so it is tried
 * here first and its words are dropped. */
static enum verdict check_conninfo(const char *conninfo, struct err *err)
{
    bool is_string = strchr(conninfo, '=') || strstr(conninfo, "://");
    if (!is_string) {
        return OK;
    }
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    if (!options) {
        return err_set(err, FATAL, "pg_conn", "postgres.conninfo is no valid conninfo or URI");
    }
    bool is_wrong = is_misread(conninfo, options);
    PQconninfoFree(options);
    return is_wrong
               ? err_set(
                     err, FATAL, "pg_conn",
                     "postgres.conninfo: its port is no number, or an @ or / of its password is "
                     "not written as %%40 or %%2F")
               : OK;
}

static PGconn *connect_db(const char *conninfo, enum pg_conn_use use, const char *application_name)
{
    /* What stands before dbname is a default that the conninfo in dbname overrides. The variables of libpq
     * come after both, so a default that has one is left out when that is set. */
    const char *names[16];
    const char *values[16];
    int n = 0;
#define OPTION(name, value) (names[n] = (name), values[n] = (value), n++)
    OPTION("fallback_application_name", application_name);
    if (!getenv("PGCONNECT_TIMEOUT")) {
        OPTION("connect_timeout", "5");
    }
    if (!getenv("PGTARGETSESSIONATTRS")) {
        OPTION("target_session_attrs", use == PG_CONN_WRITE ? "read-write" : "any");
    }
    OPTION("tcp_user_timeout", "10000");
    OPTION("keepalives", "1");
    OPTION("keepalives_idle", "10");
    OPTION("keepalives_interval", "5");
    OPTION("keepalives_count", "3");
    OPTION("dbname", conninfo);
    OPTION("client_encoding", "UTF8");
    OPTION(NULL, NULL);
#undef OPTION
    return PQconnectdbParams(names, values, 1);
}

enum verdict pg_conn_open(const struct settings *st, enum pg_conn_use use,
                          const char *application_name, struct pg_conn **out_pg, struct err *err)
{
    const char *conninfo = st->postgres.conninfo ? st->postgres.conninfo : "";
    enum verdict verdict = check_conninfo(conninfo, err);
    if (verdict != OK) {
        return verdict;
    }
    PGconn *pg = connect_db(conninfo, use, application_name);
    if (!pg) {
        return err_set(err, RETRY, "pg_conn", "out of memory");
    }
    if (PQstatus(pg) != CONNECTION_OK) {
        verdict = connect_fault(pg, err);
        PQfinish(pg);
        return verdict;
    }
    PQsetNoticeReceiver(pg, log_notice, NULL);
    PQsetErrorVerbosity(pg, PQERRORS_TERSE);

    char sql[400];
    snprintf(sql, sizeof(sql),
             "set statement_timeout = %lld; set lock_timeout = %lld; "
             "set idle_in_transaction_session_timeout = %d; set timezone = 'UTC'; "
             "set datestyle = 'ISO, YMD'; set client_min_messages = notice; set jit = off; "
             "set metaops.event_age_max_ms = %lld",
             (long long)st->postgres.statement_timeout_ms, (long long)st->postgres.lock_timeout_ms,
             IDLE_IN_TRANSACTION_TIMEOUT_MS, (long long)st->alerts.event_age_max_ms);
    verdict = pg_conn_exec(pg, sql, err);
    if (verdict != OK) {
        PQfinish(pg);
        return verdict;
    }
    *out_pg = pg;
    return OK;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

enum verdict pg_conn_exec(struct pg_conn *pg, const char *sql, struct err *err)
{
    PGresult *result = PQexec(pg, sql);
    enum verdict verdict = is_good(result) ? OK : pg_conn_fault(pg, result, err);
    PQclear(result);
    return verdict;
}

enum verdict pg_conn_query(struct pg_conn *pg, const char *sql, int param_count,
                           const char *const *params, struct pg_result **out_result,
                           struct err *err)
{
    PGresult *result = PQexecParams(pg, sql, param_count, NULL, params, NULL, NULL, 0);
    if (!is_good(result)) {
        enum verdict verdict = pg_conn_fault(pg, result, err);
        PQclear(result);
        return verdict;
    }
    *out_result = result;
    return OK;
}

bool pg_conn_may_try_again(enum verdict verdict, const struct err *err, int *tries_left)
{
    bool was_in_the_way =
        err->code == pg_verdict_code("55P03") || err->code == pg_verdict_code("40P01");
    if (verdict != RETRY || !was_in_the_way || *tries_left == 0) {
        return false;
    }
    (*tries_left)--;
    timebase_sleep_us(1000000);
    return true;
}

enum verdict pg_conn_fault(const struct pg_conn *pg, const struct pg_result *result,
                           struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!state || !state[0]) {
        if (PQstatus(pg) != CONNECTION_OK) {
            return err_set(err, RETRY, "postgres", "the connection to PostgreSQL is lost");
        }
        return err_set(err, RETRY, "postgres", "no answer of PostgreSQL");
    }
    enum verdict verdict = pg_verdict_of(state);
    if (pg_verdict_message_is_safe(state)) {
        const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        err_set(err, verdict, "postgres", "%s (SQLSTATE %s)", text ? text : "failed", state);
    } else {
        const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
        const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
        const char *source = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
        err_set(err, verdict, "postgres", "SQLSTATE %s table=%s constraint=%s raised_in=%s", state,
                table ? table : "-", constraint ? constraint : "-", source ? source : "-");
    }
    if (err) {
        err->code = pg_verdict_code(state);
    }
    return verdict;
}

enum verdict pg_conn_await(struct pg_conn *pg, int64_t statement_timeout_ms, struct err *err)
{
    int64_t timeout_ms = statement_timeout_ms > 0 ? statement_timeout_ms + ANSWER_GRACE_MS : -1;
    while (PQisBusy(pg)) {
        struct pollfd socket = {.fd = PQsocket(pg), .events = POLLIN};
        int ready = poll(&socket, 1, (int)timeout_ms);
        if (ready == 0) {
            return err_set(err, RETRY, "postgres", "PostgreSQL has been silent for %lld ms",
                           (long long)timeout_ms);
        }
        /* A loss is told by PQgetResult. */
        if ((ready < 0 && errno != EINTR) || (ready > 0 && !PQconsumeInput(pg))) {
            break;
        }
    }
    return OK;
}

static bool is_local(const PGconn *pg)
{
    const char *host = PQhost(pg);
    const char *address = PQhostaddr(pg);
    if (!host || host[0] == '\0' || host[0] == '/' || host[0] == '@') {
        return true;
    }
    return address && (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0);
}

static bool is_verified(const struct pg_conn *pg)
{
    PQconninfoOption *options = PQconninfo((PGconn *)pg);
    bool found = false;
    for (const PQconninfoOption *each = options; each && each->keyword && !found; each++) {
        found = strcmp(each->keyword, "sslmode") == 0 && each->val &&
                strcmp(each->val, "verify-full") == 0;
    }
    PQconninfoFree(options);
    return found;
}

enum pg_conn_safety pg_conn_safety(const struct pg_conn *pg, char *text, size_t size)
{
    if (PQsslInUse((PGconn *)pg)) {
        const char *protocol = PQsslAttribute((PGconn *)pg, "protocol");
        bool is_known = is_verified(pg);
        snprintf(text, size, "encrypted (%s), server %s", protocol ? protocol : "TLS",
                 is_known ? "verified (verify-full)" : "not verified");
        return is_known ? PG_CONN_VERIFIED : PG_CONN_UNVERIFIED;
    }
    snprintf(text, size, "not encrypted%s", is_local(pg) ? ", does not leave this machine" : "");
    return is_local(pg) ? PG_CONN_LOCAL : PG_CONN_PLAIN;
}

int pg_conn_socket(const struct pg_conn *pg)
{
    return PQsocket(pg);
}

bool pg_conn_was_notified(struct pg_conn *pg)
{
    PGnotify *notice;
    bool was_notified = false;

    (void)PQconsumeInput(pg); /* a loss shows with the next statement */
    while ((notice = PQnotifies(pg)) != NULL) {
        was_notified = true;
        PQfreemem(notice);
    }
    return was_notified;
}

bool pg_conn_is_broken(const struct pg_conn *pg)
{
    return PQstatus(pg) != CONNECTION_OK;
}

int pg_conn_rows(const struct pg_result *result)
{
    return PQntuples(result);
}

const char *pg_conn_value(const struct pg_result *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

void pg_conn_clear(struct pg_result *result)
{
    PQclear(result);
}

void pg_conn_close(struct pg_conn *pg)
{
    PQfinish(pg);
}
