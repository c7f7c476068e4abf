/* series_codec.h - the state of a series as bytes: what is stored of it (graph.series.state).
 *
 * Little endian, beginning with a version. Pure functions; any thread. */
#ifndef METAOPS_SINKS_SERIES_CODEC_H
#define METAOPS_SINKS_SERIES_CODEC_H

#include "core/str.h"
#include "series_model.h"

#define SERIES_CODEC_BYTES_MAX 336

/* Writes the state into bytes (SERIES_CODEC_BYTES_MAX); returns its length. */
size_t series_codec_encode(const struct series_state *state, char *bytes);

/* False: no state that this program wrote. Nothing at all is the state of a new series. */
MUST_CHECK bool series_codec_decode(struct str bytes, struct series_state *out_state);

#endif
