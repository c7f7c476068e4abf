#include "replay_bases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "pg_conn.h"

#define SLOTS 8192 /* a power of two */
#define COUNT_MAX (SLOTS / 2)
#define BYTES_MAX (64u << 20)

struct base {
    struct id128 id; /* zero: free */
    char *body;
    size_t len;
};

struct replay_bases {
    struct base slots[SLOTS];
    size_t count;
    size_t bytes;
};

struct replay_bases *replay_bases_new(void)
{
    return calloc(1, sizeof(struct replay_bases));
}

/* Ids are digests: their first bytes are as good as any hash. */
static size_t slot_of(const struct replay_bases *bases, struct id128 id)
{
    uint64_t hash;
    memcpy(&hash, id.bytes, sizeof hash);
    size_t slot = hash & (SLOTS - 1);
    while (!id128_is_zero(bases->slots[slot].id) && !id128_eq(bases->slots[slot].id, id)) {
        slot = (slot + 1) & (SLOTS - 1);
    }
    return slot;
}

static void forget_all(struct replay_bases *bases)
{
    for (size_t i = 0; i < SLOTS; i++) {
        free(bases->slots[i].body);
    }
    *bases = (struct replay_bases){0};
}

static enum verdict keep(struct replay_bases *bases, const PGresult *result, int row,
                         struct err *err)
{
    struct id128 id;
    size_t len = (size_t)PQgetlength(result, row, 1);
    char *body = malloc(len + 1);
    if (!body) {
        return err_set(err, RETRY, "replay_bases", "memory is short");
    }
    memcpy(body, PQgetvalue(result, row, 1), len);
    memcpy(id.bytes, PQgetvalue(result, row, 0), sizeof id.bytes);
    bases->slots[slot_of(bases, id)] = (struct base){.id = id, .body = body, .len = len};
    bases->count++;
    bases->bytes += len;
    return OK;
}

/* "{a,b}" of those that are not at hand; *out_count of them. NULL when memory is short. */
static char *wanted(const struct replay_bases *bases, const struct id128 *ids, size_t count,
                    size_t *out_count)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    *out_count = 0;
    if (!out) {
        return NULL;
    }
    fputc('{', out);
    for (size_t i = 0; i < count; i++) {
        char id[ID128_TEXT_BYTES];
        bool is_repeated = i > 0 && id128_eq(ids[i], ids[i - 1]);
        if (!is_repeated && !replay_bases_find(bases, ids[i]).ptr) {
            id128_format(ids[i], id);
            fprintf(out, "%s%s", *out_count ? "," : "", id);
            ++*out_count;
        }
    }
    fputc('}', out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

enum verdict replay_bases_fetch(struct replay_bases *bases, struct pg_conn *pg,
                                const struct id128 *ids, size_t count, struct err *err)
{
    size_t missing = 0;
    if (bases->count + count > COUNT_MAX || bases->bytes > BYTES_MAX) {
        forget_all(bases);
    }
    char *list = wanted(bases, ids, count, &missing);
    if (!list) {
        return err_set(err, RETRY, "replay_bases", "memory is short");
    }
    enum verdict verdict = OK;
    if (missing) {
        const char *params[] = {list};
        PGresult *result = PQexecParams(
            pg, "select base_id, body from graph.body_bases where base_id = any ($1::uuid[])", 1,
            NULL, params, NULL, NULL, 1);
        verdict = PQresultStatus(result) == PGRES_TUPLES_OK ? OK : pg_conn_fault(pg, result, err);
        for (int row = 0; verdict == OK && row < PQntuples(result); row++) {
            verdict = keep(bases, result, row, err);
        }
        PQclear(result);
    }
    free(list);
    return verdict;
}

struct str replay_bases_find(const struct replay_bases *bases, struct id128 id)
{
    const struct base *base = &bases->slots[slot_of(bases, id)];
    return (struct str){base->body, base->len};
}

void replay_bases_free(struct replay_bases *bases)
{
    if (bases) {
        forget_all(bases);
        free(bases);
    }
}
