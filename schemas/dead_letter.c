#include "schemas/dead_letter.h"

#include <stdlib.h>

#include "schemas/framing.h"
#include "schemas/wire_reader.h"
#include "schemas/wire_writer.h"

#define FINGERPRINT_V1 UINT64_C(0xe096dc48611e6dae)

enum verdict dead_letter_encode(const struct dead_letter *letter, void **out_bytes, size_t *out_len,
                                struct err *err)
{
    /* 13 numbers, branches and lengths at most, the boolean and the id beside the texts. */
    size_t room = WIRE_HEAD_BYTES + 13 * WIRE_NUMBER_BYTES_MAX + 1 +
                  sizeof(letter->letter_id.bytes) + letter->stage.len + letter->reason.len +
                  letter->json_pointer.len + letter->topic.len + letter->value.len;
    uint8_t *bytes = malloc(room);
    uint8_t has_event_id = letter->has_event_id;

    if (!bytes) {
        return err_set(err, RETRY, "dead_letter", "no memory for a record of %zu bytes", room);
    }
    struct wire_writer wr = {.pos = bytes, .end = bytes + room};
    wire_writer_head(&wr, FINGERPRINT_V1);
    wire_writer_raw(&wr, letter->letter_id.bytes, sizeof(letter->letter_id.bytes));
    wire_writer_raw(&wr, &has_event_id, 1);
    wire_writer_number(&wr, letter->failed_at_us);
    wire_writer_text_lossy(&wr, letter->stage);
    wire_writer_text_lossy(&wr, letter->reason);
    wire_writer_number(&wr, letter->json_pointer.ptr != NULL);
    if (letter->json_pointer.ptr) {
        wire_writer_text_lossy(&wr, letter->json_pointer);
    }
    wire_writer_nullable_number(&wr, letter->byte_offset >= 0, letter->byte_offset);
    wire_writer_text_lossy(&wr, letter->topic);
    wire_writer_number(&wr, letter->partition);
    wire_writer_number(&wr, letter->kafka_offset);
    wire_writer_number(&wr, letter->timestamp_ms);
    wire_writer_bytes(&wr, letter->value);
    *out_bytes = bytes;
    *out_len = (size_t)(wr.pos - bytes);
    return OK;
}

enum verdict dead_letter_decode(struct str bytes, struct dead_letter *out_letter, struct err *err)
{
    struct wire_reader rd;
    uint64_t fingerprint;
    size_t head_bytes;
    struct dead_letter letter = {0};

    if (framing_read(NULL, bytes, &fingerprint, &head_bytes, err) != OK ||
        fingerprint != FINGERPRINT_V1) {
        return err_set(err, REJECT, "dead_letter", "no dead letter of a known schema");
    }
    wire_reader_init(&rd, bytes, head_bytes);
    wire_reader_fixed(&rd, "letter_id", letter.letter_id.bytes, sizeof(letter.letter_id.bytes));
    letter.has_event_id = wire_reader_bool(&rd, "has_event_id");
    letter.failed_at_us = wire_reader_long(&rd, "failed_at_us");
    letter.stage = wire_reader_text(&rd, "stage");
    letter.reason = wire_reader_text(&rd, "reason");
    letter.json_pointer = wire_reader_nullable_text(&rd, "json_pointer");
    if (!wire_reader_nullable_long(&rd, "byte_offset", &letter.byte_offset)) {
        letter.byte_offset = -1;
    }
    letter.topic = wire_reader_text(&rd, "topic");
    letter.partition = wire_reader_int(&rd, "partition");
    letter.kafka_offset = wire_reader_long(&rd, "kafka_offset");
    letter.timestamp_ms = wire_reader_long(&rd, "timestamp_ms");
    letter.value = wire_reader_bytes(&rd, "value");

    enum verdict verdict = wire_reader_finish(&rd, "dead_letter", err);
    if (verdict == OK) {
        *out_letter = letter;
    }
    return verdict;
}
