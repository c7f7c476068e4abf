/* kube_cut.h - finds what stands where in JSON by its brackets and quotes alone: for a page of a list, whose objects are read one
 * by one so that one that cannot be read hides no other, and for the names of an object that is nested too deep to be read.
 * What is found need not be JSON. Pure functions. */
#ifndef METAOPS_INGEST_KUBE_CUT_H
#define METAOPS_INGEST_KUBE_CUT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "schemas/kube_watch.h"

/* The value of the first member of that name, a view with its brackets or quotes. False: object is none, has no such member,
 * or ends before it does. */
bool kube_cut_member(struct str object, const char *name, struct str *out_value);

/* The element of an array that begins at *inout_at or behind it (0: the first one); empty behind the last one. REJECT: no
 * array goes on like this. */
MUST_CHECK enum verdict kube_cut_next(struct str array, size_t *inout_at, struct str *out_element,
                                      struct err *err);

/* The names in the metadata of an object, as they stand there. False: one is missing (a namespace may), or is no plain text. */
bool kube_cut_names(struct str object, struct kube_watch_names *out_names);

#endif
