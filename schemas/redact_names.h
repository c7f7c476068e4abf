/* redact_names.h - does a name say that its value is secret, and is a value one at all?
 * Pure functions; no JSON, no URLs. */
#ifndef METAOPS_SCHEMAS_REDACT_NAMES_H
#define METAOPS_SCHEMAS_REDACT_NAMES_H

#include <stdbool.h>

#include "core/str.h"

/* A name of a key, variable, option: judged by its last words, whatever joins them and in any case:
 * db.password, DB_PASSWORD, dbPassword, ssl-key-password. */
bool redact_names_is_secret(struct str name);

/* As redact_names_is_secret, and what is secret only as a parameter of a URL: sig, signature. */
bool redact_names_is_secret_parameter(struct str name);

/* Names of variables that are assignments of secrets wherever they stand: PGPASSWORD. */
bool redact_names_is_secret_variable(struct str name);

/* Nothing (empty), masked by its producer (***), a template or a placeholder (${X}, {{ x }}, ?). */
bool redact_names_is_no_value(struct str value);

/* As redact_names_is_no_value, or a word that says something about a secret: true, none, varchar(20), a path
 * under a name that ends in pwd. */
bool redact_names_is_kept(struct str name, struct str value);

/* True when the comma list names it; a * at the end of an item stands for anything. */
bool redact_names_is_listed(const char *list, struct str name);

#endif
