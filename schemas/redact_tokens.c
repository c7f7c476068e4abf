/* redact_tokens.c - tokens that are known by their shape alone, wherever they stand.
 *
 * High precision only: a prefix that is used for nothing else, and a length. A token may not stand
 * inside a longer word of its own bytes. */

#include "core/ascii.h"
#include "schemas/redact_impl.h"

enum charset { ALNUM, UPPER, HEX, WORD, URL64, BEARER };

struct shape {
    const char *prefix;
    enum charset charset;
    size_t len_min;   /* behind the prefix */
    size_t len_max;   /* 0: any */
    bool has_mixture; /* a digit and a letter at least: prose has none */
    size_t kept;      /* bytes of the prefix that stay in the text */
};

static const struct shape shapes[] = {
    {.prefix = "AKIA", .charset = UPPER, .len_min = 16, .len_max = 16},
    {.prefix = "ASIA", .charset = UPPER, .len_min = 16, .len_max = 16},
    {.prefix = "ghp_", .charset = ALNUM, .len_min = 36},
    {.prefix = "gho_", .charset = ALNUM, .len_min = 36},
    {.prefix = "ghu_", .charset = ALNUM, .len_min = 36},
    {.prefix = "ghs_", .charset = ALNUM, .len_min = 36},
    {.prefix = "ghr_", .charset = ALNUM, .len_min = 36},
    {.prefix = "github_pat_", .charset = WORD, .len_min = 36},
    {.prefix = "glpat-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "xoxb-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "xoxp-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "xoxa-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "xoxr-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "xoxs-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "xapp-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "sk-proj-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "sk-ant-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "sk-svcacct-", .charset = URL64, .len_min = 20, .has_mixture = true},
    {.prefix = "sk-", .charset = ALNUM, .len_min = 32, .has_mixture = true},
    {.prefix = "sk_live_", .charset = ALNUM, .len_min = 16, .has_mixture = true},
    {.prefix = "sk_test_", .charset = ALNUM, .len_min = 16, .has_mixture = true},
    {.prefix = "rk_live_", .charset = ALNUM, .len_min = 16, .has_mixture = true},
    {.prefix = "AIza", .charset = URL64, .len_min = 35, .len_max = 35},
    {.prefix = "ya29.", .charset = URL64, .len_min = 30},
    {.prefix = "dapi", .charset = HEX, .len_min = 32, .len_max = 32},
    {.prefix = "npm_", .charset = ALNUM, .len_min = 36, .len_max = 36},
    {.prefix = "pypi-AgE", .charset = URL64, .len_min = 50},
    {.prefix = "hvs.", .charset = URL64, .len_min = 24, .has_mixture = true},
    {.prefix = "mo_", .charset = WORD, .len_min = 81, .len_max = 81, .has_mixture = true},
    {.prefix = "dckr_pat_", .charset = URL64, .len_min = 24, .has_mixture = true},
    {.prefix = "hf_", .charset = ALNUM, .len_min = 34, .len_max = 34, .has_mixture = true},
    {.prefix = "Bearer ", .charset = BEARER, .len_min = 16, .has_mixture = true, .kept = 7},
    {.prefix = "bearer ", .charset = BEARER, .len_min = 16, .has_mixture = true, .kept = 7},
    {.prefix = "BEARER ", .charset = BEARER, .len_min = 16, .has_mixture = true, .kept = 7},
};

static bool is_in(enum charset charset, char c)
{
    switch (charset) {
    case ALNUM:
        return ascii_is_alnum(c);
    case UPPER:
        return ascii_is_upper(c) || ascii_is_digit(c);
    case HEX:
        return ascii_is_digit(c) || (c >= 'a' && c <= 'f');
    case WORD:
        return ascii_is_alnum(c) || c == '_';
    case URL64:
        return ascii_is_alnum(c) || c == '_' || c == '-';
    case BEARER:
        return ascii_is_alnum(c) || strchr("-._~+/=", c);
    }
    return false;
}

static bool is_mixed(const char *p, const char *end)
{
    bool has_digit = false, has_letter = false;

    for (; p < end; p++) {
        has_digit = has_digit || ascii_is_digit(*p);
        has_letter = has_letter || ascii_is_alpha(*p);
    }
    return has_digit && has_letter;
}

/* Three parts in base64url, dots between; the first is a JSON object. */
static size_t match_jwt(struct str text, size_t at)
{
    const char *p = text.ptr + at, *end = text.ptr + text.len;
    int parts = 0;

    if (text.len - at < 3 || memcmp(p, "eyJ", 3) != 0) {
        return 0;
    }
    for (;;) {
        const char *part = p;
        while (p < end && is_in(URL64, *p)) {
            p++;
        }
        if (p - part < 10) {
            p = parts >= 3 ? part - 1 : p;
            break;
        }
        parts++;
        if (p == end || *p != '.') {
            break;
        }
        p++;
    }
    return parts >= 3 ? (size_t)(p - text.ptr) : 0;
}

/* The end of the shape's token, or 0. */
static size_t match_shape(const struct shape *shape, struct str text, size_t at)
{
    if (text.ptr[at] != shape->prefix[0]) {
        return 0;
    }
    size_t prefix_len = strlen(shape->prefix);
    const char *p = text.ptr + at + prefix_len, *end = text.ptr + text.len;
    if (text.len - at < prefix_len + shape->len_min ||
        memcmp(text.ptr + at, shape->prefix, prefix_len) != 0) {
        return 0;
    }
    const char *body = p;
    while (p < end && *p && is_in(shape->charset, *p)) {
        p++;
    }
    size_t len = (size_t)(p - body);
    if (len < shape->len_min || (shape->len_max && len > shape->len_max) ||
        (p < end && ascii_is_alnum(*p)) || (shape->has_mixture && !is_mixed(body, p))) {
        return 0;
    }
    return (size_t)(p - text.ptr);
}

bool redact_tokens_match(struct str text, size_t at, struct redact_span *out_span)
{
    char before = at > 0 ? text.ptr[at - 1] : ' ';
    size_t end;

    if (ascii_is_alnum(before)) {
        return false;
    }
    end = is_in(URL64, before) ? 0 : match_jwt(text, at);
    if (end) {
        *out_span = (struct redact_span){at, end};
        return true;
    }
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        end = is_in(shapes[i].charset, before) ? 0 : match_shape(&shapes[i], text, at);
        if (end) {
            *out_span = (struct redact_span){at + shapes[i].kept, end};
            return true;
        }
    }
    return false;
}
