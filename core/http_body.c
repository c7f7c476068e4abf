#include "core/http_body.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include <zlib.h>

/* A plain body up to this size is counted whole before it comes, a larger one in such steps. */
#define COUNT_STEP_BYTES ((size_t)64 * 1024)
#define ROOM_BYTES_MIN ((size_t)32 * 1024)
#define ROOM_BYTES_MAX ((size_t)256 * 1024)
#define CAPACITY_BYTES_MIN ((size_t)4096)
#define CAPACITY_BYTES_FIRST_MAX ((size_t)256 * 1024)
#define SMALL_BYTES_MAX ((size_t)128 * 1024)
#define SMALL_SHARE 8
#define INFLATER_BYTES ((size_t)48 * 1024) /* state and window of zlib, rounded up */
/* Inflated in one turn, and the steps it is done in: 128 bytes can become 128 KiB. */
#define INFLATE_TURN_BYTES ((size_t)64 * 1024)
#define INFLATE_STEP_BYTES ((size_t)128)
#define GZIP_WINDOW_BITS (15 + 16) /* 16: a gzip header, nothing else */

static const char nothing[HTTP_BODY_PADDING_BYTES];

static int refuse(int status, const char *reason, const char **out_reason)
{
    *out_reason = reason;
    return -status;
}

static int refuse_memory(const char **out_reason)
{
    return refuse(503, "too many bodies are being received", out_reason);
}

static int refuse_length(const char **out_reason)
{
    return refuse(413, "the body is larger than is taken here", out_reason);
}

/* Large bodies leave a part of the memory to small ones: who fills it keeps out only his own kind. */
static size_t memory_for(const struct http_body *body, size_t bytes)
{
    size_t max = body->limits.memory_bytes_max;

    return body->counted_bytes + bytes > SMALL_BYTES_MAX ? max - max / SMALL_SHARE : max;
}

/* The sum is touched only where there is room: a large body that is refused would otherwise count
 * for an instant, and a small one on another thread be refused for it. */
