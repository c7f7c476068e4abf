#include "audit_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "core/settings.h"
#include "pg_conn.h"

#define WHERE "audit"
#define MEMORY_BYTES_MAX (1u << 30)

struct options {
    const char *heads;
    const char *key;
    bool has_no_bodies;
};

static bool read_options(struct options *options, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--no-bodies") == 0) {
            options->has_no_bodies = true;
        } else if (strcmp(argv[i], "--heads") == 0 && i + 1 < argc) {
            options->heads = argv[++i];
        } else if (strcmp(argv[i], "--key") == 0 && i + 1 < argc) {
            options->key = argv[++i];
        } else {
            fprintf(stderr, "metaops audit verify: %s is no flag or lacks its value\n", argv[i]);
            return false;
        }
    }
    return true;
}

static enum verdict read_heads(const struct settings *st, const struct options *options,
                               struct audit_heads *heads, struct err *err)
{
    struct audit_key *key = NULL;
    bool is_topic = strcmp(options->heads, "kafka") == 0;
    const char *path = options->key ? options->key : st->audit.key_file;
    if (!*path) {
        return err_set(err, FATAL, WHERE,
                       "heads are worth their key: --key FILE (its public half will do) or "
                       "audit.key_file");
    }
    enum verdict verdict = audit_key_read(path, false, &key, err);
    if (verdict == OK) {
        verdict = audit_heads_init(heads, err);
    }
    if (verdict == OK) {
        verdict = is_topic ? audit_heads_read_topic(heads, st, key, err)
                           : audit_heads_read_file(heads, options->heads, key, err);
    }
    if (verdict == OK && !heads->exports) {
        verdict = err_set(err, REJECT, WHERE, "there are no heads in %s",
                          is_topic ? st->kafka.topic_audit_heads : options->heads);
    }
    audit_key_free(key);
    return verdict;
}

/* One snapshot of everything, and no name of a function that is not PostgreSQL's own. */
static enum verdict begin(struct audit_verify *av, struct err *err)
{
    static const char rights[] =
        "select has_column_privilege('graph.event_ids', 'received_at', 'select'), "
        "has_column_privilege('graph.events', 'body', 'select'), "
        "has_table_privilege('graph.refusals', 'select'), "
        "has_column_privilege('graph.dead_letters', 'value', 'select'), "
        "has_table_privilege('graph.key_changes', 'select')";
    struct pg_result *rows = NULL;
    enum verdict verdict =
        pg_conn_exec(av->pg,
                     "set statement_timeout = 0; set search_path = pg_catalog; "
                     "begin transaction isolation level repeatable read read only",
                     err);
    if (verdict == OK) {
        verdict = pg_conn_query(av->pg, rights, 0, NULL, &rows, err);
    }
    for (int i = 0; verdict == OK && i < AUDIT_VERIFY_KINDS; i++) {
        av->may_read[i] = pg_conn_value(rows, 0, i)[0] == 't';
    }
    pg_conn_clear(rows);
    return verdict;
}

static void tell_heads(struct audit_verify *av)
{
    if (!av->heads) {
        return;
    }
    audit_report_part(av->rp);
    for (size_t i = 0; i < av->heads->count; i++) {
        const struct audit_head *head = &av->heads->items[i];
        if (head->is_met) {
            continue;
        }
        audit_report_fault(
            av->rp, "%.*s/%d: its chain was removed: a head of row %" PRId64 " was signed at %.*s",
            (int)head->topic.len, head->topic.ptr, head->partition, head->sequence,
            (int)head->at.len, head->at.ptr);
    }
    audit_report_line(av->rp, "heads", "%zu of %zu exports, %.*s to %.*s", av->heads->count,
                      av->heads->exports, (int)av->heads->first_at.len, av->heads->first_at.ptr,
                      (int)av->heads->last_at.len, av->heads->last_at.ptr);
    if (av->heads->cut_lines) {
        audit_report_line(av->rp, "heads", "%zu lines are cut and prove nothing",
                          av->heads->cut_lines);
    }
}

