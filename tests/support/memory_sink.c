#include "memory_sink.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWERS_MAX 64
#define IDS_MAX 20000
#define PARTITIONS_MAX 32

struct stored_position {
    char topic[64];
    int32_t partition;
    int64_t next_offset;
    struct id128 last_id;
    bool has_last_id;
    char stopped_reason[160];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t let_go;
    struct {
        enum sink_result result;
        uint32_t event;
    } answers[ANSWERS_MAX];
    size_t answer_count;
    size_t answer_next;
    bool is_held;
    bool is_unfit;
    bool has_refused;
    struct id128 refused;
    size_t writes;
    size_t fenced;
    size_t datasets;
    size_t moves;
    struct id128 events[IDS_MAX];
    size_t event_count;
    struct id128 letters[IDS_MAX];
    size_t letter_count;
    struct stored_position positions[PARTITIONS_MAX];
    size_t position_count;
} mem = {.lock = PTHREAD_MUTEX_INITIALIZER, .let_go = PTHREAD_COND_INITIALIZER};

static char only_sink;

static struct stored_position *position_of(const char *topic, int32_t partition)
{
    for (size_t i = 0; i < mem.position_count; i++) {
        if (mem.positions[i].partition == partition && strcmp(mem.positions[i].topic, topic) == 0) {
            return &mem.positions[i];
        }
    }
    return NULL;
}

static struct stored_position *position_made(const char *topic, int32_t partition)
{
    struct stored_position *position = position_of(topic, partition);
    if (!position) {
        position = &mem.positions[mem.position_count++];
        *position = (struct stored_position){.partition = partition};
        snprintf(position->topic, sizeof position->topic, "%s", topic);
    }
    return position;
}

/* True when it was not there yet. */
static bool keep(struct id128 *ids, size_t *count, struct id128 id)
{
    for (size_t i = 0; i < *count; i++) {
        if (id128_eq(ids[i], id)) {
            return false;
        }
    }
    if (*count == IDS_MAX) {
        abort();
    }
    ids[(*count)++] = id;
    return true;
}

static enum verdict open_memory(const struct settings *st, const char *cluster_id, int lane,
                                struct sink **out_sink, struct err *err)
{
    (void)st;
    (void)cluster_id;
    (void)lane;
    (void)err;
    *out_sink = (struct sink *)&only_sink;
    return OK;
}

static bool is_fenced(const struct graph_batch *rows)
{
    for (size_t i = 0; i < rows->positions.count; i++) {
        const struct graph_position *row = &rows->positions.items[i];
        const struct stored_position *position = position_of(row->topic.ptr, row->partition);
        if (!position || position->next_offset != row->expected_offset ||
            position->stopped_reason[0]) {
            return true;
        }
    }
    return false;
}

static enum sink_result store(struct graph_batch *rows, struct err *err)
{
    if (is_fenced(rows)) {
        mem.fenced++;
        err_set(err, RETRY, "memory_sink", "another position");
        return SINK_RESET;
    }
    for (size_t i = 0; i < rows->positions.count; i++) {
        const struct graph_position *row = &rows->positions.items[i];
        struct stored_position *position = position_of(row->topic.ptr, row->partition);
        position->next_offset = row->next_offset;
        position->last_id = row->last_id;
        position->has_last_id = true;
        mem.moves++;
    }
    rows->stored_count = 0;
    for (size_t i = 0; i < rows->events.count; i++) {
        struct graph_event *event = &rows->events.items[i];
        event->is_stored = !keep(mem.events, &mem.event_count, event->id);
        rows->stored_count += event->is_stored;
    }
    for (size_t i = 0; i < rows->letters.count; i++) {
        keep(mem.letters, &mem.letter_count, rows->letters.items[i].letter_id);
    }
    mem.datasets += rows->datasets.count;
    return SINK_STORED;
}

static enum sink_result write_memory(struct sink *sink, struct graph_batch *rows,
                                     uint32_t *out_event, struct err *err)
{
    (void)sink;
    pthread_mutex_lock(&mem.lock);
    mem.writes++;
    while (mem.is_held) {
        pthread_cond_wait(&mem.let_go, &mem.lock);
    }
    enum sink_result result = SINK_STORED;
    if (mem.answer_next < mem.answer_count) {
        result = mem.answers[mem.answer_next].result;
        *out_event = mem.answers[mem.answer_next++].event;
    }
    for (uint32_t i = 0; mem.has_refused && i < rows->events.count; i++) {
        if (id128_eq(rows->events.items[i].id, mem.refused)) {
            result = SINK_POISON;
            *out_event = i;
        }
    }
    if (result == SINK_STORED) {
        result = store(rows, err);
    } else {
        err_set(err, RETRY, "memory_sink", "as told");
    }
    pthread_mutex_unlock(&mem.lock);
    return result;
}

