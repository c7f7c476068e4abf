/* redact_impl.h - what the files of redact.h share; nobody else includes it.
 *
 * redact.c         passes over an event until nothing is found; writes the marks
 * redact_scan.c    finds places where a rule may apply
 * redact_rules.c   the rules for text: what is secret around such a place
 * redact_user_info.c  the rule for the @ of URLs
 * redact_tokens.c  the rule for tokens that are known by their shape
 * redact_names.c   names and values
 * redact_facets.c  rules that need the event's structure: variables, pairs
 * redact_sql.c     literals of SQL
 * redact_kubernetes.c  audit events of Kubernetes */
#ifndef METAOPS_SCHEMAS_REDACT_IMPL_H
#define METAOPS_SCHEMAS_REDACT_IMPL_H

#include "core/arena.h"
#include "core/json.h"
#include "schemas/redact.h"
#include "schemas/redact_scan.h"

struct redact {
    struct redact_scan scan;
    char *environment_allow;
    bool is_masking_sql;
};

/* Bytes [from, to) of a text. */
struct redact_span {
    size_t from;
    size_t to;
};

/* What was found, in the arena. A text that an attacker wrote must not cost more memory than any honest
 * one does: beyond REDACT_SPANS_MAX nothing is noted any more. */
struct redact_spans {
    struct arena *arena;
    struct redact_span *items;
    size_t count;
    size_t capacity;
    size_t found; /* in this reading, also within texts whose finds have become fewer since */
    bool is_full; /* the arena is: what was found is not all */
    bool is_over; /* more was found than may be */
};

/* Adds a stretch of text unless it is empty or a mark already. */
void redact_spans_add(struct redact_spans *spans, struct str text, size_t from, size_t to);

/* Is it of no use to look for more? */
static inline bool redact_spans_is_closed(const struct redact_spans *spans)
{
    return spans->is_full || spans->is_over;
}

/* Sorts, and makes one of those that touch. */
void redact_spans_settle(struct redact_spans *spans);

/* A text that rules look at. */
struct redact_text {
    const struct redact *redact;
    struct str text;
    const struct json_doc
        *doc; /* text is this JSON, read as it stands: " ends every string. Else NULL */
    struct redact_spans *spans;
    size_t scheme_at; /* of the last "://" before scheme_seen, behind it; 0: none */
    size_t scheme_seen;
    struct redact_parents *parents; /* of redact_facets_pair */
    bool is_oracle_known;
    bool has_oracle; /* "oracle:" stands somewhere in text */
};

/* How far a rule looks back for what a place belongs to. */
#define REDACT_LOOK_BACK_BYTES 512

/* NUL behind the end. */
static inline char redact_text_byte(const struct redact_text *rt, size_t at)
{
    return at < rt->text.len ? rt->text.ptr[at] : '\0';
}

static inline struct str redact_text_part(const struct redact_text *rt, size_t from, size_t to)
{
    return (struct str){rt->text.ptr + from, to - from};
}

/* What no URL, name or value goes across. */
static inline bool redact_text_is_wall(char c)
{
    return (unsigned char)c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`';
}

/* The first byte of the run without walls that ends before `at`. */
static inline size_t redact_text_run(const struct redact_text *rt, size_t at)
{
    size_t begin = at;

    while (begin > 0 && at - begin < REDACT_LOOK_BACK_BYTES &&
           !redact_text_is_wall(rt->text.ptr[begin - 1])) {
        begin--;
    }
    return begin;
}

/* Where needle begins, without regard to case; SIZE_MAX when it is not there. */
size_t redact_text_find(struct str text, const char *needle);

/* Adds [from, to) to the finds; returns to. */
static inline size_t redact_text_add(struct redact_text *rt, size_t from, size_t to)
{
    redact_spans_add(rt->spans, rt->text, from, to);
    return to;
}

/* The @ at `at`: scheme://user:password@host, oracle:thin:user/password@host,
 * user:password@tcp(host). As redact_rules_apply. */
size_t redact_user_info(struct redact_text *rt, size_t at);

/* The %40 at `at`: scheme%3A%2F%2Fuser%3Apassword%40host, a URL as the value of a parameter. */
size_t redact_user_info_encoded(struct redact_text *rt, size_t at);

/* Applies the rules of these triggers at a place; returns the place from where to go on. */
size_t redact_rules_apply(struct redact_text *rt, size_t at, uint32_t triggers);

void redact_rules_init(struct redact_scan *scan);

/* True for the trigger of JSON's \u00: only of meaning to JSON. */
bool redact_rules_is_escape(uint32_t triggers);

/* A token of a known shape that begins at `at`. */
bool redact_tokens_match(struct str text, size_t at, struct redact_span *out_span);

/* Index of the string that holds byte `at`, or of the last value before it. Searches upwards from
 * index. */
uint32_t redact_facets_index(const struct json_doc *doc, uint32_t index, size_t at);

/* Is this string a member's name? */
bool redact_facets_is_key(const struct json_doc *doc, const struct json_value *string);

/* The string value at index says a secret's name: finds the value beside it, as in
 * {"name": "DB_PASSWORD", "value": ...}. */
void redact_facets_pair(struct redact_text *rt, uint32_t index);

/* Values of all variables in a text that is no JSON (any more), by the names of their facets. */
void redact_facets_find_in_text(struct redact_text *rt);

/* Variables of the event, unless they are listed. */
void redact_facets_find(struct redact_text *rt);

/* What is secret in the audit event, if it is one. */
void redact_kubernetes_find(struct redact_text *rt);

/* The text of the job's SQL and its facet; NULL when there is none. */
const struct json_value *redact_facets_sql(const struct json_doc *doc,
                                           const struct json_value **out_facet);

/* Literals of rt->text, the decoded text of the facet (of doc). */
void redact_sql_find(struct redact_text *rt, const struct json_doc *doc,
                     const struct json_value *facet);

#endif
