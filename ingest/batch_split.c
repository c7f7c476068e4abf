#include "ingest/batch_split.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct batch_split *split)
{
    while (split->at < split->body.len && is_space(split->body.ptr[split->at])) {
        split->at++;
    }
}

bool batch_split_init(struct batch_split *split, struct str body, bool is_ndjson)
{
    *split = (struct batch_split){.body = body};
    skip_space(split);
    if (is_ndjson) {
        return true;
    }
    if (split->at == body.len || (body.ptr[split->at] != '[' && body.ptr[split->at] != '{')) {
        return false;
    }
    split->is_array = body.ptr[split->at] == '[';
    split->at += split->is_array ? 1 : 0;
    return true;
}

static int broken(const char *reason, const char **out_reason)
{
    *out_reason = reason;
    return -1;
}

static struct str trimmed(struct str text)
{
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

static int next_line(struct batch_split *split, struct str *out_text)
{
    const char *begin;
    const char *lf;
    size_t left;

    skip_space(split);
    if (split->at == split->body.len) {
        return 0;
    }
    begin = split->body.ptr + split->at;
    left = split->body.len - split->at;
    lf = memchr(begin, '\n', left);
    *out_text = trimmed((struct str){begin, lf ? (size_t)(lf - begin) : left});
    split->at += lf ? (size_t)(lf - begin) + 1 : left;
    return 1;
}

/* Index of the comma or bracket that ends the element at split->at, or body.len. Only strings
 * and nesting matter; whether the element is JSON is found out by whoever parses it. */
static size_t find_end(const struct batch_split *split)
{
    bool is_string = false;
    size_t depth = 0;

    for (size_t i = split->at; i < split->body.len; i++) {
        char c = split->body.ptr[i];

        if (is_string) {
            is_string = c != '"';
            i += c == '\\' ? 1 : 0;
        } else if (c == '"') {
            is_string = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if (depth == 0 && (c == ',' || c == ']')) {
            return i;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return split->body.len;
}

static int end_array(struct batch_split *split, const char **out_reason)
{
    split->at++;
    skip_space(split);
    split->is_done = true;
    return split->at == split->body.len ? 0
                                        : broken("something stands behind the array", out_reason);
}

static int next_element(struct batch_split *split, struct str *out_text, const char **out_reason)
{
    size_t end;

    skip_space(split);
    if (split->at < split->body.len && split->body.ptr[split->at] == ']' && !split->has_items) {
        return end_array(split, out_reason);
    }
    end = find_end(split);
    if (end == split->body.len) {
        split->at = end;
        return broken("the array does not end", out_reason);
    }
    if (end == split->at) {
        return broken("an element is missing", out_reason);
    }
    *out_text = trimmed((struct str){split->body.ptr + split->at, end - split->at});
    split->has_items = true;
    split->at = end;
    if (split->body.ptr[end] == ',') {
        split->at++;
        return 1;
    }
    return end_array(split, out_reason) < 0 ? -1 : 1;
}

int batch_split_next(struct batch_split *split, struct str *out_text, const char **out_reason)
{
    if (split->is_done) {
        return 0;
    }
    return split->is_array ? next_element(split, out_text, out_reason) : next_line(split, out_text);
}
