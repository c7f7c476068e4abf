/* dead_letters.h - puts letters on their topic, before the transaction that stores them.
 *
 * So a letter in the table is always on the topic too; after a crash it may be there twice (same
 * key). Any thread; blocks until the broker has them. */
#ifndef METAOPS_PROCESSORS_DEAD_LETTERS_H
#define METAOPS_PROCESSORS_DEAD_LETTERS_H

#include "schemas/graph_rows.h"

struct dead_letters;
struct framing;
struct settings;

/* framing, which outlives the letters, may be NULL. */
MUST_CHECK enum verdict dead_letters_start(const struct settings *st, struct framing *framing,
                                           struct dead_letters **out_letters, struct err *err);

/* Publishes all letters of rows and waits for the answers. OK at once when there are none; RETRY when the
 * broker did not take them all. A letter too large for the topic goes there without its value. */
MUST_CHECK enum verdict dead_letters_publish(struct dead_letters *letters,
                                             const struct graph_batch *rows, struct err *err);

/* Flushes, stops, frees. NULL is allowed. */
void dead_letters_stop(struct dead_letters *letters);

#endif
