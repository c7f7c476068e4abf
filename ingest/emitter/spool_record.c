#include "ingest/emitter/spool_record.h"

#include <endian.h>
#include <string.h>

#include "ingest/emitter/crc32c.h"

#define SEGMENT_MARK "MOSPOOL1"
#define RECORD_MARK "MoR\x01"
#define MARK_BYTES 4
#define SUM_END 8 /* the checksum covers what is behind it */

static void spool_record_put32(uint8_t *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, 4);
}

static void spool_record_put64(uint8_t *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, 8);
}

static uint32_t spool_record_get32(const char *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, 4);
    return le32toh(value);
}

static uint64_t spool_record_get64(const char *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, 8);
    return le64toh(value);
}

/* mark 8, checksum 4, length of the name 4, epoch 8, name */
size_t spool_record_segment_head(const struct spool_identity *identity,
                                 uint8_t out[SPOOL_SEGMENT_HEAD_BYTES_MAX])
{
    size_t len = strlen(identity->emitter);

    memcpy(out, SEGMENT_MARK, 8);
    spool_record_put32(out + 12, (uint32_t)len);
    spool_record_put64(out + 16, (uint64_t)identity->epoch);
    memcpy(out + 24, identity->emitter, len);
    spool_record_put32(out + 8, crc32c(0, out + 12, 12 + len));
    return 24 + len;
}

long spool_record_segment_parse(struct str bytes, struct spool_identity *out_identity)
{
    size_t at_hand = bytes.len < 8 ? bytes.len : 8;

    if (memcmp(bytes.ptr, SEGMENT_MARK, at_hand) != 0) {
        return -1;
    }
    if (bytes.len < 24) {
        return 0;
    }
    size_t len = spool_record_get32(bytes.ptr + 12);
    if (len == 0 || len > EMITTER_NAME_BYTES_MAX) {
        return -1;
    }
    if (bytes.len < 24 + len) {
        return 0;
    }
    if (spool_record_get32(bytes.ptr + 8) != crc32c(0, bytes.ptr + 12, 12 + len)) {
        return -1;
    }
    /* The file may be anybody's: a name that no emitter has must not get into a header. */
    if (!emitter_config_is_name((struct str){.ptr = bytes.ptr + 24, .len = len})) {
        return -1;
    }
    memcpy(out_identity->emitter, bytes.ptr + 24, len);
    out_identity->emitter[len] = '\0';
    out_identity->epoch = (int64_t)spool_record_get64(bytes.ptr + 16);
    return (long)(24 + len);
}

/* mark 4, checksum 4, length 4, redactions 4, number 8, time 8, key 16, reserved 4 */
void spool_record_head(const struct spool_record *record, uint8_t out[SPOOL_RECORD_HEAD_BYTES])
{
    memcpy(out, RECORD_MARK, MARK_BYTES);
    spool_record_put32(out + 8, (uint32_t)record->event.len);
    spool_record_put32(out + 12, record->redactions);
    spool_record_put64(out + 16, record->sequence);
    spool_record_put64(out + 24, (uint64_t)record->emitted_at_us);
    memcpy(out + 32, record->key.bytes, 16);
    spool_record_put32(out + 48, 0);
    uint32_t sum = crc32c(0, out + SUM_END, SPOOL_RECORD_HEAD_BYTES - SUM_END);
    spool_record_put32(out + 4, crc32c(sum, record->event.ptr, record->event.len));
}

/* The distance to the next place, behind the first byte, where a record could begin. */
static size_t spool_record_skip(struct str bytes)
{
    for (size_t at = 1; at < bytes.len; at++) {
        const char *next = memchr(bytes.ptr + at, RECORD_MARK[0], bytes.len - at);
        if (!next) {
            return bytes.len;
        }
        at = (size_t)(next - bytes.ptr);
        size_t at_hand = bytes.len - at < MARK_BYTES ? bytes.len - at : MARK_BYTES;
        if (memcmp(next, RECORD_MARK, at_hand) == 0) {
            return at;
        }
    }
    return bytes.len;
}

enum spool_found spool_record_parse(struct str bytes, struct spool_record *out_record,
                                    size_t *out_bytes)
{
    size_t at_hand = bytes.len < MARK_BYTES ? bytes.len : MARK_BYTES;

    *out_bytes = SPOOL_RECORD_HEAD_BYTES;
    if (memcmp(bytes.ptr, RECORD_MARK, at_hand) != 0) {
        *out_bytes = spool_record_skip(bytes);
        return SPOOL_DAMAGED;
    }
    if (bytes.len < SPOOL_RECORD_HEAD_BYTES) {
        return SPOOL_MORE;
    }
    size_t len = spool_record_get32(bytes.ptr + 8);
    if (len > SPOOL_EVENT_BYTES_MAX) {
        *out_bytes = spool_record_skip(bytes);
        return SPOOL_DAMAGED;
    }
    *out_bytes = SPOOL_RECORD_HEAD_BYTES + len;
    if (bytes.len < *out_bytes) {
        return SPOOL_MORE;
    }
    if (spool_record_get32(bytes.ptr + 4) != crc32c(0, bytes.ptr + SUM_END, *out_bytes - SUM_END)) {
        *out_bytes = spool_record_skip(bytes);
        return SPOOL_DAMAGED;
    }
    *out_record = (struct spool_record){
        .sequence = spool_record_get64(bytes.ptr + 16),
        .emitted_at_us = (int64_t)spool_record_get64(bytes.ptr + 24),
        .redactions = spool_record_get32(bytes.ptr + 12),
        .event = {.ptr = bytes.ptr + SPOOL_RECORD_HEAD_BYTES, .len = len},
    };
    memcpy(out_record->key.bytes, bytes.ptr + 32, 16);
    return SPOOL_FOUND;
}
