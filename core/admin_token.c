#include "core/admin_token.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "core/file_stamp.h"
#include "core/settings_file.h"

#define TOKEN_BYTES_MIN 16
#define TOKEN_BYTES_MAX 1024
#define SCHEME "Bearer "
#define SPACES " \t\n\v\f\r"

struct admin_token {
    pthread_mutex_t lock; /* of everything below */
    char *path;
    bool is_set;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct file_stamp stamp;
};

static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return text.len >= TOKEN_BYTES_MIN && text.len <= TOKEN_BYTES_MAX;
}

static enum verdict read_digest(const char *path, unsigned char *out_digest, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    enum verdict verdict = settings_file_read(path, 2 * TOKEN_BYTES_MAX, &text, &len, err);

    if (verdict != OK) {
        err_wrap(err, "admin.token_file");
        return REJECT;
    }
    struct str token = str_trim((struct str){text, len}, SPACES);
    if (is_token(token)) {
        SHA256((const unsigned char *)token.ptr, token.len, out_digest);
    } else {
        verdict = err_set(err, REJECT, "admin_token",
                          "admin.token_file %s: not one line of %d to %d visible characters", path,
                          TOKEN_BYTES_MIN, TOKEN_BYTES_MAX);
    }
    OPENSSL_cleanse(text, len);
    free(text);
    return verdict;
}

enum verdict admin_token_open(const char *path, struct admin_token **out_token, struct err *err)
{
    struct admin_token *token = calloc(1, sizeof(*token));
    struct err why = {.text = ""};

    if (!token) {
        return err_set(err, FATAL, "admin_token", "out of memory");
    }
    pthread_mutex_init(&token->lock, NULL);
    if (admin_token_reload(token, path, &why) != OK) {
        admin_token_close(token);
        return err_set(err, FATAL, "admin_token", "%s", why.text);
    }
    *out_token = token;
    return OK;
}

enum verdict admin_token_reload(struct admin_token *token, const char *path, struct err *err)
{
    struct file_stamp stamp = file_stamp_of(path);
    unsigned char digest[SHA256_DIGEST_LENGTH] = {0};
    char *copy = strdup(path);
    enum verdict verdict = copy ? OK : err_set(err, REJECT, "admin_token", "out of memory");

    if (verdict == OK && *path) {
        verdict = read_digest(path, digest, err);
    }
    pthread_mutex_lock(&token->lock);
    if (verdict == OK) {
        char *old = token->path;
        token->path = copy;
        copy = old;
        token->is_set = *path != '\0';
        memcpy(token->digest, digest, sizeof(digest));
    }
    token->stamp = stamp;
    pthread_mutex_unlock(&token->lock);
    free(copy);
    return verdict;
}

enum verdict admin_token_refresh(struct admin_token *token, bool *out_is_new, struct err *err)
{
    struct file_stamp stamp;
    char *path = NULL;
    enum verdict verdict = OK;

    *out_is_new = false;
    pthread_mutex_lock(&token->lock);
    stamp = file_stamp_of(token->path);
    if (!file_stamp_is_same(&stamp, &token->stamp)) {
        path = strdup(token->path);
    }
    pthread_mutex_unlock(&token->lock);
    if (path) {
        *out_is_new = true;
        verdict = admin_token_reload(token, path, err);
        free(path);
    }
    return verdict;
}

bool admin_token_is_set(struct admin_token *token)
{
    bool is_set;

    pthread_mutex_lock(&token->lock);
    is_set = token->is_set;
    pthread_mutex_unlock(&token->lock);
    return is_set;
}

bool admin_token_accepts(struct admin_token *token, struct str authorization)
{
    size_t scheme_len = strlen(SCHEME);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    bool is_accepted;

    if (!admin_token_is_set(token)) {
        return true;
    }
    if (!authorization.ptr || authorization.len <= scheme_len ||
        strncasecmp(authorization.ptr, SCHEME, scheme_len) != 0) {
        return false;
    }
    struct str shown = str_trim(
        (struct str){authorization.ptr + scheme_len, authorization.len - scheme_len}, SPACES);
    SHA256((const unsigned char *)shown.ptr, shown.len, digest);
    pthread_mutex_lock(&token->lock);
    is_accepted = CRYPTO_memcmp(digest, token->digest, sizeof(digest)) == 0;
    pthread_mutex_unlock(&token->lock);
    return is_accepted;
}

void admin_token_close(struct admin_token *token)
{
    if (!token) {
        return;
    }
    OPENSSL_cleanse(token->digest, sizeof(token->digest));
    pthread_mutex_destroy(&token->lock);
    free(token->path);
    free(token);
}
