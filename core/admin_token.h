/* admin_token.h - the bearer token of the admin ports: kept as a digest, compared in constant time.
 * Any thread. */
#ifndef METAOPS_CORE_ADMIN_TOKEN_H
#define METAOPS_CORE_ADMIN_TOKEN_H

#include <stdbool.h>

#include "err.h"
#include "str.h"

struct admin_token;

/* Reads the file: one line of 16 to 1024 visible characters, white space around it ignored. An empty
 * path: no token is asked for. FATAL with the reason. */
MUST_CHECK enum verdict admin_token_open(const char *path, struct admin_token **out_token,
                                         struct err *err);

/* Reads this file from now on. REJECT: the token stays as it was. */
MUST_CHECK enum verdict admin_token_reload(struct admin_token *token, const char *path,
                                           struct err *err);

/* Reads the file again when it has changed since it was last read, with or without success. */
MUST_CHECK enum verdict admin_token_refresh(struct admin_token *token, bool *out_is_new,
                                            struct err *err);

/* Whether a token is asked for. */
bool admin_token_is_set(struct admin_token *token);

/* Whether the value of an Authorization header shows the token; true when none is asked for. */
bool admin_token_accepts(struct admin_token *token, struct str authorization);

/* NULL is allowed. */
void admin_token_close(struct admin_token *token);

#endif
