#include "ingest/emitter_numbers.h"

#include "core/http_head.h"

#define ID_BYTES_MAX 128
#define REASON_BYTES_MAX 128
#define SEQUENCE_MAX (INT64_C(1) << 62)

static const char bad_emitter[] =
    "MetaOps-Emitter is not <id>; epoch=<number>; seq=<number from 1 to 2^62>";
static const char bad_gap[] =
    "MetaOps-Gap is not <from>-<to>; reason=<text>, with numbers from 1 to 2^62";

/* Digits alone, at least one and no more than max says. Takes them off text. */
static bool take_number(struct str *text, int64_t max, int64_t *out_number)
{
    int64_t number = 0;
    size_t at = 0;

    for (; at < text->len && text->ptr[at] >= '0' && text->ptr[at] <= '9'; at++) {
        int digit = text->ptr[at] - '0';
        if (number > (max - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *text = (struct str){text->ptr + at, text->len - at};
    *out_number = number;
    return at > 0;
}

static bool take_text(struct str *text, struct str wanted)
{
    if (text->len < wanted.len || memcmp(text->ptr, wanted.ptr, wanted.len) != 0) {
        return false;
    }
    *text = (struct str){text->ptr + wanted.len, text->len - wanted.len};
    return true;
}

/* "; " with any number of blanks. */
static bool take_semicolon(struct str *text)
{
    while (take_text(text, STR(" "))) {
    }
    if (!take_text(text, STR(";"))) {
        return false;
    }
    while (take_text(text, STR(" "))) {
    }
    return true;
}

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool read_emitter(struct str text, struct emitter_numbers *numbers)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] > 0x20 && text.ptr[len] < 0x7f && text.ptr[len] != ';' &&
           text.ptr[len] != ',') {
        len++;
    }
    numbers->id = (struct str){text.ptr, len};
    text = (struct str){text.ptr + len, text.len - len};
    return len >= 1 && len <= ID_BYTES_MAX && take_semicolon(&text) &&
           take_text(&text, STR("epoch=")) && take_number(&text, INT64_MAX, &numbers->epoch) &&
           take_semicolon(&text) && take_text(&text, STR("seq=")) &&
           take_number(&text, SEQUENCE_MAX, &numbers->sequence) && numbers->sequence >= 1 &&
           text.len == 0;
}

static bool read_gap(struct str text, struct lineage_gap *gap)
{
    if (!take_number(&text, SEQUENCE_MAX, &gap->from_seq) || !take_text(&text, STR("-")) ||
        !take_number(&text, SEQUENCE_MAX, &gap->to_seq) || gap->from_seq < 1 ||
        gap->from_seq > gap->to_seq) {
        return false;
    }
    gap->reason = STR("not said");
    if (text.len == 0) {
        return true;
    }
    if (!take_semicolon(&text) || !take_text(&text, STR("reason="))) {
        return false;
    }
    gap->reason = text;
    return text.len >= 1 && text.len <= REASON_BYTES_MAX && is_printable(text);
}

bool emitter_numbers_read(const struct http_head *head, struct emitter_numbers *out_numbers,
                          const char **out_reason)
{
    struct str emitter = http_head_get(head, "metaops-emitter");
    struct str gap = http_head_get(head, "metaops-gap");
    struct emitter_numbers numbers = {.has_gap = gap.ptr != NULL};

    if (emitter.ptr && !read_emitter(emitter, &numbers)) {
        *out_reason = bad_emitter;
        return false;
    }
    if (gap.ptr && !emitter.ptr) {
        *out_reason = "MetaOps-Gap stands without MetaOps-Emitter";
        return false;
    }
    if (gap.ptr && !read_gap(gap, &numbers.gap)) {
        *out_reason = bad_gap;
        return false;
    }
    *out_numbers = numbers;
    return true;
}

void emitter_numbers_apply(const struct emitter_numbers *numbers, size_t index,
                           struct lineage_event *ev)
{
    if (!numbers->id.ptr || (int64_t)index > SEQUENCE_MAX - numbers->sequence) {
        return;
    }
    ev->emitter_id = numbers->id;
    ev->emitter_epoch = numbers->epoch;
    ev->emitter_sequence = numbers->sequence + (int64_t)index;
    if (numbers->has_gap) {
        ev->gaps = &numbers->gap;
        ev->gap_count = 1;
    }
}
