/* series_group.h - the series of a group as bytes: what is stored of them (graph.series_states.states).
 *
 * Entries in the order of their metrics. Each is a head that SQL reads, too (graph.series_entries), in network order, and the
 * state (series_codec.h): metric 2 bytes, length of the state 2, points 4, time of the newest 8 (microseconds since 1970),
 * and as IEEE 754 doubles its value, what was expected, the spread and the score; what there is no telling of is NaN.
 *
 * Pure functions; any thread. */
#ifndef METAOPS_SINKS_SERIES_GROUP_H
#define METAOPS_SINKS_SERIES_GROUP_H

#include "core/str.h"
#include "series_codec.h"

#define SERIES_GROUP_ENTRY_BYTES_MAX (48 + SERIES_CODEC_BYTES_MAX)

struct series_entry {
    int16_t metric;
    struct str bytes; /* all of it */
    struct str state;
};

/* Cuts the first entry off the rest of a group, as views into it. False: there is none, or (rest is not empty) what is left
 * was not written by this program. */
MUST_CHECK bool series_group_next(struct str *rest, struct series_entry *out_entry);

/* Writes an entry into bytes (SERIES_GROUP_ENTRY_BYTES_MAX); returns its length. */
size_t series_group_put(char *bytes, int16_t metric, const struct series_view *view,
                        const struct series_state *state);

#endif
