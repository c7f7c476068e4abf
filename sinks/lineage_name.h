/* lineage_name.h - from the words a person typed to a dataset, job or column of the graph. */
#ifndef METAOPS_SINKS_LINEAGE_NAME_H
#define METAOPS_SINKS_LINEAGE_NAME_H

#include <stdio.h>

#include "core/err.h"

struct lineage_question;
struct pg_conn;
struct pg_result;

/* Completes question: is_job, and for a NULL namespace the one place where the name stands (its
 * text lives in *out_rows, which the caller clears in every case; it may stay NULL). Blocks. REJECT
 * when the name or its field is unknown or stands in several places: then what is wrong, and up to
 * five names that may be meant, have been written to notes. */
MUST_CHECK enum verdict lineage_name_resolve(struct pg_conn *pg, struct lineage_question *question,
                                             FILE *notes, struct pg_result **out_rows,
                                             struct err *err);

#endif
