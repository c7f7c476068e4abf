#include "alerter_sign.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define WHERE "signature"
#define PREFIX "whsec_"
#define KEY_BYTES_MIN 16
#define KEY_TEXT_MAX 128
#define HEAD_BYTES 160
#define DIGEST_BYTES 32
#define BASE64_BYTES 45 /* of 32 bytes, with its NUL */

/* Base64 with its padding; false for anything else. */
static bool decode(struct str text, struct alerter_sign_key *key)
{
    unsigned char bytes[KEY_TEXT_MAX];
    size_t padding = 0;
    int len = EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len);
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=') {
        padding++;
    }
    if (len < 0 || (size_t)len < padding) {
        return false;
    }
    key->len = (size_t)len - padding;
    memcpy(key->bytes, bytes, key->len);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return true;
}

static enum verdict read_key(struct alerter_sign *sign, struct str line, struct err *err)
{
    struct alerter_sign_key *key = &sign->keys[sign->count];
    if (sign->count == ALERTER_SIGN_KEYS_MAX) {
        return err_set(err, REJECT, WHERE, "more than %d keys", ALERTER_SIGN_KEYS_MAX);
    }
    if (line.len > KEY_TEXT_MAX) {
        return err_set(err, REJECT, WHERE, "a key is longer than %d characters", KEY_TEXT_MAX);
    }
    if (str_starts(line, PREFIX)) {
        struct str rest = {line.ptr + strlen(PREFIX), line.len - strlen(PREFIX)};
        if (!decode(rest, key)) {
            return err_set(err, REJECT, WHERE, "a key with " PREFIX " is no base64");
        }
    } else {
        memcpy(key->bytes, line.ptr, line.len);
        key->len = line.len;
    }
    if (key->len < KEY_BYTES_MIN) {
        return err_set(err, REJECT, WHERE, "a key is shorter than %d bytes", KEY_BYTES_MIN);
    }
    sign->count++;
    return OK;
}

enum verdict alerter_sign_read(struct alerter_sign *sign, struct str text, struct err *err)
{
    enum verdict verdict = OK;
    size_t at = 0;
    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        return err_set(err, REJECT, WHERE, "the file holds a NUL byte: not a text");
    }
    while (verdict == OK && at < text.len) {
        const char *end = memchr(text.ptr + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - text.ptr) - at : text.len - at;
        struct str line = {text.ptr + at, len};
        at += len + 1;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        if (line.len > 0) {
            verdict = read_key(sign, line, err);
        }
    }
    return verdict == OK && sign->count == 0 ? err_set(err, REJECT, WHERE, "there is no key in it")
                                             : verdict;
}

enum verdict alerter_sign_write(const struct alerter_sign *sign, const char *id,
                                int64_t timestamp_s, struct str body, char out[ALERTER_SIGN_BYTES],
                                struct err *err)
{
    char head[HEAD_BYTES];
    unsigned char bytes[DIGEST_BYTES];
    char text[BASE64_BYTES];
    unsigned len = DIGEST_BYTES;
    size_t at = 0;

    size_t head_len = (size_t)snprintf(head, sizeof head, "%s.%" PRId64 ".", id, timestamp_s);
    unsigned char *signed_bytes = malloc(head_len + body.len + 1);
    bool is_good = signed_bytes != NULL;
    if (is_good) {
        memcpy(signed_bytes, head, head_len);
        memcpy(signed_bytes + head_len, body.ptr, body.len);
    }
    out[0] = '\0';
    for (size_t i = 0; is_good && i < sign->count; i++) {
        is_good = HMAC(EVP_sha256(), sign->keys[i].bytes, (int)sign->keys[i].len, signed_bytes,
                       head_len + body.len, bytes, &len) != NULL;
        EVP_EncodeBlock((unsigned char *)text, bytes, DIGEST_BYTES);
        at += (size_t)snprintf(out + at, ALERTER_SIGN_BYTES - at, "%sv1,%s", i ? " " : "", text);
    }
    free(signed_bytes);
    return is_good ? OK : err_set(err, RETRY, WHERE, "memory is short");
}

void alerter_sign_fini(struct alerter_sign *sign)
{
    OPENSSL_cleanse(sign, sizeof *sign);
}
