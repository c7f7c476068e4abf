/* Any JSON as what MetaOps says of itself: refused with a place inside the text, or read; a change
 * of a key that was read is written, and read again, as the same. And any bytes as an API key. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "schemas/key_change.h"
#include "schemas/refusal_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_doc *doc;
static struct arena *arena;

/* text is followed by the padding. The verdict of the last step. */
static enum verdict read_change(struct str text, struct key_change *out_change,
                                struct json_fault *fault)
{
    struct cloud_event ce;
    struct err err;
    enum verdict verdict = json_parse(doc, text, fault, &err);

    if (verdict == OK) {
        verdict = cloud_event_read(doc, arena, &ce, fault, &err);
    }
    if (verdict == OK && str_eq(ce.type, STR(REFUSAL_REPORT_TYPE))) {
        struct refusal_report report;
        if (refusal_report_read(doc, &ce, arena, &report, fault, &err) == OK) {
            for (uint32_t i = 0; i < report.entry_count; i++) {
                require(report.entries[i].key_id.len > 0 && report.entries[i].count >= 0);
            }
        }
        return REJECT;
    }
    if (verdict == OK && !key_change_is(ce.type)) {
        return REJECT;
    }
    return verdict == OK ? key_change_read(doc, &ce, arena, out_change, fault, &err) : verdict;
}

static void require_same(const struct key_change *a, const struct key_change *b)
{
    require(a->is_revoked == b->is_revoked && a->at_us == b->at_us);
    require(str_eq(a->key_id, b->key_id));
    require(a->is_revoked || api_key_hash_eq(&a->hash, &b->hash));
    require(a->namespace_count == b->namespace_count);
    require(a->expires_at_us == b->expires_at_us && a->burst == b->burst);
    require(a->rate_per_s == b->rate_per_s && a->bytes_per_day == b->bytes_per_day);
    require(!fuzz_is_utf8(a->name) || str_eq(a->name, b->name));
    for (uint32_t i = 0; i < a->namespace_count; i++) {
        require(!fuzz_is_utf8(a->namespaces[i]) || str_eq(a->namespaces[i], b->namespaces[i]));
        (void)api_key_scope_match(a->namespaces[i], a->name);
    }
}

static void fuzz_key(struct str text)
{
    struct str id;

    if (api_key_parse(text, &id)) {
        require(text.len == API_KEY_CHARS && api_key_is_id(id));
    }
    for (size_t at = 0; at < text.len && at < 64; at += 7) {
        struct str name = {text.ptr + at, text.len - at};
        require(api_key_scope_match(STR("*"), name));
        (void)api_key_scope_match((struct str){text.ptr, at}, name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_fault fault = {0};
    struct key_change change;

    if (!doc) {
        doc = json_doc_new(16, 100000);
        arena = arena_new((size_t)64 * 1024 * 1024);
        require(doc && arena);
    }
    char *text = fuzz_padded(data, size);
    arena_reset(arena, 1 << 16);
    fuzz_key((struct str){text, size});
    enum verdict verdict = read_change((struct str){text, size}, &change, &fault);
    require(verdict == OK || verdict == REJECT);
    if (verdict == OK) {
        struct key_change again;
        struct str written = key_change_write(&change);
        require(written.ptr != NULL);
        char *padded = fuzz_padded(written.ptr, written.len);
        if (read_change((struct str){padded, written.len}, &again, NULL) == OK) {
            require_same(&change, &again);
        }
        free(padded);
        free((char *)written.ptr);
    } else if (fault.reason[0]) {
        require(fault.offset <= size);
    }
    free(text);
    return 0;
}
