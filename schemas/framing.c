#include "schemas/framing.h"

#include <stdbool.h>
#include <string.h>

#define WHERE "framing"
#define OBJECT_HEAD_BYTES 10
#define REGISTRY_HEAD_BYTES 5

static bool is_object(struct str bytes)
{
    return bytes.len >= OBJECT_HEAD_BYTES && (uint8_t)bytes.ptr[0] == 0xC3 &&
           (uint8_t)bytes.ptr[1] == 0x01;
}

static uint64_t object_fingerprint(struct str bytes)
{
    uint64_t fingerprint = 0;

    for (int i = 0; i < 8; i++) {
        fingerprint |= (uint64_t)(uint8_t)bytes.ptr[2 + i] << (8 * i);
    }
    return fingerprint;
}

enum verdict framing_write(struct framing *framing, void *bytes, size_t *len, struct err *err)
{
    struct str record = {bytes, *len};
    uint8_t *out = bytes;
    uint32_t id;

    if (!framing) {
        return OK;
    }
    if (!is_object(record)) {
        return err_set(err, REJECT, WHERE, "BUG: a record without a head");
    }
    enum verdict verdict = framing->id(framing, object_fingerprint(record), &id, err);
    if (verdict != OK) {
        return verdict;
    }
    out[0] = 0;
    for (int i = 0; i < 4; i++) {
        out[1 + i] = (uint8_t)(id >> (24 - 8 * i));
    }
    memmove(out + REGISTRY_HEAD_BYTES, out + OBJECT_HEAD_BYTES, *len - OBJECT_HEAD_BYTES);
    *len -= OBJECT_HEAD_BYTES - REGISTRY_HEAD_BYTES;
    return OK;
}

enum verdict framing_read(struct framing *framing, struct str bytes, uint64_t *out_fingerprint,
                          size_t *out_head_bytes, struct err *err)
{
    if (is_object(bytes)) {
        *out_fingerprint = object_fingerprint(bytes);
        *out_head_bytes = OBJECT_HEAD_BYTES;
        return OK;
    }
    if (bytes.len < REGISTRY_HEAD_BYTES || bytes.ptr[0] != 0) {
        return err_set(err, REJECT, WHERE,
                       "neither Avro single-object encoding (C3 01) nor a registry's id (00)");
    }
    if (!framing) {
        return err_set(err, REJECT, WHERE,
                       "the record names a schema registry's id, but schema_registry.url is empty");
    }
    uint32_t id = 0;
    for (int i = 0; i < 4; i++) {
        id = id << 8 | (uint8_t)bytes.ptr[1 + i];
    }
    *out_head_bytes = REGISTRY_HEAD_BYTES;
    return framing->fingerprint(framing, id, out_fingerprint, err);
}
