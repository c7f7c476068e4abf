/* run_marks.h - helper of normalize: the marks by which what a run runs in finds it (run_mark.h), from its facets airflow
 * and spark_applicationDetails. */
#ifndef METAOPS_PROCESSORS_RUN_MARKS_H
#define METAOPS_PROCESSORS_RUN_MARKS_H

#include "rows.h"

/* Of an event of a run. OK, or RETRY when memory is short. */
MUST_CHECK enum verdict run_marks(struct rows *rs, struct err *err);

#endif
