#include "ingest/mlflow_signature.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/ascii.h"
#include "core/settings_file.h"

#define KEYS_MAX 4
#define KEY_BYTES_MIN 8
#define KEY_BYTES_MAX 1024
#define FILE_BYTES_MAX (KEYS_MAX * (KEY_BYTES_MAX + 2))
#define DIGEST_BYTES 32
#define BASE64_BYTES 45 /* of a digest, with its NUL */
#define VERSION "v1,"
#define DIGITS_MAX 15 /* of a number that no arithmetic here overflows */

struct mlflow_keys {
    char *text; /* which keys point into */
    size_t len;
    struct str keys[KEYS_MAX];
    size_t count;
};

static enum verdict take_lines(struct mlflow_keys *keys, const char *path, struct err *err)
{
    for (size_t at = 0; at < keys->len;) {
        const char *end = memchr(keys->text + at, '\n', keys->len - at);
        size_t len = end ? (size_t)(end - keys->text) - at : keys->len - at;
        struct str line = str_trim((struct str){keys->text + at, len}, "\r");
        at += len + 1;
        if (line.len == 0) {
            continue;
        }
        if (line.len < KEY_BYTES_MIN || line.len > KEY_BYTES_MAX || keys->count == KEYS_MAX) {
            return err_set(err, FATAL, "mlflow_signature",
                           "ingest.mlflow_key_file %s: not one to %d lines of %d to %d bytes", path,
                           KEYS_MAX, KEY_BYTES_MIN, KEY_BYTES_MAX);
        }
        keys->keys[keys->count++] = line;
    }
    return keys->count ? OK
                       : err_set(err, FATAL, "mlflow_signature",
                                 "ingest.mlflow_key_file %s is empty", path);
}

enum verdict mlflow_keys_open(const char *path, struct mlflow_keys **out_keys, struct err *err)
{
    if (!*path) {
        *out_keys = NULL;
        return OK;
    }
    struct mlflow_keys *keys = calloc(1, sizeof *keys);
    if (!keys) {
        return err_set(err, FATAL, "mlflow_signature", "out of memory");
    }
    enum verdict verdict = settings_file_read(path, FILE_BYTES_MAX, &keys->text, &keys->len, err);
    if (verdict == OK) {
        verdict = take_lines(keys, path, err);
    } else {
        err_wrap(err, "ingest.mlflow_key_file");
    }
    if (verdict != OK) {
        mlflow_keys_close(keys);
        return verdict;
    }
    *out_keys = keys;
    return OK;
}

/* `v1,` and the base64 of the digest that key makes; false when memory is short. */
static bool sign(struct str key, const struct mlflow_delivery *delivery, unsigned char *out_text)
{
    const struct str parts[] = {delivery->id, STR("."), delivery->timestamp, STR("."),
                                delivery->body};
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, (const unsigned char *)key.ptr, key.len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good =
        pkey && context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pkey) == 1;

    for (size_t i = 0; is_good && i < sizeof parts / sizeof parts[0]; i++) {
        is_good = EVP_DigestSignUpdate(context, parts[i].ptr, parts[i].len) == 1;
    }
    digest_len = sizeof digest;
    is_good = is_good && EVP_DigestSignFinal(context, digest, &digest_len) == 1 &&
              digest_len == DIGEST_BYTES;
    if (is_good) {
        memcpy(out_text, VERSION, strlen(VERSION));
        (void)EVP_EncodeBlock(out_text + strlen(VERSION), digest, DIGEST_BYTES);
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return is_good;
}

static bool read_seconds(struct str text, int64_t *out_s)
{
    int64_t seconds = 0;

    if (text.len == 0 || text.len > DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i])) {
            return false;
        }
        seconds = seconds * 10 + (text.ptr[i] - '0');
    }
    *out_s = seconds;
    return true;
}

enum mlflow_trust mlflow_keys_judge(const struct mlflow_keys *keys,
                                    const struct mlflow_delivery *delivery, int64_t now_s,
                                    int64_t age_max_s)
{
    unsigned char text[sizeof VERSION + BASE64_BYTES];
    size_t len = strlen(VERSION) + BASE64_BYTES - 1;
    bool is_known = false;
    int64_t sent_s;

    if (!delivery->id.ptr || !delivery->signature.ptr || delivery->signature.len != len ||
        !read_seconds(delivery->timestamp, &sent_s)) {
        return MLFLOW_FORGED;
    }
    for (size_t i = 0; i < keys->count; i++) {
        is_known = (sign(keys->keys[i], delivery, text) &&
                    CRYPTO_memcmp(text, delivery->signature.ptr, len) == 0) ||
                   is_known;
    }
    if (!is_known) {
        return MLFLOW_FORGED;
    }
    int64_t age_s = now_s - sent_s;
    return age_s > age_max_s || age_s < -age_max_s ? MLFLOW_STALE : MLFLOW_TRUSTED;
}

void mlflow_keys_close(struct mlflow_keys *keys)
{
    if (!keys) {
        return;
    }
    if (keys->text) {
        OPENSSL_cleanse(keys->text, keys->len);
    }
    free(keys->text);
    free(keys);
}
