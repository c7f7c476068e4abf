/* Any bytes as a record of the events topic: refused, or decoded to an event that encodes and
 * decodes to itself again. The first byte of the input says how to frame the rest, so that the
 * fuzzer need not find the fingerprints. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "schemas/dead_letter.h"
#include "schemas/event_codec.h"

#define BODY_MAX ((size_t)64 * 1024)
#define HEAD_BYTES 10
#define HEADS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_text(struct str a, struct str b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && str_eq(a, b);
}

static void fuzz_event(struct event_codec *codec, struct arena *arena, struct str bytes)
{
    struct lineage_event ev;
    struct lineage_event back;
    struct err err;
    void *again;
    size_t len;

    enum verdict verdict = event_codec_decode(codec, bytes, arena, &ev, &err);
    require(verdict == OK || verdict == REJECT);
    if (verdict != OK) {
        return;
    }
    require(ev.body.len <= BODY_MAX);
    require(id128_eq(ev.event_id, lineage_event_id(ev.body)));
    require(event_codec_encode(codec, &ev, &again, &len, &err) == OK);
    require(event_codec_decode(codec, (struct str){again, len}, arena, &back, &err) == OK);
    require(str_eq(ev.body, back.body) && ev.received_at_us == back.received_at_us &&
            ev.source == back.source && ev.redactions == back.redactions);
    require(same_text(ev.principal, back.principal) && same_text(ev.emitter_id, back.emitter_id) &&
            same_text(ev.idempotency_key, back.idempotency_key));
    free(again);
}

static void fuzz_letter(struct str bytes)
{
    struct dead_letter letter;
    struct err err;
    void *again;
    size_t len;

    if (dead_letter_decode(bytes, &letter, &err) != OK) {
        return;
    }
    require(dead_letter_encode(&letter, &again, &len, &err) == OK);
    require(dead_letter_decode((struct str){again, len}, &letter, &err) == OK);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char heads[HEADS][HEAD_BYTES + 1] = {
        "\xC3\x01\x9A\x1B\x23\x1E\x4A\x61\xCD\x9F",
        "\xC3\x01\xAE\x6D\x1E\x61\x48\xDC\x96\xE0",
        "\xC3\x01\x53\x88\xAA\x6A\xA3\xD5\xD9\xB2",
    };
    static struct event_codec *codec;
    static struct arena *arena;

    if (!codec) {
        codec = event_codec_new(BODY_MAX);
        arena = arena_new(4 * BODY_MAX);
        require(codec && arena);
    }
    if (size == 0) {
        return 0;
    }
    size_t head = data[0] < HEADS ? HEAD_BYTES : 0;
    size_t len = head + size - 1;
    char *bytes = malloc(len ? len : 1);
    require(bytes != NULL);
    if (head) {
        memcpy(bytes, heads[data[0]], head);
    }
    memcpy(bytes + head, data + 1, size - 1);
    arena_reset(arena, BODY_MAX);
    fuzz_event(codec, arena, (struct str){bytes, len});
    fuzz_letter((struct str){bytes, len});
    free(bytes);
    return 0;
}
