/* json_fault.c - the first fault of a text that json_parse refused.
 *
 * Reads byte by byte, shares no code with the walk, and runs for refused texts only. The fault is
 * the first byte that no acceptable text could have there, so a text that is cut short fails at its
 * end; for bytes that are no UTF-8 it is the start of their sequence. */
#include "core/json_impl.h"

#include <stdio.h>
#include <string.h>

struct level {
    bool is_object;
    uint32_t index;     /* of the current element */
    struct str raw_key; /* of the current member, without quotes */
};

struct finder {
    const char *text;
    size_t len;
    size_t pos;
    uint32_t depth;
    uint32_t depth_max;
    uint32_t values;
    uint32_t values_max;
    bool in_value; /* inside a value of the innermost level, not between its values */
    char reason[sizeof(((struct json_fault *)0)->reason)];
    struct level levels[JSON_DEPTH_LIMIT];
};

static bool finder_fail(struct finder *f, const char *reason)
{
    snprintf(f->reason, sizeof(f->reason), "%s", reason);
    return false;
}

/* `what`, and the byte that stands there instead. */
static bool finder_fail_byte(struct finder *f, const char *what)
{
    unsigned char c = f->pos < f->len ? (unsigned char)f->text[f->pos] : 0;

    if (f->pos >= f->len) {
        snprintf(f->reason, sizeof(f->reason), "the text ends where %s", what);
    } else if (c > 0x20 && c < 0x7F) {
        snprintf(f->reason, sizeof(f->reason), "'%c' where %s", c, what);
    } else {
        snprintf(f->reason, sizeof(f->reason), "byte 0x%02x where %s", c, what);
    }
    return false;
}

/* The byte at pos, or -1 at the end. */
static int finder_peek(const struct finder *f)
{
    return f->pos < f->len ? (unsigned char)f->text[f->pos] : -1;
}

static void finder_skip_space(struct finder *f)
{
    while (f->pos < f->len && json_is_space(f->text[f->pos])) {
        f->pos++;
    }
}

static bool finder_count(struct finder *f)
{
    if (f->values >= f->values_max) {
        snprintf(f->reason, sizeof(f->reason), "more than %u keys and values", f->values_max);
        return false;
    }
    f->values++;
    return true;
}

static bool finder_escape(struct finder *f)
{
    f->pos++;
    int c = finder_peek(f);
    if (c < 0) {
        return finder_fail(f, "the text ends inside a string");
    }
    if (c == 0 || !strchr("\"\\/bfnrtu", c)) {
        return finder_fail_byte(f, "an escape is due (one of \" \\ / b f n r t u)");
    }
    f->pos++;
    for (int i = 0; c == 'u' && i < 4; i++, f->pos++) {
        if (f->pos >= f->len) {
            return finder_fail(f, "the text ends inside a string");
        }
        if (json_text_hex(f->text[f->pos]) < 0) {
            return finder_fail_byte(f, "a hexadecimal digit is due");
        }
    }
    return true;
}

