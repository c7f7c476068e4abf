#include "ingest/http_reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "core/http_head.h"

struct reply_head {
    int status;
    bool keep_alive;
    int retry_after_s;
    bool has_length;
    uint64_t length;
    bool is_chunked;
};

static bool http_reply_number(struct str text, uint64_t max, uint64_t *out_number)
{
    uint64_t number = 0;

    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        number = 10 * number + (uint64_t)(text.ptr[i] - '0');
        if (number > max) {
            return false;
        }
    }
    *out_number = number;
    return true;
}

static bool http_reply_is(struct str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

static bool http_reply_header(struct str line, struct reply_head *head)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon) {
        return false;
    }
    struct str name = {.ptr = line.ptr, .len = (size_t)(colon - line.ptr)};
    struct str value = {.ptr = colon + 1, .len = line.len - name.len - 1};
    uint64_t number = 0;

    value = str_trim(value, " \t");
    if (http_reply_is(name, "content-length")) {
        head->has_length = true;
        return http_reply_number(value, HTTP_REPLY_BYTES_MAX, &head->length);
    }
    if (http_reply_is(name, "transfer-encoding")) {
        head->is_chunked = true;
        return http_reply_is(value, "chunked");
    }
    if (http_reply_is(name, "connection")) {
        head->keep_alive =
            head->keep_alive ? !http_reply_is(value, "close") : http_reply_is(value, "keep-alive");
    } else if (http_reply_is(name, "retry-after") && http_reply_number(value, 3600, &number)) {
        head->retry_after_s = (int)number; /* a date is left to our own back-off */
    }
    return true;
}

/* Bytes of the head, 0 for more, -1. */
static long http_reply_head(struct str text, struct reply_head *head)
{
    const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    uint64_t status = 0;

    if (!end) {
        return text.len > 65536 ? -1 : 0;
    }
    struct str rest = {.ptr = text.ptr, .len = (size_t)(end - text.ptr) + 2};
    if (rest.len < 14 || memcmp(rest.ptr, "HTTP/1.", 7) != 0 || rest.ptr[8] != ' ' ||
        !http_reply_number((struct str){.ptr = rest.ptr + 9, .len = 3}, 599, &status)) {
        return -1;
    }
    *head = (struct reply_head){.status = (int)status, .keep_alive = rest.ptr[7] == '1'};
    const char *line_end = memchr(rest.ptr, '\n', rest.len);
    while (line_end + 1 < rest.ptr + rest.len) {
        rest.len -= (size_t)(line_end + 1 - rest.ptr);
        rest.ptr = line_end + 1;
        line_end = memchr(rest.ptr, '\n', rest.len);
        if (!line_end || line_end == rest.ptr || line_end[-1] != '\r') {
            return -1;
        }
        struct str line = {.ptr = rest.ptr, .len = (size_t)(line_end - 1 - rest.ptr)};
        if (!http_reply_header(line, head)) {
            return -1;
        }
    }
    return end + 4 - text.ptr;
}

/* Joins the chunks at text.ptr into reply->owned. Bytes taken, 0 for more, -1. */
static long http_reply_chunks(struct str text, struct http_reply *reply)
{
    const char *reason;
    size_t at = 0;
    size_t len = 0;
    char *body = malloc(text.len + 1); /* the chunks' content is shorter */

    if (!body) {
        return -1;
    }
    for (;;) {
        uint64_t size = 0;
        struct str rest = {.ptr = text.ptr + at, .len = text.len - at};
        int taken = http_head_chunk(rest, &size, &reason);
        if (taken > 0 && size == 0) {
            at += (size_t)taken;
            rest = (struct str){.ptr = text.ptr + at, .len = text.len - at};
            taken = http_head_trailer(rest, &reason);
            if (taken > 0) {
                reply->owned = body;
                reply->body = (struct str){.ptr = body, .len = len};
                return (long)at + taken;
            }
        }
        bool has_more =
            taken > 0 && size <= HTTP_REPLY_BYTES_MAX && rest.len >= (size_t)taken + size + 2;
        if (!has_more) {
            free(body);
            return taken < 0 || size > HTTP_REPLY_BYTES_MAX ? -1 : 0;
        }
        memcpy(body + len, rest.ptr + taken, size);
        len += size;
        at += (size_t)taken + size + 2;
    }
}

long http_reply_parse(struct str text, bool is_eof, struct http_reply *out_reply)
{
    struct reply_head head = {.status = 100};
    size_t at = 0;

    while (head.status < 200) {
        long taken =
            http_reply_head((struct str){.ptr = text.ptr + at, .len = text.len - at}, &head);
        if (taken <= 0) {
            return taken;
        }
        at += (size_t)taken;
    }
    struct http_reply reply = {
        .status = head.status,
        .keep_alive = head.keep_alive,
        .retry_after_s = head.retry_after_s,
        .body = {.ptr = text.ptr + at, .len = text.len - at},
    };
    if (head.status == 204 || head.status == 304) {
        reply.body.len = 0;
    } else if (head.is_chunked) {
        long taken = http_reply_chunks(reply.body, &reply);
        if (taken <= 0) {
            return text.len > 2 * HTTP_REPLY_BYTES_MAX ? -1 : taken;
        }
        *out_reply = reply;
        return (long)at + taken;
    } else if (head.has_length) {
        if (reply.body.len < head.length) {
            return 0;
        }
        reply.body.len = head.length;
    } else {
        reply.keep_alive = false;
        if (!is_eof) {
            return text.len > HTTP_REPLY_BYTES_MAX ? -1 : 0;
        }
    }
    *out_reply = reply;
    return (long)(at + reply.body.len);
}

void http_reply_fini(struct http_reply *reply)
{
    free(reply->owned);
    reply->owned = NULL;
}
