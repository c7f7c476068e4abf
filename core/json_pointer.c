#include "core/json_impl.h"

#include <stdio.h>
#include <string.h>

void json_path_init(struct json_path *path, char *out, size_t size)
{
    *path = (struct json_path){.out = out, .size = size, .full = size == 0};
    if (size) {
        out[0] = '\0';
    }
}

/* All of it or nothing, and after the first nothing no more. */
static void json_path_add(struct json_path *path, const char *text, size_t len)
{
    if (path->full || path->size - path->len <= len) {
        path->full = true;
        return;
    }
    memcpy(path->out + path->len, text, len);
    path->len += len;
    path->out[path->len] = '\0';
}

void json_path_add_index(struct json_path *path, uint32_t index)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "/%u", index);

    json_path_add(path, text, (size_t)len);
}

static size_t json_path_char_len(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    size_t len = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

    return len <= (size_t)(end - p) ? len : (size_t)(end - p);
}

void json_path_add_key(struct json_path *path, struct str raw)
{
    const char *p = raw.ptr, *end = raw.ptr + raw.len;

    json_path_add(path, "/", 1);
    while (p < end && !path->full) {
        char piece[4];
        size_t len;
        if (*p == '\\') {
            uint32_t code = json_text_escape(&p, end);
            len = json_text_put(piece, code && !json_text_is_surrogate(code) ? code : 0xFFFD);
        } else {
            len = json_path_char_len(p, end);
            memcpy(piece, p, len);
            p += len;
        }
        if (piece[0] == '~') {
            json_path_add(path, "~0", 2);
        } else if (piece[0] == '/') {
            json_path_add(path, "~1", 2);
        } else {
            json_path_add(path, piece, len);
        }
    }
}

void json_pointer(const struct json_doc *doc, const struct json_value *value, char *out,
                  size_t size)
{
    const struct json_value *parent = json_root(doc);
    uint32_t target = json_index(doc, value);
    struct json_path path;

    json_path_init(&path, out, size);
    while (parent && json_index(doc, parent) < target) {
        const struct json_value *child = json_first(doc, parent);
        uint32_t index = 0;
        bool is_object = parent->type == JSON_OBJECT;
        while (child && (is_object ? child + 1 : child)->next <= target) {
            child = json_next(doc, parent, is_object ? child + 1 : child);
            index++;
        }
        if (!child) {
            return;
        }
        if (is_object) {
            struct str raw = json_raw(doc, child);
            json_path_add_key(&path, (struct str){raw.ptr + 1, raw.len - 2});
            child = child + 1;
        } else {
            json_path_add_index(&path, index);
        }
        parent = child;
    }
}