static enum verdict load_memory(struct sink *sink, struct sink_position *positions, size_t count,
                                struct err *err)
{
    (void)sink;
    pthread_mutex_lock(&mem.lock);
    bool is_unfit = mem.is_unfit;
    for (size_t i = 0; i < count; i++) {
        const struct stored_position *position =
            position_of(positions[i].topic, positions[i].partition);
        positions[i].is_found = position != NULL;
        if (position) {
            positions[i].is_stopped = position->stopped_reason[0] != 0;
            positions[i].next_offset = position->next_offset;
            positions[i].has_last_id = position->has_last_id;
            positions[i].last_id = position->last_id;
        }
    }
    pthread_mutex_unlock(&mem.lock);
    return is_unfit ? err_set(err, FATAL, "memory_sink", "tables are missing") : OK;
}

static enum verdict save_memory(struct sink *sink, const struct sink_position *row,
                                const char *reason, struct err *err)
{
    (void)sink;
    (void)err;
    pthread_mutex_lock(&mem.lock);
    bool is_new = !position_of(row->topic, row->partition);
    struct stored_position *position = position_made(row->topic, row->partition);
    if (is_new) {
        position->next_offset = row->next_offset;
    }
    if (reason) {
        snprintf(position->stopped_reason, sizeof position->stopped_reason, "%s", reason);
    }
    pthread_mutex_unlock(&mem.lock);
    return OK;
}

static void close_memory(struct sink *sink)
{
    (void)sink;
}

const struct sink_ops memory_sink_ops = {.name = "memory",
                                         .may_go_back = true,
                                         .open = open_memory,
                                         .write = write_memory,
                                         .load = load_memory,
                                         .save = save_memory,
                                         .close = close_memory};

void memory_sink_reset(void)
{
    pthread_mutex_lock(&mem.lock);
    mem.answer_count = mem.answer_next = 0;
    mem.is_held = mem.is_unfit = mem.has_refused = false;
    mem.writes = mem.fenced = mem.datasets = mem.moves = 0;
    mem.event_count = mem.letter_count = mem.position_count = 0;
    pthread_mutex_unlock(&mem.lock);
}

void memory_sink_answer(enum sink_result result, uint32_t poison_event)
{
    pthread_mutex_lock(&mem.lock);
    if (mem.answer_count == ANSWERS_MAX) {
        abort();
    }
    mem.answers[mem.answer_count].result = result;
    mem.answers[mem.answer_count++].event = poison_event;
    pthread_mutex_unlock(&mem.lock);
}

void memory_sink_unfit(bool is_unfit)
{
    pthread_mutex_lock(&mem.lock);
    mem.is_unfit = is_unfit;
    pthread_mutex_unlock(&mem.lock);
}

void memory_sink_hold(bool is_held)
{
    pthread_mutex_lock(&mem.lock);
    mem.is_held = is_held;
    pthread_cond_broadcast(&mem.let_go);
    pthread_mutex_unlock(&mem.lock);
}

void memory_sink_refuse(struct id128 event_id)
{
    pthread_mutex_lock(&mem.lock);
    mem.has_refused = true;
    mem.refused = event_id;
    pthread_mutex_unlock(&mem.lock);
}

static size_t locked(const size_t *count)
{
    pthread_mutex_lock(&mem.lock);
    size_t value = *count;
    pthread_mutex_unlock(&mem.lock);
    return value;
}

size_t memory_sink_writes(void)
{
    return locked(&mem.writes);
}

size_t memory_sink_events(void)
{
    return locked(&mem.event_count);
}

size_t memory_sink_rows_of(char row)
{
    return locked(row == 'l' ? &mem.letter_count : row == 'd' ? &mem.datasets : &mem.moves);
}

size_t memory_sink_fenced(void)
{
    return locked(&mem.fenced);
}

static bool has(const struct id128 *ids, const size_t *count, struct id128 id)
{
    bool is_there = false;
    pthread_mutex_lock(&mem.lock);
    for (size_t i = 0; !is_there && i < *count; i++) {
        is_there = id128_eq(ids[i], id);
    }
    pthread_mutex_unlock(&mem.lock);
    return is_there;
}

bool memory_sink_has_event(struct id128 event_id)
{
    return has(mem.events, &mem.event_count, event_id);
}

bool memory_sink_has_letter(struct id128 letter_id)
{
    return has(mem.letters, &mem.letter_count, letter_id);
}

int64_t memory_sink_position(const char *topic, int32_t partition)
{
    pthread_mutex_lock(&mem.lock);
    const struct stored_position *position = position_of(topic, partition);
    int64_t next_offset = position ? position->next_offset : -1;
    pthread_mutex_unlock(&mem.lock);
    return next_offset;
}

void memory_sink_move(const char *topic, int32_t partition, int64_t next_offset)
{
    pthread_mutex_lock(&mem.lock);
    struct stored_position *position = position_made(topic, partition);
    position->next_offset = next_offset;
    position->has_last_id = false;
    pthread_mutex_unlock(&mem.lock);
}

const char *memory_sink_stopped(const char *topic, int32_t partition)
{
    pthread_mutex_lock(&mem.lock);
    const struct stored_position *position = position_of(topic, partition);
    const char *reason = position && position->stopped_reason[0] ? position->stopped_reason : NULL;
    pthread_mutex_unlock(&mem.lock);
    return reason;
}
