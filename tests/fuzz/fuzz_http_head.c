/* Heads, chunked and gzip bodies from hostile bytes: whatever is taken lies inside the input,
 * is the same however the bytes are cut, and costs no more memory than allowed. */
#include <stdint.h>
#include <stdlib.h>

#include "core/http_body.h"

#define BODY_BYTES_MAX ((size_t)65536)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

/* Reads the body in pieces of step bytes. Returns the last status; *out_len bytes of body. */
static int read_body(const struct http_head *head, struct str text, size_t step, size_t *out_len)
{
    atomic_size_t memory_bytes = 0;
    struct http_body_limits limits = {.body_bytes_max = BODY_BYTES_MAX,
                                      .memory_bytes = &memory_bytes,
                                      .memory_bytes_max = 4 * BODY_BYTES_MAX};
    struct http_body body;
    const char *reason = NULL;
    int status = http_body_init(&body, head, &limits, &reason);
    size_t at = 0;

    for (size_t end = 0; status == HTTP_BODY_MORE && end < text.len;) {
        size_t taken;
        end = text.len - end < step ? text.len : end + step;
        status = http_body_feed(&body, (struct str){text.ptr + at, end - at}, &taken, &reason);
        check(taken <= end - at);
        at += taken;
    }
    check(status >= 0 || reason != NULL);
    check(body.len <= BODY_BYTES_MAX || status == -413);
    check(memory_bytes <= limits.memory_bytes_max);
    *out_len = body.len;
    http_body_fini(&body);
    check(memory_bytes == 0);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct http_head head;
    const char *reason = NULL;
    int taken = http_head_parse(text, &head, &reason);

    check(taken <= (int)size);
    check(taken >= 0 || reason != NULL);
    if (taken > 0) {
        struct str rest = {text.ptr + taken, size - (size_t)taken};
        size_t whole_len;
        size_t cut_len;
        int whole = read_body(&head, rest, rest.len ? rest.len : 1, &whole_len);
        int cut = read_body(&head, rest, 1, &cut_len);

        check(head.path.ptr > text.ptr && head.path.ptr + head.path.len < text.ptr + taken);
        check(!(head.has_length && head.is_chunked));
        check(whole == cut);
        check(whole != HTTP_BODY_DONE || whole_len == cut_len);
    }
    return 0;
}
