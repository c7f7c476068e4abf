#include "schemas/alert_record.h"

#include <stdlib.h>

#include "schemas/wire_writer.h"

#define FINGERPRINT_V1 UINT64_C(0xa510b55ca45df383)
#define NUMBERS 22 /* numbers, branches and lengths, at most */

enum verdict alert_record_encode(const struct alert_record *record, void **out_bytes,
                                 size_t *out_len, struct err *err)
{
    size_t room = WIRE_HEAD_BYTES + NUMBERS * WIRE_NUMBER_BYTES_MAX +
                  sizeof(record->alert_id.bytes) + record->what.len + record->kind.len +
                  record->severity.len + record->status.len + record->subject_kind.len +
                  record->subject_namespace.len + record->subject_name.len + record->field.len +
                  record->title.len + record->run_id.len + record->detail.len +
                  record->downstream.len;
    uint8_t *bytes = malloc(room);

    if (!bytes) {
        return err_set(err, RETRY, "alert_record", "no memory for a record of %zu bytes", room);
    }
    struct wire_writer wr = {.pos = bytes, .end = bytes + room};
    wire_writer_head(&wr, FINGERPRINT_V1);
    wire_writer_number(&wr, record->outbox_id);
    wire_writer_number(&wr, record->at_us);
    wire_writer_bytes(&wr, record->what);
    wire_writer_raw(&wr, record->alert_id.bytes, sizeof(record->alert_id.bytes));
    wire_writer_bytes(&wr, record->kind);
    wire_writer_bytes(&wr, record->severity);
    wire_writer_bytes(&wr, record->status);
    wire_writer_nullable_bytes(&wr, record->subject_kind);
    wire_writer_nullable_bytes(&wr, record->subject_namespace);
    wire_writer_nullable_bytes(&wr, record->subject_name);
    wire_writer_nullable_bytes(&wr, record->field);
    wire_writer_bytes(&wr, record->title);
    wire_writer_number(&wr, record->opened_at_us);
    wire_writer_number(&wr, record->event_time_us);
    wire_writer_nullable_bytes(&wr, record->run_id);
    wire_writer_number(&wr, record->occurrences);
    wire_writer_bytes(&wr, record->detail);
    wire_writer_bytes(&wr, record->downstream);
    *out_bytes = bytes;
    *out_len = (size_t)(wr.pos - bytes);
    return OK;
}
