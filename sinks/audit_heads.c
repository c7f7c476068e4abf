#include "audit_heads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/timebase.h"

#define WHERE "audit"
#define FORMAT "metaops.audit-heads.v1"
#define SIGNATURE_MARK ",\"signature\":\""
#define SIGNATURE_END "\"}"
#define HEADS_BYTES_MAX (UINT64_C(4) << 30)
#define LINE_DEPTH_MAX 4
#define LINE_VALUES_MAX (1u << 20)

/* Names of clusters and topics have no byte that JSON escapes; whatever has is written as \u00xx. */
static void write_text(FILE *out, struct str text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            fprintf(out, "\\u%04x", c);
        } else {
            fputc(c, out);
        }
    }
    fputc('"', out);
}

static void write_head(FILE *out, const struct audit_head *head)
{
    char hash[AUDIT_HASH_TEXT_BYTES];
    audit_chain_format(head->hash, hash);
    if (head->is_acts) {
        fputs("{\"acts\":true", out);
    } else {
        fputs("{\"cluster\":", out);
        write_text(out, head->cluster_id);
        fputs(",\"topic\":", out);
        write_text(out, head->topic);
        fprintf(out, ",\"partition\":%d", head->partition);
    }
    fprintf(out, ",\"sequence\":%" PRId64 ",\"hash\":\"%s\"}", head->sequence, hash);
}

enum verdict audit_heads_write(const struct audit_head *heads, size_t count, int64_t at_us,
                               const struct audit_key *key, char **out_line, struct err *err)
{
    char *line = NULL;
    size_t len = 0;
    char at[32];
    uint8_t signature[AUDIT_KEY_SIGNATURE_BYTES];
    FILE *out = open_memstream(&line, &len);
    if (!out) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    timebase_format(at_us, at);
    fprintf(out, "{\"format\":\"" FORMAT "\",\"at\":\"%s\",\"heads\":[", at);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? "," : "", out);
        write_head(out, &heads[i]);
    }
    fprintf(out, "],\"key\":\"%s\"", audit_key_id(key));
    if (fflush(out) != 0 || !audit_key_sign(key, (struct str){line, len}, signature)) {
        fclose(out);
        free(line);
        return err_set(err, RETRY, WHERE, "the heads cannot be signed");
    }
    fputs(SIGNATURE_MARK, out);
    for (size_t i = 0; i < sizeof signature; i++) {
        fprintf(out, "%02x", signature[i]);
    }
    fputs(SIGNATURE_END, out);
    if (fclose(out) != 0) {
        free(line);
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    *out_line = line;
    return OK;
}

/* What is signed, and the signature behind it; false when the line does not end with one. */
static bool split(struct str line, struct str *out_signed, uint8_t *out_signature)
{
    const size_t mark_len = strlen(SIGNATURE_MARK);
    const size_t tail = mark_len + 2 * AUDIT_KEY_SIGNATURE_BYTES + strlen(SIGNATURE_END);
    if (line.len < tail) {
        return false;
    }
    const char *mark = line.ptr + line.len - tail;
    if (memcmp(mark, SIGNATURE_MARK, mark_len) != 0 ||
        memcmp(line.ptr + line.len - strlen(SIGNATURE_END), SIGNATURE_END, strlen(SIGNATURE_END))) {
        return false;
    }
    for (size_t i = 0; i < AUDIT_KEY_SIGNATURE_BYTES; i++) {
        unsigned byte;
        if (sscanf(mark + mark_len + 2 * i, "%2x", &byte) != 1) {
            return false;
        }
        out_signature[i] = (uint8_t)byte;
    }
    *out_signed = (struct str){line.ptr, (size_t)(mark - line.ptr)};
    return true;
}

static bool read_text(const struct json_doc *doc, const struct json_value *object, const char *name,
                      struct arena *arena, struct str *out_text)
{
    const struct json_value *value = json_get(doc, object, str_view(name));
    struct str text;
    struct err ignored;
    if (!value || value->type != JSON_STRING ||
        json_string(doc, value, arena, &text, &ignored) != OK) {
        return false;
    }
    *out_text = arena_dup(arena, text);
    return out_text->ptr != NULL;
}

static bool read_number(const struct json_doc *doc, const struct json_value *object,
                        const char *name, int64_t *out_number)
{
    const struct json_value *value = json_get(doc, object, str_view(name));
    char digits[24] = "";
    char *end = NULL;
    if (!value || value->type != JSON_NUMBER || value->len >= sizeof digits) {
        return false;
    }
    memcpy(digits, json_raw(doc, value).ptr, value->len);
    errno = 0;
    *out_number = strtoll(digits, &end, 10);
    return !errno && !*end;
}

static bool read_head(const struct json_doc *doc, const struct json_value *object,
                      struct arena *arena, struct audit_head *head)
{
    struct str hash;
    int64_t partition = 0;
    head->is_acts = json_get(doc, object, STR("acts")) != NULL;
    if (!read_number(doc, object, "sequence", &head->sequence) ||
        !read_text(doc, object, "hash", arena, &hash) || !audit_chain_parse(hash, &head->hash)) {
        return false;
    }
    if (!head->is_acts && (!read_text(doc, object, "cluster", arena, &head->cluster_id) ||
                           !read_text(doc, object, "topic", arena, &head->topic) ||
                           !read_number(doc, object, "partition", &partition))) {
        return false;
    }
    head->partition = (int32_t)partition;
    return true;
}

