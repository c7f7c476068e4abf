/* dataset_facets.h - what symlinks and columnLineage facets of a dataset say, as rows.
 *
 * Lenient member by member: what cannot be read is left out of the rows (it stays in the facet's
 * content); the event is never refused for it. */
#ifndef METAOPS_PROCESSORS_DATASET_FACETS_H
#define METAOPS_PROCESSORS_DATASET_FACETS_H

#include "rows.h"

/* Rows of one static dataset facet, if it is one of those. OK, or RETRY when memory is short. */
MUST_CHECK enum verdict dataset_facets_rows(struct rows *rs, const struct facet_ref *ref,
                                            struct err *err);

#endif
