#include "graph_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MIN 64

void *graph_rows_grow(void **items, size_t *count, size_t *capacity, size_t item_bytes)
{
    if (*count == *capacity) {
        size_t wanted = *capacity ? *capacity * 2 : ROWS_MIN;
        void *grown = reallocarray(*items, wanted, item_bytes);
        if (!grown) {
            return NULL;
        }
        *items = grown;
        *capacity = wanted;
    }
    void *row = (char *)*items + *count * item_bytes;
    memset(row, 0, item_bytes);
    ++*count;
    return row;
}

#define EACH_TABLE(X)                                                                              \
    X(positions)                                                                                   \
    X(events)                                                                                      \
    X(enriched)                                                                                    \
    X(letters)                                                                                     \
    X(facets)                                                                                      \
    X(jobs)                                                                                        \
    X(datasets)                                                                                    \
    X(symlinks)                                                                                    \
    X(edges)                                                                                       \
    X(column_edges)                                                                                \
    X(io)                                                                                          \
    X(descriptions)                                                                                \
    X(layouts)                                                                                     \
    X(statements)                                                                                  \
    X(drift_contents)                                                                              \
    X(asset_facts)                                                                                 \
    X(series)                                                                                      \
    X(observations)                                                                                \
    X(runs)                                                                                        \
    X(bases)                                                                                       \
    X(key_changes)                                                                                 \
    X(refusals)                                                                                    \
    X(models)                                                                                      \
    X(deployments)                                                                                 \
    X(model_versions)                                                                              \
    X(model_facts)                                                                                 \
    X(model_artifacts)                                                                             \
    X(run_marks)                                                                                   \
    X(inference_streams)                                                                           \
    X(inference_windows)                                                                           \
    X(inference_tensors)                                                                           \
    X(inference_versions)                                                                          \
    X(inference_pairs)                                                                             \
    X(monitors)                                                                                    \
    X(drift_evaluations)                                                                           \
    X(actions)                                                                                     \
    X(k8s_objects)                                                                                 \
    X(k8s_states)                                                                                  \
    X(server_observations)                                                                         \
    X(server_descriptions)                                                                         \
    X(server_counts)                                                                               \
    X(sequences)                                                                                   \
    X(gaps)                                                                                        \
    X(known)

void graph_batch_reset(struct graph_batch *rows)
{
#define RESET(table) rows->table.count = 0;
    EACH_TABLE(RESET)
#undef RESET
    rows->stored_count = 0;
}

struct graph_mark graph_batch_mark(const struct graph_batch *rows)
{
    struct graph_mark mark;
    size_t table_count = 0;
#define MARK(table) mark.counts[table_count++] = rows->table.count;
    EACH_TABLE(MARK)
#undef MARK
    assert(table_count == GRAPH_TABLES);
    return mark;
}

void graph_batch_rewind(struct graph_batch *rows, const struct graph_mark *mark)
{
    size_t table_count = 0;
#define REWIND(table) rows->table.count = mark->counts[table_count++];
    EACH_TABLE(REWIND)
#undef REWIND
}

void graph_batch_fini(struct graph_batch *rows)
{
#define FREE(table) free(rows->table.items);
    EACH_TABLE(FREE)
#undef FREE
    memset(rows, 0, sizeof *rows);
}
