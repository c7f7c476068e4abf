/* memory_sink.h - a sink that keeps everything in memory and fails when told to, with the fence and the ledger
 * that core/flow.h asks for. There is one, shared by all lanes; every function takes its lock. */
#ifndef METAOPS_TESTS_SUPPORT_MEMORY_SINK_H
#define METAOPS_TESTS_SUPPORT_MEMORY_SINK_H

#include "core/flow.h"
#include "schemas/graph_rows.h"

extern const struct sink_ops memory_sink_ops;

/* Forgets all that was stored and told. */
void memory_sink_reset(void);

/* What the next write answers (up to 64 such answers, one write each); then SINK_STORED. POISON names the event
 * with this number. */
void memory_sink_answer(enum sink_result result, uint32_t poison_event);

/* Writes wait inside until they are let go. */
void memory_sink_hold(bool is_held);

/* Positions cannot be read and never will: load answers FATAL. */
void memory_sink_unfit(bool is_unfit);

/* This event is refused as POISON, as often as it comes. */
void memory_sink_refuse(struct id128 event_id);

size_t memory_sink_writes(void); /* begun */
size_t memory_sink_events(void); /* distinct ones stored */
size_t
memory_sink_rows_of(char row); /* 'l' letters, 'd' datasets, 'p' positions moved: rows stored */
bool memory_sink_has_event(struct id128 event_id);
bool memory_sink_has_letter(struct id128 letter_id);
size_t memory_sink_fenced(void); /* writes that came from a wrong position */

/* The stored position; -1 when there is none. */
int64_t memory_sink_position(const char *topic, int32_t partition);

/* Moves it, as another worker would. */
void memory_sink_move(const char *topic, int32_t partition, int64_t next_offset);

/* The reason for which the partition was stopped, or NULL. */
const char *memory_sink_stopped(const char *topic, int32_t partition);

#endif
