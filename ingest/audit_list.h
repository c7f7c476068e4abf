/* audit_list.h - finds the items of a list of audit events (EventList of audit.k8s.io) without parsing them. A pure
 * function over bytes: nothing is copied, and whether an item is JSON is found out by whoever parses it. */
#ifndef METAOPS_INGEST_AUDIT_LIST_H
#define METAOPS_INGEST_AUDIT_LIST_H

#include "core/str.h"

/* The array of items, brackets included: a view of body. ptr NULL when body is no such list; *out_at is the place,
 * *out_reason, a literal, says why. */
struct str audit_list_items(struct str body, size_t *out_at, const char **out_reason);

#endif
