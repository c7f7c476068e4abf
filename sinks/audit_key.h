/* audit_key.h - the Ed25519 key that signs heads of the audit chains, or the public half that checks them.
 *
 * Any thread; one at a time for each key. */
#ifndef METAOPS_SINKS_AUDIT_KEY_H
#define METAOPS_SINKS_AUDIT_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define AUDIT_KEY_SIGNATURE_BYTES 64
#define AUDIT_KEY_ID_TEXT_BYTES 17

struct audit_key;

/* Reads a key, PEM, private or public. needs_private: a public one will not do, and the file must not be readable by
 * everybody. FATAL with the reason when it is none. The caller frees with audit_key_free. */
MUST_CHECK enum verdict audit_key_read(const char *path, bool needs_private,
                                       struct audit_key **out_key, struct err *err);

/* The first 16 hexadecimal digits of the SHA-256 of the public half. */
const char *audit_key_id(const struct audit_key *key);

/* False when memory is short or the key has no private half. out_signature holds AUDIT_KEY_SIGNATURE_BYTES. */
MUST_CHECK bool audit_key_sign(const struct audit_key *key, struct str text,
                               uint8_t *out_signature);

bool audit_key_has_signed(const struct audit_key *key, struct str text, const uint8_t *signature);

/* NULL is allowed. */
void audit_key_free(struct audit_key *key);

#endif
