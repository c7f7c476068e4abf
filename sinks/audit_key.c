#include "audit_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "core/plain_file.h"

#define WHERE "audit"
#define PUBLIC_BYTES 32
#define ID_BYTES 8
#define FILE_BYTES_MAX ((size_t)64 * 1024)

struct audit_key {
    EVP_PKEY *pkey;
    char id[AUDIT_KEY_ID_TEXT_BYTES];
};

static EVP_PKEY *read_pem(FILE *in, bool needs_private)
{
    /* An empty pass phrase: nobody is asked for one. */
    EVP_PKEY *pkey = PEM_read_PrivateKey(in, NULL, NULL, "");
    if (!pkey && !needs_private) {
        rewind(in);
        pkey = PEM_read_PUBKEY(in, NULL, NULL, NULL);
    }
    if (pkey && EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey;
}

static bool name_key(struct audit_key *key)
{
    uint8_t public[PUBLIC_BYTES];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    size_t size = sizeof public;
    if (EVP_PKEY_get_raw_public_key(key->pkey, public, &size) != 1 || size != sizeof public) {
        return false;
    }
    SHA256(public, sizeof public, digest);
    for (size_t i = 0; i < ID_BYTES; i++) {
        snprintf(key->id + 2 * i, 3, "%02x", digest[i]);
    }
    return true;
}

enum verdict audit_key_read(const char *path, bool needs_private, struct audit_key **out_key,
                            struct err *err)
{
    struct stat about;
    struct audit_key *key = calloc(1, sizeof *key);
    const char *fault = plain_file_fault(path, FILE_BYTES_MAX);
    FILE *in = fault ? NULL : fopen(path, "re");
    enum verdict verdict = OK;
    if (!key) {
        verdict = err_set(err, RETRY, WHERE, "memory is short");
    } else if (!in) {
        verdict =
            err_set(err, FATAL, WHERE, "the key %s: %s", path, fault ? fault : strerror(errno));
    } else if (needs_private && (fstat(fileno(in), &about) != 0 || (about.st_mode & S_IRWXO))) {
        verdict =
            err_set(err, FATAL, WHERE, "the key %s may be read by everybody: chmod 600", path);
    } else if (!(key->pkey = read_pem(in, needs_private)) || !name_key(key)) {
        verdict = err_set(err, FATAL, WHERE,
                          "%s is no Ed25519 %s in PEM (openssl genpkey -algorithm ed25519)", path,
                          needs_private ? "private key" : "key");
    }
    if (in) {
        fclose(in);
    }
    if (verdict != OK) {
        audit_key_free(key);
        return verdict;
    }
    *out_key = key;
    return OK;
}

const char *audit_key_id(const struct audit_key *key)
{
    return key->id;
}

bool audit_key_sign(const struct audit_key *key, struct str text, uint8_t *out_signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t size = AUDIT_KEY_SIGNATURE_BYTES;
    bool is_good =
        ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
        EVP_DigestSign(ctx, out_signature, &size, (const unsigned char *)text.ptr, text.len) == 1 &&
        size == AUDIT_KEY_SIGNATURE_BYTES;
    EVP_MD_CTX_free(ctx);
    return is_good;
}

bool audit_key_has_signed(const struct audit_key *key, struct str text, const uint8_t *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                   EVP_DigestVerify(ctx, signature, AUDIT_KEY_SIGNATURE_BYTES,
                                    (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return is_good;
}

void audit_key_free(struct audit_key *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}
