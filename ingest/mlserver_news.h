/* mlserver_news.h - what is new on a server since it was looked at last. Pure; one thread. */
#ifndef METAOPS_INGEST_MLSERVER_NEWS_H
#define METAOPS_INGEST_MLSERVER_NEWS_H

#include "core/arena.h"
#include "core/err.h"
#include "schemas/server_report.h"

/* Most rows of news: one index has gone, another has come. */
#define MLSERVER_NEWS_MAX (2 * SERVER_REPORT_MODELS_MAX)

/* What stood in the index that was told last. */
struct mlserver_memory {
    struct arena *arena;
    struct server_model *models; /* in the order of mlserver_answer_index */
    uint32_t count;
};

MUST_CHECK enum verdict mlserver_memory_init(struct mlserver_memory *memory, struct err *err);

/* Of an index as mlserver_answer_index reads it: the versions that are new, or whose state or reason is another one, as they
 * stand there, and those that are gone, with that state. out_news has room for MLSERVER_NEWS_MAX; returns how many. */
uint32_t mlserver_news(const struct mlserver_memory *memory, const struct server_model *models,
                       uint32_t count, struct server_model *out_news);

/* From now on this is the index that was told. RETRY when memory is short: then nothing is, and all of it is new. */
MUST_CHECK enum verdict mlserver_memory_keep(struct mlserver_memory *memory,
                                             const struct server_model *models, uint32_t count,
                                             struct err *err);

/* A zeroed one is fine. */
void mlserver_memory_fini(struct mlserver_memory *memory);

#endif
