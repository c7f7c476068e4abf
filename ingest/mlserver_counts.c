#include "ingest/mlserver_counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/timebase.h"
#include "ingest/mlserver_metrics.h"

#define WHERE "mlserver"
#define METRICS_BYTES_MAX (8 << 20)
#define KEPT_BYTES ((size_t)1 << 20) /* all names at their longest fit */
#define STATUS_OK 200

enum verdict mlserver_counts_init(struct mlserver_counts *counts, const char *url, int64_t port,
                                  struct err *err)
{
    struct http_client_place place;
    struct err why;

    *counts = (struct mlserver_counts){.kept = arena_new(KEPT_BYTES)};
    if (!counts->kept) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    if (port == 0) {
        return OK;
    }
    if (http_client_place(url, &place, &why) != OK) {
        return err_set(err, FATAL, WHERE, "%s", why.text);
    }
    snprintf(counts->url, sizeof(counts->url), "%s://%s:%" PRId64 "/metrics",
             place.is_https ? "https" : "http", place.host, port);
    return OK;
}

static bool is_told(const struct mlserver_counts *counts, const struct server_count *now)
{
    for (uint32_t i = 0; i < counts->count; i++) {
        const struct server_count *was = &counts->models[i];
        if (str_eq(was->model, now->model)) {
            return was->successes == now->successes && was->failures == now->failures &&
                   was->timed == now->timed && was->duration_us == now->duration_us &&
                   was->began_us == now->began_us;
        }
    }
    return false;
}

/* Where memory is short nothing is kept, and all is new the next time. */
static void keep(struct mlserver_counts *counts, const struct server_count *models, uint32_t count)
{
    arena_reset(counts->kept, KEPT_BYTES);
    counts->count = 0;
    counts->models = arena_calloc(counts->kept, count, sizeof(*models));
    for (uint32_t i = 0; counts->models && i < count; i++) {
        counts->models[i] = models[i];
        counts->models[i].model = arena_dup(counts->kept, models[i].model);
        if (!counts->models[i].model.ptr) {
            return;
        }
        counts->count++;
    }
}

/* Once, until they can be read again. */
static void note_fault(struct mlserver_counts *counts, const char *reason)
{
    if (counts->is_said) {
        log_debug("poll: %s: %s", counts->url, reason);
        return;
    }
    log_warn("poll: %s: %s: what is counted there is not known", counts->url, reason);
    counts->is_said = true;
}

uint32_t mlserver_counts_news(struct mlserver_counts *counts, const struct mlserver_asker *asker,
                              struct server_count *out_models)
{
    const struct http_client_request request = {.method = "GET",
                                                .url = counts->url,
                                                .accept = "text/plain",
                                                .ca_file = asker->ca_file,
                                                .timeout_ms = asker->timeout_ms,
                                                .answer_bytes_max = METRICS_BYTES_MAX};
    struct http_client_answer answer = {0};
    struct server_count *models = NULL;
    uint32_t count = 0, news = 0;
    struct err err = {.text = "no metrics there"};

    atomic_store(asker->asked_us, timebase_mono_us());
    enum verdict verdict = http_client_run(&request, &answer, &err);
    if (verdict == OK && answer.status == STATUS_OK) {
        verdict = mlserver_metrics_read((struct str){answer.body, answer.len}, asker->arena,
                                        &models, &count, &err);
    } else if (verdict == OK) {
        verdict = REJECT;
    }
    free(answer.body);
    if (verdict != OK) {
        note_fault(counts, err.text);
        return 0;
    }
    counts->is_said = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_told(counts, &models[i])) {
            out_models[news++] = models[i];
        }
    }
    keep(counts, models, count);
    return news;
}

void mlserver_counts_fini(struct mlserver_counts *counts)
{
    arena_free(counts->kept);
    *counts = (struct mlserver_counts){0};
}