/* Length of the UTF-8 sequence at pos, 0 when there is none (Unicode, table 3-7). */
static size_t finder_utf8_len(const struct finder *f)
{
    const unsigned char *p = (const unsigned char *)f->text + f->pos;
    size_t room = f->len - f->pos;
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    unsigned char low = 0x80, high = 0xBF;

    if (p[0] < 0xC2 || p[0] > 0xF4 || room < len) {
        return 0;
    }
    switch (p[0]) {
    case 0xE0:
        low = 0xA0;
        break;
    case 0xED:
        high = 0x9F;
        break;
    case 0xF0:
        low = 0x90;
        break;
    case 0xF4:
        high = 0x8F;
        break;
    }
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* From the opening quote to behind the closing one. */
static bool finder_string(struct finder *f)
{
    f->pos++;
    for (;;) {
        int c = finder_peek(f);
        if (c < 0) {
            return finder_fail(f, "the text ends inside a string");
        }
        if (c == '"') {
            f->pos++;
            return true;
        }
        if (c < 0x20) {
            snprintf(f->reason, sizeof(f->reason), "a bare control byte 0x%02x inside a string", c);
            return false;
        }
        if (c == '\\') {
            if (!finder_escape(f)) {
                return false;
            }
        } else if (c < 0x80) {
            f->pos++;
        } else {
            size_t len = finder_utf8_len(f);
            if (len == 0) {
                return finder_fail(f, "not UTF-8");
            }
            f->pos += len;
        }
    }
}

static bool finder_word(struct finder *f, const char *word)
{
    for (; *word; word++, f->pos++) {
        if (finder_peek(f) != *word) {
            return finder_fail_byte(f, "a value is due that is no JSON");
        }
    }
    return true;
}

static bool finder_digits(struct finder *f)
{
    int c = finder_peek(f);

    if (c < '0' || c > '9') {
        return finder_fail_byte(f, "a digit is due");
    }
    while (c >= '0' && c <= '9') {
        f->pos++;
        c = finder_peek(f);
    }
    return true;
}

static bool finder_number(struct finder *f)
{
    if (finder_peek(f) == '-') {
        f->pos++;
        if (finder_peek(f) == 'I') {
            return finder_word(f, "Infinity");
        }
    }
    if (finder_peek(f) == '0') {
        f->pos++;
        if (finder_peek(f) >= '0' && finder_peek(f) <= '9') {
            return finder_fail(f, "a number with a leading zero");
        }
    } else if (!finder_digits(f)) {
        return false;
    }
    if (finder_peek(f) == '.') {
        f->pos++;
        if (!finder_digits(f)) {
            return false;
        }
    }
    if (finder_peek(f) == 'e' || finder_peek(f) == 'E') {
        f->pos++;
        if (finder_peek(f) == '+' || finder_peek(f) == '-') {
            f->pos++;
        }
        return finder_digits(f);
    }
    return true;
}

static bool finder_scalar(struct finder *f)
{
    switch (finder_peek(f)) {
    case '"':
        return finder_string(f);
    case 'n':
        return finder_word(f, "null");
    case 't':
        return finder_word(f, "true");
    case 'f':
        return finder_word(f, "false");
    case 'N':
        return finder_word(f, "NaN");
    case 'I':
        return finder_word(f, "Infinity");
    case '-':
    case '0' ... '9':
        return finder_number(f);
    case 0xEF:
        if (f->pos == 0 && f->len >= 3 && memcmp(f->text, "\xEF\xBB\xBF", 3) == 0) {
            return finder_fail(f, "a byte order mark before the JSON");
        }
        break;
    }
    return finder_fail_byte(f, "a value is due");
}

/* A member's key and the colon. */
static bool finder_key(struct finder *f)
{
    struct level *level = &f->levels[f->depth - 1];

    finder_skip_space(f);
    if (finder_peek(f) != '"') {
        return finder_fail_byte(f, "a key in double quotes is due");
    }
    if (!finder_count(f)) {
        return false;
    }
    size_t start = f->pos + 1;
    if (!finder_string(f)) {
        return false;
    }
    level->raw_key = (struct str){f->text + start, f->pos - 1 - start};
    finder_skip_space(f);
    if (finder_peek(f) != ':') {
        return finder_fail_byte(f, "a colon is due");
    }
    f->pos++;
    return true;
}

/* Enters a container, up to its first value; or leaves it at once: *out_due is false then. */
static bool finder_open(struct finder *f, bool *out_due)
{
    bool is_object = f->text[f->pos] == '{';

    if (f->depth >= f->depth_max) {
        snprintf(f->reason, sizeof(f->reason), "more than %u levels of brackets", f->depth_max);
        return false;
    }
    f->levels[f->depth++] = (struct level){.is_object = is_object};
    f->in_value = false;
    f->pos++;
    finder_skip_space(f);
    if (finder_peek(f) == (is_object ? '}' : ']')) {
        f->pos++;
        f->depth--;
        return true;
    }
    *out_due = true;
    return !is_object || finder_key(f);
}

static bool finder_value(struct finder *f, bool *out_due)
{
    *out_due = false;
    finder_skip_space(f);
    int c = finder_peek(f);
    if (c <= 0 || strchr(",:]}", c)) {
        return finder_fail_byte(f, "a value is due");
    }
    f->in_value = true;
    if (!finder_count(f)) {
        return false;
    }
    if (c == '{' || c == '[') {
        return finder_open(f, out_due);
    }
    return finder_scalar(f);
}

static bool finder_after(struct finder *f)
{
    f->in_value = false;
    while (f->depth) {
        struct level *level = &f->levels[f->depth - 1];
        finder_skip_space(f);
        int c = finder_peek(f);
        if (c == ',') {
            f->pos++;
            level->index++;
            return !level->is_object || finder_key(f);
        }
        if (c != (level->is_object ? '}' : ']')) {
            return finder_fail_byte(f, level->is_object ? "a comma or '}' is due"
                                                        : "a comma or ']' is due");
        }
        f->pos++;
        f->depth--;
    }
    return true;
}

static bool finder_run(struct finder *f)
{
    bool due;

    do {
        if (!finder_value(f, &due) || (!due && !finder_after(f))) {
            return false;
        }
    } while (due || f->depth);
    finder_skip_space(f);
    return f->pos == f->len || finder_fail_byte(f, "the text should end");
}

bool json_fault_find(struct str text, uint32_t depth_max, uint32_t values_max,
                     struct json_fault *out_fault)
{
    struct finder f = {
        .text = text.ptr, .len = text.len, .depth_max = depth_max, .values_max = values_max};
    struct json_path path;

    if (finder_run(&f)) {
        return false;
    }
    out_fault->offset = f.pos;
    memcpy(out_fault->reason, f.reason, sizeof(f.reason));
    json_path_init(&path, out_fault->pointer, sizeof(out_fault->pointer));
    for (uint32_t i = 0; i < f.depth && (i + 1 < f.depth || f.in_value); i++) {
        if (f.levels[i].is_object) {
            json_path_add_key(&path, f.levels[i].raw_key);
        } else {
            json_path_add_index(&path, f.levels[i].index);
        }
    }
    return true;
}
