#include "schemas/api_key.h"

#include <sys/random.h>

/* As in identity.c: the plain digest looks up no provider, which costs more than the digest. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#define PREFIX "mo_"

static void api_key_hex(const uint8_t *bytes, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

enum verdict api_key_make(char *out, struct err *err)
{
    uint8_t random[(API_KEY_ID_CHARS + API_KEY_SECRET_CHARS) / 2];
    char *at = out + strlen(PREFIX);

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return err_set(err, RETRY, "api_key", "the system gives no random bytes");
    }
    memcpy(out, PREFIX, strlen(PREFIX));
    api_key_hex(random, API_KEY_ID_CHARS / 2, at);
    at += API_KEY_ID_CHARS;
    *at++ = '_';
    api_key_hex(random + API_KEY_ID_CHARS / 2, API_KEY_SECRET_CHARS / 2, at);
    at[API_KEY_SECRET_CHARS] = '\0';
    OPENSSL_cleanse(random, sizeof(random));
    return OK;
}

static bool api_key_is_hex(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (!is_digit && (text[i] < 'a' || text[i] > 'f')) {
            return false;
        }
    }
    return true;
}

bool api_key_is_id(struct str text)
{
    return text.len == API_KEY_ID_CHARS && api_key_is_hex(text.ptr, text.len);
}

bool api_key_parse(struct str text, struct str *out_id)
{
    const char *id = text.ptr + strlen(PREFIX);

    if (text.len != API_KEY_CHARS || memcmp(text.ptr, PREFIX, strlen(PREFIX)) != 0 ||
        !api_key_is_hex(id, API_KEY_ID_CHARS) || id[API_KEY_ID_CHARS] != '_' ||
        !api_key_is_hex(id + API_KEY_ID_CHARS + 1, API_KEY_SECRET_CHARS)) {
        return false;
    }
    *out_id = (struct str){id, API_KEY_ID_CHARS};
    return true;
}

struct api_key_hash api_key_digest(struct str text)
{
    SHA256_CTX sha;
    struct api_key_hash hash;

    SHA256_Init(&sha);
    SHA256_Update(&sha, text.ptr, text.len);
    SHA256_Final(hash.bytes, &sha);
    return hash;
}

bool api_key_hash_eq(const struct api_key_hash *a, const struct api_key_hash *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The classic walk: on a mismatch the last star takes one byte more. */
bool api_key_scope_match(struct str pattern, struct str namespace_)
{
    size_t p = 0, n = 0;
    size_t star = SIZE_MAX, star_n = 0;

    while (n < namespace_.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_n = n;
        } else if (p < pattern.len && pattern.ptr[p] == namespace_.ptr[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++star_n;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}
