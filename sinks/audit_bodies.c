/* Does each body still give its event's id? One that is gone needs an act that says so. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>

#include "audit_cursor.h"
#include "audit_verify.h"
#include "pg_conn.h"
#include "schemas/embedded.h"
#include "schemas/identity.h"

#define WHERE "audit"

/* Bodies of one base come one behind the other. */
struct bodies {
    struct audit_cursor cursor;
    char base_id[40];
    char *base; /* NULL: it is gone */
    size_t base_len;
    char *packed;
    size_t packed_capacity;
    char *text;
    size_t text_capacity;
    struct id128 *erased;
    size_t erased_count;
    uint64_t whole;
    uint64_t erased_met;
    uint64_t expired;
};

static enum verdict load_erased(struct audit_verify *av, struct bodies *bodies, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_query(av->pg, embedded_text(sinks_files, "audit/erased.sql").ptr,
                                         0, NULL, &rows, err);
    if (verdict != OK) {
        return verdict;
    }
    bodies->erased_count = (size_t)pg_conn_rows(rows);
    bodies->erased = calloc(bodies->erased_count + 1, sizeof *bodies->erased);
    for (size_t i = 0; bodies->erased && i < bodies->erased_count; i++) {
        (void)audit_cursor_unhex(str_view(pg_conn_value(rows, (int)i, 0)), bodies->erased[i].bytes,
                                 sizeof bodies->erased[i].bytes);
    }
    pg_conn_clear(rows);
    return bodies->erased ? OK : err_set(err, RETRY, WHERE, "memory is short");
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id128));
}

static bool make_room(char **buffer, size_t *capacity, size_t size)
{
    if (size < *capacity) {
        return true;
    }
    char *grown = realloc(*buffer, size + 1);
    if (grown) {
        *buffer = grown;
        *capacity = size + 1;
    }
    return grown != NULL;
}

static enum verdict load_base(struct audit_verify *av, struct bodies *bodies, struct str id,
                              struct err *err)
{
    struct pg_result *rows = NULL;
    const char *params[] = {id.ptr};
    if (strncmp(bodies->base_id, id.ptr, sizeof bodies->base_id) == 0) {
        return OK;
    }
    free(bodies->base);
    bodies->base = NULL;
    snprintf(bodies->base_id, sizeof bodies->base_id, "%.*s", (int)id.len, id.ptr);
    enum verdict verdict = pg_conn_query(av->pg, embedded_text(sinks_files, "audit/base.sql").ptr,
                                         1, params, &rows, err);
    if (verdict == OK && pg_conn_rows(rows)) {
        struct str digits = str_view(pg_conn_value(rows, 0, 0));
        bodies->base_len = digits.len / 2;
        bodies->base = malloc(bodies->base_len + 1);
        if (!bodies->base) {
            verdict = err_set(err, RETRY, WHERE, "memory is short");
        } else {
            (void)audit_cursor_unhex(digits, bodies->base, bodies->base_len);
        }
    }
    pg_conn_clear(rows);
    return verdict;
}

/* The text of the present row; *out_text.ptr NULL when it cannot be unfolded. */
static enum verdict unfold(struct audit_verify *av, struct bodies *bodies, struct str *out_text,
                           struct err *err)
{
    struct str digits = audit_cursor_text(&bodies->cursor, 1);
    struct str base_id = audit_cursor_text(&bodies->cursor, 2);
    int64_t length = audit_cursor_number(&bodies->cursor, 3);
    size_t packed_len = digits.len / 2;
    if (length < 0 || !make_room(&bodies->packed, &bodies->packed_capacity, packed_len) ||
        !make_room(&bodies->text, &bodies->text_capacity, (size_t)length)) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    (void)audit_cursor_unhex(digits, bodies->packed, packed_len);
    *out_text = (struct str){bodies->packed, packed_len};
    if (!base_id.ptr) {
        return OK;
    }
    enum verdict verdict = load_base(av, bodies, base_id, err);
    if (verdict == OK) {
        int got = bodies->base ? LZ4_decompress_safe_usingDict(bodies->packed, bodies->text,
                                                               (int)packed_len, (int)length,
                                                               bodies->base, (int)bodies->base_len)
                               : -1;
        *out_text = got >= 0 ? (struct str){bodies->text, (size_t)got} : (struct str){NULL, 0};
    }
    return verdict;
}

static void tell_body(struct audit_verify *av, const struct bodies *bodies, struct id128 id,
                      const char *what)
{
    char text[ID128_TEXT_BYTES];
    struct str topic = audit_cursor_text(&bodies->cursor, 5);
    id128_format(id, text);
    audit_report_fault(av->rp, "%.*s/%" PRId64 " offset %" PRId64 ": the body of event %s %s",
                       (int)topic.len, topic.ptr, audit_cursor_number(&bodies->cursor, 6),
                       audit_cursor_number(&bodies->cursor, 7), text, what);
}

static enum verdict judge_body(struct audit_verify *av, struct bodies *bodies, struct err *err)
{
    struct id128 id = {{0}};
    struct str text = {NULL, 0};
    struct str digits = audit_cursor_text(&bodies->cursor, 1);
    (void)audit_cursor_unhex(audit_cursor_text(&bodies->cursor, 0), id.bytes, sizeof id.bytes);
    if (digits.len == 0 && audit_cursor_number(&bodies->cursor, 3) > 0) {
        if (bsearch(&id, bodies->erased, bodies->erased_count, sizeof id, by_id)) {
            bodies->erased_met++;
        } else if (audit_cursor_number(&bodies->cursor, 4) < av->cutoff_us[AUDIT_EVENTS]) {
            bodies->expired++;
        } else {
            tell_body(av, bodies, id, "was removed: no act says that it was erased or expired");
        }
        return OK;
    }
    enum verdict verdict = unfold(av, bodies, &text, err);
    if (verdict != OK) {
        return verdict;
    }
    if (!text.ptr) {
        tell_body(av, bodies, id,
                  bodies->base ? "was altered: it cannot be unfolded"
                               : "cannot be read: the body that it is stored against was removed");
    } else if (!id128_eq(identity_digest(text), id)) {
        tell_body(av, bodies, id, "was altered: it does not give its event's id");
    } else {
        bodies->whole++;
    }
    return OK;
}

enum verdict audit_bodies_match(struct audit_verify *av, struct err *err)
{
    struct bodies bodies = {.base = NULL};
    bool has_row = false;
    audit_report_part(av->rp);
    enum verdict verdict = load_erased(av, &bodies, err);
    if (verdict == OK) {
        verdict = audit_cursor_open(&bodies.cursor, av->pg, "bodies", NULL, err);
    }
    if (verdict == OK) {
        verdict = audit_cursor_next(&bodies.cursor, &has_row, err);
    }
    while (verdict == OK && has_row) {
        verdict = judge_body(av, &bodies, err);
        if (verdict == OK) {
            verdict = audit_cursor_next(&bodies.cursor, &has_row, err);
        }
    }
    audit_cursor_close(&bodies.cursor);
    if (verdict == OK) {
        audit_report_line(av->rp, "bodies",
                          "%" PRIu64 " give their event's id, %" PRIu64
                          " erased by request, %" PRIu64 " expired",
                          bodies.whole, bodies.erased_met, bodies.expired);
    }
    free(bodies.base);
    free(bodies.packed);
    free(bodies.text);
    free(bodies.erased);
    return verdict;
}
