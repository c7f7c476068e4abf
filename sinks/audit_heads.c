#include "audit_heads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "core/json.h"
#include "core/timebase.h"

#define WHERE "audit"
#define FORMAT "metaops.audit-heads.v1"
#define SIGNATURE_BYTES 64
#define PUBLIC_BYTES 32
#define KEY_ID_BYTES 8
#define SIGNATURE_MARK ",\"signature\":\""
#define HEADS_BYTES_MAX (4u << 30)
#define LINE_DEPTH_MAX 4
#define LINE_VALUES_MAX (1u << 20)

struct audit_key {
    EVP_PKEY *pkey;
    char id[2 * KEY_ID_BYTES + 1];
};

static void to_hex(const uint8_t *bytes, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

static EVP_PKEY *read_pem(FILE *in, bool needs_private)
{
    EVP_PKEY *pkey = PEM_read_PrivateKey(in, NULL, NULL, "");
    if (!pkey && !needs_private) {
        rewind(in);
        pkey = PEM_read_PUBKEY(in, NULL, NULL, NULL);
    }
    if (pkey && EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey;
}

enum verdict audit_heads_key_read(const char *path, bool needs_private, struct audit_key **out_key,
                                  struct err *err)
{
    struct stat about;
    uint8_t public[PUBLIC_BYTES];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    size_t size = sizeof public;
    FILE *in = fopen(path, "re");
    if (!in) {
        return err_set(err, FATAL, WHERE, "the key %s: %s", path, strerror(errno));
    }
    if (needs_private && (fstat(fileno(in), &about) != 0 || (about.st_mode & 077) != 0)) {
        fclose(in);
        return err_set(err, FATAL, WHERE, "the key %s must be its owner's alone: chmod 600", path);
    }
    EVP_PKEY *pkey = read_pem(in, needs_private);
    fclose(in);
    if (!pkey || EVP_PKEY_get_raw_public_key(pkey, public, &size) != 1 || size != sizeof public) {
        EVP_PKEY_free(pkey);
        return err_set(err, FATAL, WHERE,
                       "%s is no Ed25519 %s in PEM (openssl genpkey -algorithm ed25519)", path,
                       needs_private ? "private key" : "key");
    }
    struct audit_key *key = calloc(1, sizeof *key);
    if (!key) {
        EVP_PKEY_free(pkey);
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    SHA256(public, sizeof public, digest);
    to_hex(digest, KEY_ID_BYTES, key->id);
    key->pkey = pkey;
    *out_key = key;
    return OK;
}

void audit_heads_key_free(struct audit_key *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

static bool sign(const struct audit_key *key, const char *text, size_t len, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t size = SIGNATURE_BYTES;
    bool is_good = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                   EVP_DigestSign(ctx, out, &size, (const unsigned char *)text, len) == 1 &&
                   size == SIGNATURE_BYTES;
    EVP_MD_CTX_free(ctx);
    return is_good;
}

static bool is_signed(const struct audit_key *key, struct str text, const uint8_t *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                   EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES,
                                    (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return is_good;
}

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
    uint8_t signature[SIGNATURE_BYTES];
    char digits[2 * SIGNATURE_BYTES + 1];
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
    fprintf(out, "],\"key\":\"%s\"", key->id);
    if (fflush(out) != 0 || !sign(key, line, len, signature)) {
        fclose(out);
        free(line);
        return err_set(err, RETRY, WHERE, "the heads cannot be signed");
    }
    to_hex(signature, sizeof signature, digits);
    fprintf(out, SIGNATURE_MARK "%s\"}", digits);
    if (fclose(out) != 0) {
        free(line);
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    *out_line = line;
    return OK;
}

/* What is signed, and the signature behind it. */
static bool split(struct str line, struct str *out_signed, uint8_t *signature)
{
    const size_t mark_len = strlen(SIGNATURE_MARK);
    const size_t tail = mark_len + 2 * SIGNATURE_BYTES + 2;
    if (line.len < tail) {
        return false;
    }
    const char *mark = line.ptr + line.len - tail;
    if (memcmp(mark, SIGNATURE_MARK, mark_len) != 0 ||
        memcmp(line.ptr + line.len - 2, "\"}", 2) != 0) {
        return false;
    }
    for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
        unsigned byte;
        if (sscanf(mark + mark_len + 2 * i, "%2x", &byte) != 1) {
            return false;
        }
        signature[i] = (uint8_t)byte;
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

static enum verdict read_line(struct audit_heads *heads, struct json_doc *doc, struct str line,
                              const struct audit_key *key, struct err *err)
{
    uint8_t signature[SIGNATURE_BYTES];
    struct str covered;
    struct str at;
    struct str key_id;
    if (!split(line, &covered, signature) || json_parse(doc, line, NULL, err) != OK ||
        !read_text(doc, json_root(doc), "at", heads->arena, &at) ||
        !read_text(doc, json_root(doc), "key", heads->arena, &key_id)) {
        return err_set(err, REJECT, WHERE, "no export of heads");
    }
    if (!str_eq(key_id, str_view(key->id))) {
        return err_set(err, REJECT, WHERE, "signed by key %.*s, not by %s", (int)key_id.len,
                       key_id.ptr, key->id);
    }
    if (!is_signed(key, covered, signature)) {
        return err_set(err, REJECT, WHERE, "the signature is wrong: the export was altered");
    }
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

enum verdict audit_heads_read(const char *path, const struct audit_key *key,
                              struct audit_heads *heads, struct err *err)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    enum verdict verdict = OK;
    size_t number = 0;
    FILE *in = fopen(path, "re");
    struct json_doc *doc = json_doc_new(LINE_DEPTH_MAX, LINE_VALUES_MAX);
    *heads = (struct audit_heads){.arena = arena_new(HEADS_BYTES_MAX)};
    if (!in) {
        verdict = err_set(err, REJECT, WHERE, "%s: %s", path, strerror(errno));
    } else if (!doc || !heads->arena) {
        verdict = err_set(err, RETRY, WHERE, "memory is short");
    }
    while (verdict == OK && (len = getline(&line, &capacity, in)) >= 0) {
        struct str text = {line, (size_t)len};
        number++;
        while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
            text.len--;
        }
        if (!text.len) {
            continue;
        }
        /* The parser reads a few bytes behind the text. */
        struct str padded = {arena_alloc(heads->arena, text.len + JSON_PADDING_BYTES), text.len};
        if (!padded.ptr) {
            verdict = err_set(err, RETRY, WHERE, "memory is short");
            break;
        }
        memcpy((char *)padded.ptr, text.ptr, text.len);
        memset((char *)padded.ptr + text.len, 0, JSON_PADDING_BYTES);
        verdict = read_line(heads, doc, padded, key, err);
        if (verdict != OK) {
            err_wrap(err, "%s line %zu", path, number);
        }
    }
    if (in) {
        fclose(in);
    }
    free(line);
    json_doc_free(doc);
    if (verdict == OK && heads->count) {
        qsort(heads->items, heads->count, sizeof *heads->items, in_order);
    }
    return verdict;
}

struct audit_head *audit_heads_of(const struct audit_heads *heads, struct str cluster_id,
                                  struct str topic, int32_t partition, size_t *out_count)
{
    const struct audit_head wanted = {.is_acts = cluster_id.ptr == NULL,
                                      .cluster_id = cluster_id.ptr ? cluster_id : STR(""),
                                      .topic = topic,
                                      .partition = partition};
    size_t first = 0;
    while (first < heads->count && order_of_chains(&heads->items[first], &wanted) < 0) {
        first++;
    }
    size_t end = first;
    while (end < heads->count && order_of_chains(&heads->items[end], &wanted) == 0) {
        end++;
    }
    *out_count = end - first;
    return heads->items + first;
}

void audit_heads_fini(struct audit_heads *heads)
{
    free(heads->items);
    arena_free(heads->arena);
    *heads = (struct audit_heads){.items = NULL};
}
