/* schema_registry.h - ids of schemas, learned once from a registry and kept for ever.
 *
 * A thread of its own asks; nobody asks per record. What a role writes is looked up (and, where
 * schema_registry.auto_register says so, registered) at the start and until it is there; ids that a
 * reader meets are looked up when they first come. A positive answer never changes, so a registry
 * that goes away later is not missed; "there is none" is believed for a minute. The number of ids
 * kept is bounded. A schema that is none of our released versions, by its fingerprint, is for the
 * decoder to refuse, also when it would be compatible: our readers are made for exact versions. */
#ifndef METAOPS_SCHEMAS_SCHEMA_REGISTRY_H
#define METAOPS_SCHEMAS_SCHEMA_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "schemas/released.h"

struct schema_registry;
struct framing;
struct settings;

/* What a role writes: a bit for each family. */
#define SCHEMA_REGISTRY_WRITES(family) (1u << (family))

/* Starts the thread. *out_registry is NULL when schema_registry.url is empty: then every other
 * function here takes NULL for "no registry needed". FATAL for settings that cannot work. st must
 * outlive it. */
MUST_CHECK enum verdict schema_registry_start(const struct settings *st, unsigned writes,
                                              struct schema_registry **out_registry,
                                              struct err *err);

/* For encoders and decoders; NULL for NULL. Valid until stop. */
struct framing *schema_registry_framing(struct schema_registry *registry);

/* Is everything known that this role writes? Else the reason. Never blocks; any thread. */
bool schema_registry_is_ready(struct schema_registry *registry, char *reason, size_t size);

/* Waits for that up to timeout_ms: OK or RETRY. */
MUST_CHECK enum verdict schema_registry_wait(struct schema_registry *registry, int timeout_ms,
                                             struct err *err);

/* Ends the thread (after the request it is in) and frees. Nobody may use the framing any more. */
void schema_registry_stop(struct schema_registry *registry);

/* Registers every released schema that is not registered, each after asking whether it is
 * compatible, and sets FULL_TRANSITIVE for all subjects. Says what it did on stdout. REJECT with
 * the registry's words when it refuses; then nothing further is registered. */
MUST_CHECK enum verdict schema_registry_release(const struct settings *st, struct err *err);

/* Asks for every released schema and changes nothing: how many are registered, how many are not. */
MUST_CHECK enum verdict schema_registry_count(const struct settings *st, size_t *out_known,
                                              size_t *out_missing, struct err *err);

#endif
