/* artifact_rows.h - helper of normalize: what a training run or a declaration says of versions of models.
 *
 * An output is the artifact of a model when its facet datasetType says MODEL, or when it has a facet metaops_model:
 * {"namespace", "name", "version"}, and where known "digest" (ALGORITHM:HEX) and "mlflowRunId". Where its namespace and name make
 * a URI, the run made what is stored there: versions of that artifact are joined to it by views, whichever came
 * first. What metaops_model says is observed where a run says so that completed, and declared by a dataset event; a run
 * that has not completed has made nothing. A facet that is not whole says nothing. */
#ifndef METAOPS_PROCESSORS_ARTIFACT_ROWS_H
#define METAOPS_PROCESSORS_ARTIFACT_ROWS_H

#include "rows.h"

/* OK, or RETRY when memory is short. */
MUST_CHECK enum verdict artifact_rows(struct rows *rs, struct err *err);

#endif
