/* mlserver_counts.h - the metrics of a server of MLServer: asked for once per poll.mlserver_metrics_interval_ms; what has
 * another number than before is to be told. Blocks; one thread. */
#ifndef METAOPS_INGEST_MLSERVER_COUNTS_H
#define METAOPS_INGEST_MLSERVER_COUNTS_H

#include "ingest/mlserver_look.h"

struct mlserver_counts {
    char url[HTTP_CLIENT_HOST_BYTES + 32]; /* empty: there are none */
    struct arena *kept;                    /* the numbers that were told last lie here */
    struct server_count *models;
    uint32_t count;
    bool is_said; /* that they cannot be read */
};

/* Of the server at url: /metrics at this port of its host; port 0: none. FATAL when memory is short or the URL has no host. */
MUST_CHECK enum verdict mlserver_counts_init(struct mlserver_counts *counts, const char *url,
                                             int64_t port, struct err *err);

/* Asks with asker, but for its url, and puts what is new into out_models, which has room for SERVER_REPORT_MODELS_MAX; returns
 * how many. Their texts lie in asker's arena. 0 too when there is no answer, or none that can be used. From now on this is what
 * was told. */
uint32_t mlserver_counts_news(struct mlserver_counts *counts, const struct mlserver_asker *asker,
                              struct server_count *out_models);

/* A zeroed one is fine. */
void mlserver_counts_fini(struct mlserver_counts *counts);

#endif