static enum verdict add_head(struct audit_heads *heads, const struct audit_head *head,
                             struct err *err)
{
    if (heads->count == heads->capacity) {
        size_t larger = heads->capacity ? 2 * heads->capacity : 256;
        struct audit_head *grown = reallocarray(heads->items, larger, sizeof *grown);
        if (!grown) {
            return err_set(err, RETRY, WHERE, "memory is short");
        }
        heads->items = grown;
        heads->capacity = larger;
    }
    heads->items[heads->count++] = *head;
    return OK;
}

static enum verdict add_all(struct audit_heads *heads, const struct json_doc *doc, struct str at,
                            struct err *err)
{
    const struct json_value *list = json_get(doc, json_root(doc), STR("heads"));
    for (const struct json_value *each = list ? json_first(doc, list) : NULL; each;
         each = json_next(doc, list, each)) {
        struct audit_head head = {.at = at};
        if (!read_head(doc, each, heads->arena, &head)) {
            return err_set(err, REJECT, WHERE, "a head cannot be read");
        }
        enum verdict verdict = add_head(heads, &head, err);
        if (verdict != OK) {
            return verdict;
        }
    }
    heads->first_at = heads->exports ? heads->first_at : at;
    heads->last_at = at;
    heads->exports++;
    return OK;
}

static enum verdict read_line(struct audit_heads *heads, struct json_doc *doc, struct str line,
                              const struct audit_key *key, struct err *err)
{
    uint8_t signature[AUDIT_KEY_SIGNATURE_BYTES];
    struct str covered;
    struct str at;
    struct str key_id;
    if (!split(line, &covered, signature)) {
        heads->cut_lines++;
        return OK;
    }
    if (json_parse(doc, line, NULL, err) != OK ||
        !read_text(doc, json_root(doc), "at", heads->arena, &at) ||
        !read_text(doc, json_root(doc), "key", heads->arena, &key_id)) {
        return err_set(err, REJECT, WHERE, "no export of heads");
    }
    if (!str_eq(key_id, str_view(audit_key_id(key)))) {
        return err_set(err, REJECT, WHERE, "signed by key %.*s, not by %s", (int)key_id.len,
                       key_id.ptr, audit_key_id(key));
    }
    if (!audit_key_has_signed(key, covered, signature)) {
        return err_set(err, REJECT, WHERE, "the signature is wrong: the export was altered");
    }
    return add_all(heads, doc, at, err);
}

enum verdict audit_heads_init(struct audit_heads *heads, struct err *err)
{
    *heads = (struct audit_heads){.arena = arena_new(HEADS_BYTES_MAX)};
    return heads->arena ? OK : err_set(err, RETRY, WHERE, "memory is short");
}

enum verdict audit_heads_add(struct audit_heads *heads, struct str line,
                             const struct audit_key *key, struct err *err)
{
    struct json_doc *doc = json_doc_new(LINE_DEPTH_MAX, LINE_VALUES_MAX);
    char *text = malloc(line.len + JSON_PADDING_BYTES);
    enum verdict verdict = RETRY;
    if (doc && text) {
        memcpy(text, line.ptr, line.len);
        memset(text + line.len, 0, JSON_PADDING_BYTES);
        verdict = read_line(heads, doc, (struct str){text, line.len}, key, err);
    } else {
        err_set(err, RETRY, WHERE, "memory is short");
    }
    free(text);
    json_doc_free(doc);
    return verdict;
}

static int order_of_chains(const struct audit_head *x, const struct audit_head *y)
{
    int order = (int)x->is_acts - (int)y->is_acts;
    order = order ? order : str_cmp(x->topic, y->topic);
    order = order ? order : (x->partition > y->partition) - (x->partition < y->partition);
    return order ? order : str_cmp(x->cluster_id, y->cluster_id);
}

static int in_order(const void *a, const void *b)
{
    const struct audit_head *x = a;
    const struct audit_head *y = b;
    int order = order_of_chains(x, y);
    return order ? order : (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

void audit_heads_sort(struct audit_heads *heads)
{
    if (heads->count) {
        qsort(heads->items, heads->count, sizeof *heads->items, in_order);
    }
}

/* The first one that does not stand before the chain; behind: the first one behind it. */
static size_t bound(const struct audit_heads *heads, const struct audit_head *chain, bool is_behind)
{
    size_t first = 0;
    size_t end = heads->count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        int order = order_of_chains(&heads->items[middle], chain);
        if (order < 0 || (is_behind && order == 0)) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

struct audit_head *audit_heads_of(const struct audit_heads *heads, struct str cluster_id,
                                  struct str topic, int32_t partition, size_t *out_count)
{
    const struct audit_head chain = {.is_acts = cluster_id.ptr == NULL,
                                     .cluster_id = cluster_id.ptr ? cluster_id : STR(""),
                                     .topic = topic,
                                     .partition = partition};
    size_t first = bound(heads, &chain, false);
    *out_count = bound(heads, &chain, true) - first;
    return heads->items + first;
}

void audit_heads_fini(struct audit_heads *heads)
{
    free(heads->items);
    arena_free(heads->arena);
    *heads = (struct audit_heads){.items = NULL};
}
