/* redact_sql.c - literals of SQL: what stands in single quotes, in $$, and numbers. Names in double
 * quotes or backticks and comments stay. */

#include "core/ascii.h"
#include "schemas/redact_impl.h"
#include "schemas/redact_names.h"

/* How the literals of a SQL text are written. */
enum backslash { BACKSLASH_UNKNOWN, BACKSLASH_PLAIN, BACKSLASH_ESCAPES };

static enum backslash backslash_of(const struct json_doc *doc, const struct json_value *facet)
{
    static const char escaping[] =
        "mysql,mariadb,bigquery,spark,sparksql,databricks,hive,snowflake,clickhouse";
    const struct json_value *dialect = json_get(doc, facet, STR("dialect"));

    if (!dialect || dialect->type != JSON_STRING) {
        return BACKSLASH_UNKNOWN;
    }
    return redact_names_is_listed(escaping,
                                  (struct str){json_raw(doc, dialect).ptr + 1, dialect->len - 2})
               ? BACKSLASH_ESCAPES
               : BACKSLASH_PLAIN;
}

/* The end of the literal that begins behind its quote at `from`. A quote behind a backslash where
 * nobody says what that means: everything up to the last quote of the text. */
static size_t literal_end(struct str sql, size_t from, enum backslash backslash)
{
    for (size_t at = from; at < sql.len; at++) {
        if (sql.ptr[at] == '\\' && backslash == BACKSLASH_ESCAPES) {
            at++;
        } else if (sql.ptr[at] == '\'') {
            if (at + 1 < sql.len && sql.ptr[at + 1] == '\'') {
                at++;
            } else if (backslash == BACKSLASH_UNKNOWN && at > from && sql.ptr[at - 1] == '\\') {
                const char *last = memrchr(sql.ptr, '\'', sql.len);
                return (size_t)(last - sql.ptr);
            } else {
                return at;
            }
        }
    }
    return sql.len;
}

static bool is_word_byte(char c)
{
    return ascii_is_alnum(c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static size_t number_end(struct str sql, size_t at)
{
    while (at < sql.len && (is_word_byte(sql.ptr[at]) || sql.ptr[at] == '.')) {
        at++;
    }
    return at;
}

/* What is no literal but may hold quotes: names in double quotes or backticks, comments. */
static size_t skip_other(struct str sql, size_t at)
{
    char c = sql.ptr[at];
    const char *end = NULL;
    size_t rest = sql.len - at;

    if (c == '"' || c == '`') {
        end = memchr(sql.ptr + at + 1, c, rest - 1);
        return end ? (size_t)(end - sql.ptr) + 1 : sql.len;
    }
    if (c == '-' && rest > 1 && sql.ptr[at + 1] == '-') {
        end = memchr(sql.ptr + at, '\n', rest);
        return end ? (size_t)(end - sql.ptr) + 1 : sql.len;
    }
    if (c == '/' && rest > 1 && sql.ptr[at + 1] == '*') {
        end = memmem(sql.ptr + at + 2, rest - 2, "*/", 2);
        return end ? (size_t)(end - sql.ptr) + 2 : sql.len;
    }
    return at;
}

/* $$text$$ or $tag$text$tag$: spans the text. False when it is none. */
static bool dollar_quoted(struct str sql, size_t at, struct redact_span *out_span, size_t *out_next)
{
    size_t tag = at + 1;

    while (tag < sql.len && sql.ptr[tag] != '$' && is_word_byte(sql.ptr[tag])) {
        tag++;
    }
    if (tag >= sql.len || sql.ptr[tag] != '$' || ascii_is_digit(sql.ptr[at + 1])) {
        return false;
    }
    size_t len = tag + 1 - at;
    const char *end = memmem(sql.ptr + tag + 1, sql.len - tag - 1, sql.ptr + at, len);
    out_span->from = tag + 1;
    out_span->to = end ? (size_t)(end - sql.ptr) : sql.len;
    *out_next = end ? out_span->to + len : sql.len;
    return true;
}

/* Whatever begins at `at`; returns what follows it. */
static size_t find_at(struct redact_text *rt, size_t at, enum backslash backslash)
{
    struct str sql = rt->text;
    char c = sql.ptr[at];
    struct redact_span span;
    size_t next = skip_other(sql, at);

    if (next != at) {
        return next;
    }
    if (c == '\'') {
        bool is_escaped = at > 0 && (sql.ptr[at - 1] == 'E' || sql.ptr[at - 1] == 'e');
        next = literal_end(sql, at + 1, is_escaped ? BACKSLASH_ESCAPES : backslash);
        redact_spans_add(rt->spans, sql, at + 1, next);
        return next + 1;
    }
    if (c == '$' && dollar_quoted(sql, at, &span, &next)) {
        redact_spans_add(rt->spans, sql, span.from, span.to);
        return next;
    }
    if (ascii_is_digit(c)) {
        next = number_end(sql, at);
        if (at == 0 || sql.ptr[at - 1] != ':') {
            redact_spans_add(rt->spans, sql, at, next);
        }
        return next;
    }
    if (is_word_byte(c)) {
        for (next = at + 1; next < sql.len && is_word_byte(sql.ptr[next]); next++) {
        }
        return next;
    }
    return at + 1;
}

void redact_sql_find(struct redact_text *rt, const struct json_doc *doc,
                     const struct json_value *facet)
{
    enum backslash backslash = backslash_of(doc, facet);

    for (size_t at = 0; at < rt->text.len;) {
        at = find_at(rt, at, backslash);
    }
}
