/* facts.h - helpers of normalize: what facets tell of an asset's minimum metadata (enum graph_fact).
 *
 * Bits are a function of a facet's name and canonical content, so that one digest always tells the same. Lenient: what
 * cannot be read tells nothing. All return OK, or RETRY when memory is short. */
#ifndef METAOPS_PROCESSORS_FACTS_H
#define METAOPS_PROCESSORS_FACTS_H

#include "rows.h"

/* What this facet tells, and in *out_possible what one of its name can tell. One that changes with every run (statistics)
 * is judged by its name alone. */
MUST_CHECK enum verdict facts_of_facet(struct rows *rs, const struct facet_ref *ref,
                                       uint32_t *out_facts, uint32_t *out_possible,
                                       struct err *err);

/* What an event of a run tells of the run. */
MUST_CHECK enum verdict facts_of_run(struct rows *rs, uint32_t *out_facts, struct err *err);

#endif
