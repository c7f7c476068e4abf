/* contracts_file.h - the file of contracts and rules for drift (alerts.contracts_file), read and judged.
 *
 * One JSON object: "contracts" says what has to hold of datasets, "rules" what is to become of drift; both may be
 * missing. What each member means is told in metaops.conf(5) and by an example in the README; names are
 * those of the Open Data Contract Standard where it has one (id, schema.properties with name, physicalType, required). */
#ifndef METAOPS_SINKS_CONTRACTS_FILE_H
#define METAOPS_SINKS_CONTRACTS_FILE_H

#include <stddef.h>

#include "core/err.h"

#define CONTRACTS_FILE_BYTES_MAX (4 << 20)

struct contracts_file {
    char *json; /* as graph.load_contracts takes it */
    size_t contract_count;
    size_t rule_count;
};

/* Reads the file at path. FATAL when it cannot be read or is no such file: the text names the place by JSON pointer.
 * Ends with contracts_file_fini. */
MUST_CHECK enum verdict contracts_file_read(const char *path, struct contracts_file *out_file,
                                            struct err *err);

/* A zeroed one is allowed. */
void contracts_file_fini(struct contracts_file *file);

#endif