static void tell_counts(struct audit_verify *av)
{
    static const char *const names[AUDIT_VERIFY_KINDS] = {"", "events", "refusals", "letters",
                                                          "key changes"};
    audit_report_line(av->rp, "chains", "%zu of partitions: %" PRIu64 " rows, %" PRIu64 " entries",
                      av->stream_count, av->rows, av->entry_count);
    for (int kind = 1; kind < AUDIT_VERIFY_KINDS; kind++) {
        if (av->may_read[kind]) {
            audit_report_line(av->rp, names[kind],
                              "%" PRIu64 " as the chains say, %" PRIu64 " expired", av->met[kind],
                              av->expired[kind]);
        }
    }
}

static void tell_limits(struct audit_verify *av, const struct options *options)
{
    static const char *const tables[AUDIT_VERIFY_KINDS] = {
        "the ledger of ids", "events", "refusals", "dead letters", "changes of keys"};
    if (!av->heads) {
        audit_report_line(
            av->rp, "not proven",
            "without signed heads (--heads FILE) that no chain was rewritten from end "
            "to end, with hashes that fit, or cut at its end together with its rows");
    } else {
        audit_report_line(av->rp, "not proven", "what came after the last heads, %.*s",
                          (int)av->heads->last_at.len, av->heads->last_at.ptr);
    }
    if (av->before_chain) {
        audit_report_line(av->rp, "not proven", "%" PRIu64 " rows that are older than the chains",
                          av->before_chain);
    }
    if (av->behind_anchor) {
        audit_report_line(av->rp, "not proven",
                          "%" PRIu64 " rows whose part of the chain retention has taken",
                          av->behind_anchor);
    }
    for (int kind = 0; kind < AUDIT_VERIFY_KINDS; kind++) {
        if (!av->may_read[kind]) {
            audit_report_line(av->rp, "not looked at", "%s: this role may not read them",
                              tables[kind]);
        }
    }
    if (options->has_no_bodies) {
        audit_report_line(av->rp, "not looked at", "bodies (--no-bodies)");
    }
}

static enum verdict verify(struct audit_verify *av, const struct options *options, struct err *err)
{
    enum verdict verdict = begin(av, err);
    verdict = verdict == OK ? audit_load(av, err) : verdict;
    if (verdict == OK && !av->may_read[AUDIT_EVENTS]) {
        verdict = err_set(err, FATAL, WHERE, "this role may not read events");
    }
    verdict = verdict == OK ? audit_chains_acts(av, err) : verdict;
    audit_report_part(av->rp);
    verdict = verdict == OK ? audit_match_all(av, err) : verdict;
    verdict = verdict == OK ? audit_reports_match(av, err) : verdict;
    verdict = verdict == OK ? audit_ledger_ids(av, err) : verdict;
    if (verdict != OK) {
        return verdict;
    }
    tell_counts(av);
    if (!options->has_no_bodies) {
        verdict = audit_bodies_match(av, err);
    }
    tell_heads(av);
    tell_limits(av, options);
    return verdict;
}

int audit_verify_run(const struct settings *st, int argc, char **argv)
{
    struct options options = {.heads = NULL};
    struct err err = {.text = ""};
    struct audit_heads heads = {.items = NULL};
    struct audit_report report = {.faults = 0};
    struct audit_verify av = {.rp = &report};
    enum verdict verdict = OK;
    if (!read_options(&options, argc, argv)) {
        return EXIT_CODE_USAGE;
    }
    if (options.heads) {
        verdict = read_heads(st, &options, &heads, &err);
        av.heads = &heads;
    }
    av.arena = arena_new(MEMORY_BYTES_MAX);
    if (verdict == OK && !av.arena) {
        verdict = err_set(&err, RETRY, WHERE, "memory is short");
    }
    if (verdict == OK) {
        verdict = pg_conn_open(st, PG_CONN_READ, "metaops audit", &av.pg, &err);
    }
    if (verdict == OK) {
        verdict = verify(&av, &options, &err);
    }
    if (verdict == OK) {
        audit_report_end(&report);
    } else {
        log_error("audit: %s", err.text);
    }
    pg_conn_close(av.pg);
    for (int kind = 0; kind < AUDIT_VERIFY_KINDS; kind++) {
        audit_entries_fini(&av.entries[kind]);
    }
    free(av.gaps);
    arena_free(av.arena);
    audit_heads_fini(&heads);
    return verdict != OK || report.faults ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
