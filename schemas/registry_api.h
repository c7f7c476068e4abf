/* registry_api.h - the routes of a Confluent-compatible schema registry that we use, one call each.
 *
 * Blocks up to schema_registry.timeout_ms for each URL; several URLs are tried in turn, the one
 * that answered last first. One thread at a time. Verdicts: OK; REJECT when the registry says no,
 * with its own words; RETRY when none answers, or with 5xx, 401 or 403 (somebody must act, then it
 * works); FATAL for settings that cannot work. */
#ifndef METAOPS_SCHEMAS_REGISTRY_API_H
#define METAOPS_SCHEMAS_REGISTRY_API_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

struct registry_api;
struct settings;

/* Asks nothing yet. st must outlive it. */
MUST_CHECK enum verdict registry_api_open(const struct settings *st, struct registry_api **out_api,
                                          struct err *err);

/* The id of a schema below a subject. *out_is_found false when it is not registered there. */
MUST_CHECK enum verdict registry_api_look_up(struct registry_api *api, const char *subject,
                                             struct str schema, bool *out_is_found,
                                             uint32_t *out_id, struct err *err);

/* Registers it; the id it has from now on. REJECT when it is not compatible. */
MUST_CHECK enum verdict registry_api_register(struct registry_api *api, const char *subject,
                                              struct str schema, uint32_t *out_id, struct err *err);

/* The text of the schema of an id, malloc'd, the caller's. REJECT when there is none. */
MUST_CHECK enum verdict registry_api_schema(struct registry_api *api, uint32_t id, char **out_text,
                                            struct err *err);

/* Would the registry take it? REJECT with the reason when it would not. OK for a subject that is
 * not there yet. */
MUST_CHECK enum verdict registry_api_check(struct registry_api *api, const char *subject,
                                           struct str schema, struct err *err);

/* Sets the subject's compatibility to FULL_TRANSITIVE. *out_is_found false when there is no such
 * subject (some registries want one first). */
MUST_CHECK enum verdict registry_api_set_level(struct registry_api *api, const char *subject,
                                               bool *out_is_found, struct err *err);

/* NULL is allowed. */
void registry_api_close(struct registry_api *api);

#endif
