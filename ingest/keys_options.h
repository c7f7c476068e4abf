/* keys_options.h - what the words behind `metaops keys` ask for. */
#ifndef METAOPS_INGEST_KEYS_OPTIONS_H
#define METAOPS_INGEST_KEYS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "schemas/key_change.h"

enum keys_action { KEYS_ADD, KEYS_LIST, KEYS_REVOKE };

struct keys_options {
    enum keys_action action;
    bool is_json;
    /* Of add: name, namespaces (the array is owned, the words are argv's), expiry and limits; of
     * revoke: key_id. */
    struct key_change change;
};

/* now_us: what --expires counts from. REJECT with the reason for words that are not understood;
 * the reason never quotes what could be a key. */
MUST_CHECK enum verdict keys_options_read(int argc, char **argv, int64_t now_us,
                                          struct keys_options *out_options, struct err *err);

void keys_options_fini(struct keys_options *options);

#endif
