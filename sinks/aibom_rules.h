/* aibom_rules.h - what a bill of materials in SPDX 3.0.1 has to say of models and datasets and what neither the JSON
 * schema nor the SHACL shapes of the standard ask for: twelve rules. One thread; nothing blocks but the output. */
#ifndef METAOPS_SINKS_AIBOM_RULES_H
#define METAOPS_SINKS_AIBOM_RULES_H

#include <stdio.h>

#include "core/err.h"
#include "core/str.h"

/* Prints a line for each rule that an element of the document breaks, and counts them. text: the document, any
 * bytes behind it. REJECT when it is no JSON, RETRY when memory is short. */
MUST_CHECK enum verdict aibom_rules_print(struct str text, FILE *out, int *out_missing,
                                          struct err *err);

#endif
