/* emit_key.h - the API key that `metaops emit` sends: from the environment or a file, never from the
 * command line, which others can read. */
#ifndef METAOPS_INGEST_EMIT_KEY_H
#define METAOPS_INGEST_EMIT_KEY_H

#include "core/err.h"

/* The key of METAOPS_EMIT_API_KEY, else the first line of the file that METAOPS_EMIT_API_KEY_FILE
 * names, else that of OPENLINEAGE_API_KEY; malloc'd, empty when there is none. FATAL when the file
 * cannot be read or the key could not stand in a header; the text never shows it. */
MUST_CHECK enum verdict emit_key_read(char **out_key, struct err *err);

/* Wipes and frees. NULL is allowed. */
void emit_key_free(char *key);

#endif
