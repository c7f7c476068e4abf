/* kube_known.h - the objects of one resource that a watch has told of, with the revision that was told last: so that a list
 * that is read again tells only what is new, and what is gone. One thread. */
#ifndef METAOPS_INGEST_KUBE_KNOWN_H
#define METAOPS_INGEST_KUBE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "schemas/kube_watch.h"

struct kube_known;

/* Keeps at most that many objects. NULL when memory is short. */
struct kube_known *kube_known_new(size_t objects_max);

/* Is this object told at this revision? If so it counts as listed. */
bool kube_known_has(struct kube_known *known, const struct kube_watch_names *names);

/* It is told at this revision, as a state of that time, and listed. False: it is not kept, because there are too many or memory
 * is short. */
bool kube_known_put(struct kube_known *known, const struct kube_watch_names *names, int64_t at_us);

/* The latest of the times at which it was told; INT64_MIN: it is not known. */
int64_t kube_known_time(struct kube_known *known, struct str uid);

/* It is gone. */
void kube_known_drop(struct kube_known *known, struct str uid);

/* A list begins: nothing is listed yet. */
void kube_known_begin_list(struct kube_known *known);

/* One that is not listed; its names are valid until it is dropped, which is what to do with it before the next is asked
 * for. False: there is none left. */
bool kube_known_next_missing(struct kube_known *known, struct kube_watch_names *out_names);

size_t kube_known_count(const struct kube_known *known);

/* NULL is allowed. */
void kube_known_free(struct kube_known *known);

#endif
