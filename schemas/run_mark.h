/* run_mark.h - what a run tells of itself, and what it runs in: an id that both give, so that they find each other in any
 * order. Pure functions; any thread. */
#ifndef METAOPS_SCHEMAS_RUN_MARK_H
#define METAOPS_SCHEMAS_RUN_MARK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/id128.h"
#include "core/str.h"

#define RUN_MARK_LABEL_BYTES_MAX 63

/* A try of a task of Airflow, each part as Airflow knows it or already as a label. map_index is empty or -1 for a task that
 * is not mapped. */
struct run_mark_task {
    struct str dag, task, run, try_number, map_index;
};

/* The value of a label that Airflow gives a pod (make_safe_label_value of its provider for Kubernetes): what a label may
 * not have is taken away, and if that changed anything, nine digits of the MD5 of the original follow. A label stays as it
 * is. Writes into out (RUN_MARK_LABEL_BYTES_MAX + 1 bytes) and returns the length. */
size_t run_mark_label(struct str value, char *out);

/* The task's mark; zero when it has no dag, task or run. */
struct id128 run_mark_of_task(const struct run_mark_task *task);

/* The mark of what belongs to an application of Spark: label spark-app-selector, facet spark_applicationDetails. Zero for an
 * empty id. */
struct id128 run_mark_of_spark(struct str application_id);

#endif