static bool count(struct http_body *body, size_t bytes)
{
    size_t max = memory_for(body, bytes);
    size_t before = atomic_load(body->limits.memory_bytes);

    do {
        if (before + bytes > max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(body->limits.memory_bytes, &before, before + bytes));
    body->counted_bytes += bytes;
    return true;
}

/* Makes data hold capacity_bytes; is_counted: against the shared sum right now. */
static bool set_capacity(struct http_body *body, size_t capacity_bytes, bool is_counted)
{
    size_t padding_bytes = body->data ? 0 : HTTP_BODY_PADDING_BYTES;
    char *data;

    if (is_counted && !count(body, capacity_bytes - body->capacity_bytes + padding_bytes)) {
        return false;
    }
    data = realloc(body->data, capacity_bytes + HTTP_BODY_PADDING_BYTES);
    if (!data) {
        return false;
    }
    body->data = data;
    body->capacity_bytes = capacity_bytes;
    return true;
}

/* One byte above the maximum may be held: it is how too much is noticed. */
static bool grow(struct http_body *body, size_t need_bytes)
{
    size_t limit_bytes = body->limits.body_bytes_max + 1;
    size_t capacity_bytes = body->capacity_bytes * 2;

    if (need_bytes <= body->capacity_bytes) {
        return true;
    }
    capacity_bytes = capacity_bytes < CAPACITY_BYTES_MIN ? CAPACITY_BYTES_MIN : capacity_bytes;
    capacity_bytes = capacity_bytes < need_bytes ? need_bytes : capacity_bytes;
    capacity_bytes = capacity_bytes > limit_bytes ? limit_bytes : capacity_bytes;
    return set_capacity(body, capacity_bytes, true);
}

static int read_coding(const struct http_head *head, bool *out_is_gzip, const char **out_reason)
{
    int fields = 0;

    *out_is_gzip = false;
    for (int i = 0; i < head->header_count; i++) {
        struct str name = head->headers[i].name;
        struct str value = head->headers[i].value;

        if (name.len != 16 || strncasecmp(name.ptr, "content-encoding", 16) != 0) {
            continue;
        }
        fields++;
        if ((value.len == 4 && strncasecmp(value.ptr, "gzip", 4) == 0) ||
            (value.len == 6 && strncasecmp(value.ptr, "x-gzip", 6) == 0)) {
            *out_is_gzip = true;
        } else if (value.len != 8 || strncasecmp(value.ptr, "identity", 8) != 0) {
            fields = 2;
        }
        if (fields > 1) {
            return refuse(415, "the content codings taken are gzip and identity", out_reason);
        }
    }
    return 0;
}

static int prepare_plain(struct http_body *body, const char **out_reason)
{
    size_t length = (size_t)body->remaining;

    if (length <= COUNT_STEP_BYTES && !count(body, length + HTTP_BODY_PADDING_BYTES)) {
        return refuse_memory(out_reason);
    }
    if (!set_capacity(body, length, false)) {
        return refuse_memory(out_reason);
    }
    return HTTP_BODY_MORE;
}

static int prepare_gzip(struct http_body *body, uint64_t wire_bytes, const char **out_reason)
{
    size_t guess_bytes = wire_bytes < CAPACITY_BYTES_FIRST_MAX / 6 ? (size_t)wire_bytes * 6
                                                                   : CAPACITY_BYTES_FIRST_MAX;

    if (guess_bytes > body->limits.body_bytes_max) {
        guess_bytes = body->limits.body_bytes_max + 1;
    }
    if (!count(body, INFLATER_BYTES)) {
        return refuse_memory(out_reason);
    }
    body->inflater = calloc(1, sizeof(*body->inflater));
    if (!body->inflater || inflateInit2(body->inflater, GZIP_WINDOW_BITS) != Z_OK) {
        free(body->inflater);
        body->inflater = NULL;
        return refuse_memory(out_reason);
    }
    body->is_member_open = true;
    return grow(body, guess_bytes) ? HTTP_BODY_MORE : refuse_memory(out_reason);
}

int http_body_init(struct http_body *body, const struct http_head *head,
                   const struct http_body_limits *limits, const char **out_reason)
{
    bool is_gzip;
    int status = read_coding(head, &is_gzip, out_reason);

    *body = (struct http_body){.limits = *limits,
                               .is_chunked = head->is_chunked,
                               .remaining = head->content_length,
                               .step = head->is_chunked ? HTTP_BODY_CHUNK_SIZE : HTTP_BODY_DATA};
    if (status < 0) {
        return status;
    }
    if (head->content_length > limits->body_bytes_max) {
        return refuse_length(out_reason);
    }
    if (!head->is_chunked && head->content_length == 0) {
        body->step = HTTP_BODY_COMPLETE;
        return is_gzip ? refuse(400, "an empty body is no gzip stream", out_reason)
                       : HTTP_BODY_DONE;
    }
    if (is_gzip) {
        return prepare_gzip(body, head->content_length, out_reason);
    }
    return head->is_chunked ? HTTP_BODY_MORE : prepare_plain(body, out_reason);
}

static int inflate_content(struct http_body *body, struct str text, const char **out_reason)
{
    z_stream *z = body->inflater;

    z->next_in = (Bytef *)text.ptr; /* zlib's interface lacks the const; it only reads */
    z->avail_in = (uInt)text.len;
    for (;;) {
        int status;

        if (!body->is_member_open) {
            if (z->avail_in == 0) {
                return HTTP_BODY_MORE;
            }
            (void)inflateReset(z); /* fails only where nothing was ever begun */
            body->is_member_open = true;
        }
        if (!grow(body, body->len + 1)) {
            return refuse_memory(out_reason);
        }
        z->next_out = (Bytef *)body->data + body->len;
        z->avail_out = (uInt)(body->capacity_bytes - body->len);
        status = inflate(z, Z_NO_FLUSH);
        body->len = body->capacity_bytes - z->avail_out;
        if (body->len > body->limits.body_bytes_max) {
            return refuse_length(out_reason);
        }
        if (status == Z_STREAM_END) {
            body->is_member_open = false;
        } else if (status == Z_MEM_ERROR) {
            return refuse_memory(out_reason);
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            return refuse(400, "the body is no gzip stream", out_reason);
        } else if (z->avail_in == 0 && z->avail_out > 0) {
            return HTTP_BODY_MORE;
        }
    }
}

/* Content of the request without its framing. */
static int take_content(struct http_body *body, struct str text, const char **out_reason)
{
    body->wire_bytes += text.len;
    assert(body->wire_bytes <=
           body->limits.body_bytes_max); /* lengths and chunk sizes are checked */
    if (body->inflater) {
        return inflate_content(body, text, out_reason);
    }
    if (body->is_chunked) {
        if (!grow(body, body->len + text.len)) {
            return refuse_memory(out_reason);
        }
    } else if (body->capacity_bytes > COUNT_STEP_BYTES && !count(body, text.len)) {
        return refuse_memory(out_reason);
    }
    memcpy(body->data + body->len, text.ptr, text.len);
    body->len += text.len;
    return HTTP_BODY_MORE;
}

static void end_inflater(struct http_body *body)
{
    if (body->inflater) {
        inflateEnd(body->inflater);
        free(body->inflater);
        body->inflater = NULL;
    }
}

static int complete(struct http_body *body, const char **out_reason)
{
    if (body->inflater && body->is_member_open) {
        return refuse(400, "the gzip stream ends too early", out_reason);
    }
    end_inflater(body);
    body->step = HTTP_BODY_COMPLETE;
    if (body->data) {
        memset(body->data + body->len, 0, HTTP_BODY_PADDING_BYTES);
    }
    return HTTP_BODY_DONE;
}

/* Reads one line of chunked framing. Bytes taken, 0 for more, or minus the status. */
static int take_framing(struct http_body *body, struct str text, const char **out_reason)
{
    int taken;

    if (body->step == HTTP_BODY_CHUNK_SIZE) {
        taken = http_head_chunk(text, &body->remaining, out_reason);
        if (taken > 0) {
            body->step = body->remaining > 0 ? HTTP_BODY_DATA : HTTP_BODY_TRAILER;
            if (body->remaining > body->limits.body_bytes_max - body->wire_bytes) {
                return refuse_length(out_reason);
            }
        }
    } else {
        /* Behind a chunk's data stands what an empty trailer section is: CR LF, nothing else. */
        taken = http_head_trailer(text, out_reason);
        if (taken < 0 && body->step == HTTP_BODY_CHUNK_END) {
            *out_reason = "a chunk does not end where its size says";
        }
        if (taken > 0) {
            body->step =
                body->step == HTTP_BODY_TRAILER ? HTTP_BODY_COMPLETE : HTTP_BODY_CHUNK_SIZE;
        }
    }
    return taken;
}

int http_body_feed(struct http_body *body, struct str text, size_t *out_taken,
                   const char **out_reason)
{
    size_t enough_bytes = body->len + INFLATE_TURN_BYTES;
    size_t at = 0;

    *out_taken = 0;
    while (at < text.len && body->step != HTTP_BODY_COMPLETE) {
        struct str rest = {text.ptr + at, text.len - at};

        if (body->step == HTTP_BODY_DATA) {
            int status;

            rest.len = rest.len > body->remaining ? (size_t)body->remaining : rest.len;
            if (body->inflater) {
                if (body->len >= enough_bytes) {
                    break;
                }
                rest.len = rest.len > INFLATE_STEP_BYTES ? INFLATE_STEP_BYTES : rest.len;
            }
            status = take_content(body, rest, out_reason);
            if (status < 0) {
                return status;
            }
            at += rest.len;
            body->remaining -= rest.len;
            if (body->remaining == 0) {
                body->step = body->is_chunked ? HTTP_BODY_CHUNK_END : HTTP_BODY_COMPLETE;
            }
        } else {
            int taken = take_framing(body, rest, out_reason);

            if (taken < 0) {
                return taken;
            }
            if (taken == 0) {
                break;
            }
            at += (size_t)taken;
        }
    }
    *out_taken = at;
    return body->step == HTTP_BODY_COMPLETE ? complete(body, out_reason) : HTTP_BODY_MORE;
}

char *http_body_room(struct http_body *body, size_t *out_len)
{
    size_t len = body->remaining < ROOM_BYTES_MAX ? (size_t)body->remaining : ROOM_BYTES_MAX;

    if (body->is_chunked || body->inflater || body->step != HTTP_BODY_DATA ||
        len < ROOM_BYTES_MIN || body->capacity_bytes <= COUNT_STEP_BYTES ||
        atomic_load(body->limits.memory_bytes) + len > memory_for(body, len)) {
        return NULL;
    }
    *out_len = len;
    return body->data + body->len;
}

int http_body_received(struct http_body *body, size_t len)
{
    const char *reason;

    /* Counted behind the fact: by one room at most more than the maximum. */
    atomic_fetch_add(body->limits.memory_bytes, len);
    body->counted_bytes += len;
    body->wire_bytes += len;
    body->len += len;
    body->remaining -= len;
    return body->remaining == 0 ? complete(body, &reason) : HTTP_BODY_MORE;
}

struct str http_body_view(const struct http_body *body)
{
    return body->data ? (struct str){body->data, body->len} : (struct str){nothing, 0};
}

void http_body_fini(struct http_body *body)
{
    end_inflater(body);
    free(body->data);
    body->data = NULL;
    body->len = 0;
    if (body->counted_bytes > 0) {
        atomic_fetch_sub(body->limits.memory_bytes, body->counted_bytes);
        body->counted_bytes = 0;
    }
}
