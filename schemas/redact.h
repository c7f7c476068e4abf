/* redact.h - takes secrets out of an event before anybody stores it.
 *
 * A pure, idempotent function of the bytes: the same code and the same two settings in gateway,
 * worker and emitter give the same body, and so the same event id (design: Identity). Only what is
 * secret is replaced, each stretch by one REDACT_MARK; every other byte stays as it came, keys of
 * objects included. What is secret:
 *
 *   URLs       passwords of user info and of properties in all spellings (?password= ;pwd=
 *              (password=) DB2, Teradata and Oracle thin, ODBC, libpq), signatures, tokens and keys
 *              in queries; JSON escapes and one level of percent encoding are seen through
 *   names      string values of keys such as password, secret, api_key, fs.s3a.secret.key; of
 *              {"name": ..., "value": ...}; of --flags, -D properties and assignments in text
 *   shapes     well-known tokens wherever they stand: AKIA, ghp_, xoxb-, JWT, Bearer, PEM keys ...
 *   variables  of the facets environmentVariables and environment-properties, unless listed
 *   literals   of SQL in the sql facet, when wanted
 *   Kubernetes variables, arguments, last words of containers, contents of Secrets and ConfigMaps, and annotations but for ours and
 *              Airflow's, in audit events and watches (kube_audit.h, kube_watch.h)
 *
 * What only looks like it stays: columns and fields named password, types, prose, digests, what
 * producers have masked themselves (***), templates (${X}, {{ x }}). The rules are the tables in
 * redact_rules.c and redact_names.c. */
#ifndef METAOPS_SCHEMAS_REDACT_H
#define METAOPS_SCHEMAS_REDACT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/str.h"

/* Safe in URLs and in JSON strings; no producer writes it. */
#define REDACT_MARK "~metaops-redacted~"

/* Secrets in one event, counted before those that touch become one: far more than any real event has,
 * few enough that finding them needs little memory. */
#define REDACT_SPANS_MAX 65536

struct json_doc;
struct redact;

/* environment_allow: names of variables whose values are kept, separated by commas; a * at the end
 * of a name stands for anything. Read-only afterwards: any thread may use it. RETRY when memory is
 * short. Free with redact_free. */
MUST_CHECK enum verdict redact_new(const char *environment_allow, bool is_masking_sql,
                                   struct redact **out_redact, struct err *err);

/* doc holds the parse of *inout_body. When there is nothing secret, neither changes. Else
 * *inout_body becomes the redacted text, in arena and followed by JSON_PADDING_BYTES, and doc its
 * parse: whatever was read from doc before is stale. RETRY when memory is short. REJECT when the
 * redacted text can't be parsed within the limits of doc, when there is more to redact than
 * REDACT_SPANS_MAX, and when each secret redacted brings up another: the text may then not be kept
 * by anybody, not even as a dead letter, and doc is of no use. */
MUST_CHECK enum verdict redact_event(const struct redact *redact, struct json_doc *doc,
                                     struct arena *arena, struct str *inout_body, struct err *err);

/* As redact_event for bytes that are no JSON (dead letters): what the patterns find in them as they
 * stand. Returns bytes itself when there is nothing; REDACT_MARK alone when what redact_event rejects
 * is the matter; ptr NULL when the arena is full. */
struct str redact_bytes(const struct redact *redact, struct str bytes, struct arena *arena);

/* Is this all that is left of a text that could not be redacted? */
bool redact_is_withheld(struct str body);

/* Number of marks in a body: lineage_event.redactions, whoever redacted. */
int32_t redact_count(struct str body);

/* Marks that redaction added, for metrics. */
size_t redact_made(struct str before, struct str after);

/* NULL is allowed. */
void redact_free(struct redact *redact);

#endif
