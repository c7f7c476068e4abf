/* batch_split.h - cuts the body of a batch into the texts of its events, without judging them:
 * a JSON array, or one event a line (NDJSON). A pure function over bytes: nothing is copied, so
 * an event's text is followed by the rest of the body and its padding. */
#ifndef METAOPS_INGEST_BATCH_SPLIT_H
#define METAOPS_INGEST_BATCH_SPLIT_H

#include "core/str.h"

struct batch_split {
    struct str body;
    size_t at;
    bool is_array;
    bool has_items;
    bool is_done;
};

/* Begins. is_ndjson: the sender says so; else the first byte decides, `[` or `{`. False for a
 * body that is neither. */
bool batch_split_init(struct batch_split *split, struct str body, bool is_ndjson);

/* The next event's text without white space around it, in out_text. 1, 0 at the end, -1 when
 * the array itself is broken: split->at is the place and *out_reason says why. */
int batch_split_next(struct batch_split *split, struct str *out_text, const char **out_reason);

#endif
