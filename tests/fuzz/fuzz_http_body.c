/* The body of a request from hostile bytes: the first says how it is framed and coded, the second how many come at
 * once. Whatever is taken is the same in one piece, in pieces and, of gzip, as zlib alone reads it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <zlib.h>

#include "core/http_body.h"

#define BODY_BYTES_MAX ((size_t)32768)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static int begin(struct http_body *body, atomic_size_t *memory_bytes, int is_chunked, int is_gzip,
                 size_t len)
{
    struct http_body_limits limits = {.body_bytes_max = BODY_BYTES_MAX,
                                      .memory_bytes = memory_bytes,
                                      .memory_bytes_max = 8 * BODY_BYTES_MAX};
    struct http_head head;
    const char *reason;
    char text[200];
    char length[50];

    snprintf(length, sizeof(length), "Content-Length: %zu", len);
    snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\n%s%s\r\n\r\n",
             is_gzip ? "Content-Encoding: gzip\r\n" : "",
             is_chunked ? "Transfer-Encoding: chunked" : length);
    check(http_head_parse(str_view(text), &head, &reason) > 0);
    return http_body_init(body, &head, &limits, &reason);
}

/* Until it ends or waits for bytes that do not come. */
static int feed(struct http_body *body, struct str text, size_t step)
{
    const char *reason = NULL;
    size_t at = 0, given = 0, taken = 1;
    int status = HTTP_BODY_MORE;

    while (status == HTTP_BODY_MORE && (given < text.len || taken > 0)) {
        given = text.len - given < step ? text.len : given + step;
        status = http_body_feed(body, (struct str){text.ptr + at, given - at}, &taken, &reason);
        check(taken <= given - at);
        at += taken;
    }
    check(status >= 0 || reason);
    return status;
}

/* All members, one behind the other; -1 when they are none, or too much. */
static long inflate_plainly(struct str text, char *out)
{
    z_stream z = {.next_in = (Bytef *)text.ptr,
                  .avail_in = (uInt)text.len,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)BODY_BYTES_MAX};
    int status = Z_STREAM_END;

    check(inflateInit2(&z, 15 + 16) == Z_OK);
    while (z.avail_in > 0 && status == Z_STREAM_END) {
        inflateReset(&z);
        status = inflate(&z, Z_FINISH);
    }
    inflateEnd(&z);
    return status == Z_STREAM_END ? (long)(BODY_BYTES_MAX - z.avail_out) : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char plain[BODY_BYTES_MAX];
    atomic_size_t memory_bytes = 0;
    struct http_body whole, cut;

    if (size < 3) {
        return 0;
    }
    int is_chunked = data[0] & 1;
    int is_gzip = data[0] & 2;
    size_t step = (size_t)data[1] + 1;
    struct str text = {(const char *)data + 2, size - 2};
    int status = begin(&whole, &memory_bytes, is_chunked, is_gzip, text.len);
    int again = begin(&cut, &memory_bytes, is_chunked, is_gzip, text.len);
    check(status == again);
    if (status == HTTP_BODY_MORE) {
        status = feed(&whole, text, text.len);
        again = feed(&cut, text, step);
    }
    check(status == again);
    check(whole.len <= BODY_BYTES_MAX || status == -413);
    if (status == HTTP_BODY_DONE) {
        check(str_eq(http_body_view(&whole), http_body_view(&cut)));
    }
    if (is_gzip && !is_chunked && text.len <= BODY_BYTES_MAX) {
        long len = inflate_plainly(text, plain);
        check((len >= 0) == (status == HTTP_BODY_DONE));
        check(len < 0 || str_eq((struct str){plain, (size_t)len}, http_body_view(&whole)));
    }
    http_body_fini(&whole);
    http_body_fini(&cut);
    check(memory_bytes == 0);
    return 0;
}
