/* redact_user_info.c - what stands before the @ of a URL. */

#include "core/ascii.h"
#include "schemas/redact_impl.h"
#include "schemas/redact_names.h"

/* Within one parameter. */
#define ENCODED_BACK_BYTES 192

/* Behind the last "://" before `at`, or 0. Remembers how far it looked. */
static size_t scheme_before(struct redact_text *rt, size_t at)
{
    size_t from = rt->scheme_seen;

    while (from < at) {
        const char *p = memchr(rt->text.ptr + from, ':', at - from);
        if (!p) {
            break;
        }
        from = (size_t)(p - rt->text.ptr) + 1;
        if (redact_text_byte(rt, from) == '/' && redact_text_byte(rt, from + 1) == '/') {
            rt->scheme_at = from + 2;
        }
    }
    rt->scheme_seen = at > rt->scheme_seen ? at : rt->scheme_seen;
    return rt->scheme_at <= at ? rt->scheme_at : 0;
}

/* The secret half of user info [from, at): behind the first `joint`. */
static size_t add_user_info(struct redact_text *rt, size_t from, size_t at, char joint)
{
    const char *p = memchr(rt->text.ptr + from, joint, at - from);
    size_t secret = p ? (size_t)(p - rt->text.ptr) + 1 : at;

    if (secret >= at || redact_names_is_no_value(redact_text_part(rt, secret, at))) {
        return at + 1;
    }
    redact_text_add(rt, secret, at);
    return at + 1;
}

/* Is [from, at) a host, a port and the beginning of a path, in which an @ is nothing special? With a
 * password that has a slash in it, something else than a port stands behind the colon. */
static bool is_path(const struct redact_text *rt, size_t from, size_t at)
{
    size_t colon = SIZE_MAX;
    bool has_at = false;
    size_t to = from;

    for (; to < at && !strchr("/?#", rt->text.ptr[to]); to++) {
        has_at = has_at || rt->text.ptr[to] == '@';
        if (rt->text.ptr[to] == ':' && colon == SIZE_MAX) {
            colon = to;
        }
    }
    if (to == at) {
        return false;
    }
    if (colon == SIZE_MAX || has_at || rt->text.ptr[from] == '[' ||
        memchr(rt->text.ptr + to, '@', at - to)) {
        return true;
    }
    for (size_t digit = colon + 1; digit < to; digit++) {
        if (!ascii_is_digit(rt->text.ptr[digit])) {
            return false;
        }
    }
    return true;
}

static bool has_wall(const struct redact_text *rt, size_t from, size_t to)
{
    while (from < to && !redact_text_is_wall(rt->text.ptr[from])) {
        from++;
    }
    return from < to;
}

/* oracle:thin:user/password@host. Most texts have no "oracle:" at all: that is looked up once. */
static size_t oracle_info(struct redact_text *rt, size_t at)
{
    if (!rt->is_oracle_known) {
        rt->is_oracle_known = true;
        rt->has_oracle = memmem(rt->text.ptr, rt->text.len, "oracle:", 7) != NULL;
    }
    if (!rt->has_oracle) {
        return at + 1;
    }
    struct str run = redact_text_part(rt, redact_text_run(rt, at), at);
    const char *oracle = memmem(run.ptr, run.len, "oracle:", 7);
    const char *end = run.ptr + run.len;
    const char *p = oracle ? memchr(oracle + 7, ':', (size_t)(end - oracle - 7)) : NULL;
    return p ? add_user_info(rt, (size_t)(p - rt->text.ptr) + 1, at, '/') : at + 1;
}

/* Up to the next @ of the same authority: a password may hold one itself. */
static bool is_last_at(const struct redact_text *rt, size_t at)
{
    for (size_t i = at + 1; i < rt->text.len && i - at < REDACT_LOOK_BACK_BYTES; i++) {
        char c = rt->text.ptr[i];
        if (c == '@') {
            return false;
        }
        if (redact_text_is_wall(c) || strchr("/?#,;", c)) {
            break;
        }
    }
    return true;
}

/* scheme://user:password@host, oracle:thin:user/password@host, user:password@tcp(host). */
size_t redact_user_info(struct redact_text *rt, size_t at)
{
    size_t scheme = scheme_before(rt, at);
    struct str behind = redact_text_part(rt, at + 1, rt->text.len);

    if (!is_last_at(rt, at)) {
        return at + 1;
    }
    if (scheme && at - scheme <= REDACT_LOOK_BACK_BYTES && !has_wall(rt, scheme, at)) {
        bool is_digest = behind.len > 7 && memcmp(behind.ptr, "sha256:", 7) == 0;
        return is_digest || is_path(rt, scheme, at) ? at + 1 : add_user_info(rt, scheme, at, ':');
    }
    if (behind.len > 5 &&
        (memcmp(behind.ptr, "tcp(", 4) == 0 || memcmp(behind.ptr, "unix(", 5) == 0)) {
        return add_user_info(rt, redact_text_run(rt, at), at, ':');
    }
    return oracle_info(rt, at);
}

/* scheme%3A%2F%2Fuser%3Apassword%40host: a URL as the value of a parameter. */
size_t redact_user_info_encoded(struct redact_text *rt, size_t at)
{
    size_t begin = at > ENCODED_BACK_BYTES ? at - ENCODED_BACK_BYTES : 0;
    for (size_t from = at; from > begin; from--) {
        if (redact_text_is_wall(rt->text.ptr[from - 1])) {
            begin = from;
        }
    }
    struct str run = redact_text_part(rt, begin, at);
    size_t scheme = redact_text_find(run, "%3A%2F%2F");

    if (scheme == SIZE_MAX) {
        return at + 1;
    }
    scheme += begin + 9;
    size_t colon = redact_text_find(redact_text_part(rt, scheme, at), "%3A");
    if (colon == SIZE_MAX ||
        redact_text_find(redact_text_part(rt, scheme, at), "%2F") != SIZE_MAX) {
        return at + 1;
    }
    return redact_text_add(rt, scheme + colon + 3, at);
}
