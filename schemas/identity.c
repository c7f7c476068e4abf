#include "schemas/identity.h"

/* OpenSSL's plain digest functions are the ones that cannot fail: no context on the heap, no
 * provider to look up. Ids have no way to report an error, so that is worth the deprecation. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "core/ascii.h"

static const uint8_t namespace_bytes[16] = {0x63, 0x39, 0x6e, 0x81, 0xf3, 0x6a, 0x53, 0xdd,
                                            0xbf, 0x13, 0x9c, 0xd1, 0xf7, 0x3f, 0x93, 0x78};

struct id128 identity_of(struct str kind, const struct str *parts, int count)
{
    SHA_CTX sha;
    uint8_t digest[SHA_DIGEST_LENGTH];
    struct id128 id;

    SHA1_Init(&sha);
    SHA1_Update(&sha, namespace_bytes, sizeof(namespace_bytes));
    SHA1_Update(&sha, kind.ptr, kind.len);
    for (int i = 0; i < count; i++) {
        size_t len = parts[i].len;
        uint8_t prefix[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                             (uint8_t)len};
        SHA1_Update(&sha, prefix, sizeof(prefix));
        SHA1_Update(&sha, parts[i].ptr, len);
    }
    SHA1_Final(digest, &sha);
    memcpy(id.bytes, digest, sizeof(id.bytes));
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0F) | 0x50);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | 0x80);
    return id;
}

struct id128 identity_dataset(struct str namespace_, struct str name)
{
    const struct str parts[] = {namespace_, name};

    return identity_of(STR("dataset"), parts, 2);
}

struct id128 identity_job(struct str namespace_, struct str name)
{
    const struct str parts[] = {namespace_, name};

    return identity_of(STR("job"), parts, 2);
}

/* Dashes stand at all four places or nowhere. */
static bool identity_read_uuid(struct str text, struct id128 *out_id)
{
    struct id128 id;
    size_t at = 0;

    if (text.len != 32 && text.len != 36) {
        return false;
    }
    for (int i = 0; i < 16; i++) {
        if (text.len == 36 && (i == 4 || i == 6 || i == 8 || i == 10) && text.ptr[at++] != '-') {
            return false;
        }
        int high = ascii_hex_value(text.ptr[at]);
        int low = ascii_hex_value(text.ptr[at + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        id.bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *out_id = id;
    return true;
}

struct id128 identity_run(struct str run_id, bool *out_is_uuid)
{
    const struct str urn = STR("urn:uuid:");
    struct str text = run_id;
    struct id128 id;

    if (text.len > urn.len && ascii_eq_caseless(text.ptr, urn.ptr, urn.len)) {
        text = (struct str){text.ptr + urn.len, text.len - urn.len};
    }
    if (text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}') {
        text = (struct str){text.ptr + 1, text.len - 2};
    }
    *out_is_uuid = identity_read_uuid(text, &id);
    return *out_is_uuid ? id : identity_of(STR("run"), &run_id, 1);
}

struct id128 identity_digest(struct str bytes)
{
    SHA256_CTX sha;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct id128 id;

    SHA256_Init(&sha);
    SHA256_Update(&sha, bytes.ptr, bytes.len);
    SHA256_Final(digest, &sha);
    memcpy(id.bytes, digest, sizeof(id.bytes));
    return id;
}

static bool identity_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool identity_is_alnum(char c)
{
    return identity_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* 1.53.0, v2, v1.0.0-SNAPSHOT, 2.20.3rc1. A bare number is none: it may be a project's id. */
static bool identity_is_version(struct str text)
{
    size_t at = 0;
    int numbers = 0;
    bool has_v = text.len > 0 && (text.ptr[0] | 0x20) == 'v';

    at += has_v;
    for (;;) {
        size_t start = at;
        while (at < text.len && identity_is_digit(text.ptr[at])) {
            at++;
        }
        if (at == start) {
            return false;
        }
        numbers++;
        if (at + 1 >= text.len || text.ptr[at] != '.' || !identity_is_digit(text.ptr[at + 1])) {
            break;
        }
        at++;
    }
    if (numbers < 2 && !has_v) {
        return false;
    }
    bool is_suffix = at == text.len || text.ptr[at] == '-' || text.ptr[at] == '+' ||
                     text.ptr[at] == '.' || (numbers > 1 && identity_is_alnum(text.ptr[at]));
    for (; is_suffix && at < text.len; at++) {
        char c = text.ptr[at];
        is_suffix = identity_is_alnum(c) || c == '-' || c == '+' || c == '.' || c == '_';
    }
    return is_suffix;
}

/* A version, or a name, a dash and a version. */
static bool identity_is_version_segment(struct str segment)
{
    if (identity_is_version(segment)) {
        return true;
    }
    for (size_t i = 1; i < segment.len; i++) {
        if (segment.ptr[i] == '-' &&
            identity_is_version((struct str){segment.ptr + i + 1, segment.len - i - 1})) {
            return true;
        }
    }
    return false;
}

struct str identity_producer_family(struct str producer, char *out)
{
    const char *scheme = producer.len ? memmem(producer.ptr, producer.len, "://", 3) : NULL;
    size_t at = scheme ? (size_t)(scheme - producer.ptr) + 3 : 0;
    size_t len = 0;

    /* The host, or the only name there is, stays whatever it looks like. */
    while (at < producer.len && producer.ptr[at] != '/') {
        at++;
    }
    if (at) {
        memcpy(out, producer.ptr, at);
        len = at;
    }
    while (at < producer.len) {
        size_t end = at + 1;
        while (end < producer.len && producer.ptr[end] != '/') {
            end++;
        }
        if (!identity_is_version_segment((struct str){producer.ptr + at + 1, end - at - 1})) {
            memcpy(out + len, producer.ptr + at, end - at);
            len += end - at;
        }
        at = end;
    }
    return (struct str){out, len};
}
