#include "ingest/batch_split.h"

#include "core/json_skip.h"

static void skip_space(struct batch_split *split)
{
    split->at = json_skip_space(split->body, split->at);
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
    *out_text = str_trim((struct str){begin, lf ? (size_t)(lf - begin) : left}, JSON_SPACE);
    split->at += lf ? (size_t)(lf - begin) + 1 : left;
    return 1;
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
    end = json_skip_value(split->body, split->at, ']');
    if (end == split->body.len) {
        split->at = end;
        return broken("the array does not end", out_reason);
    }
    if (end == split->at) {
        return broken("an element is missing", out_reason);
    }
    *out_text = str_trim((struct str){split->body.ptr + split->at, end - split->at}, JSON_SPACE);
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
