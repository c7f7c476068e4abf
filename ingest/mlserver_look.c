#include "ingest/mlserver_look.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/timebase.h"

#define WHERE "mlserver"
#define URL_BYTES 4096
#define SELF_BYTES_MAX 65536
#define INDEX_BYTES_MAX (1 << 20)
#define MODEL_BYTES_MAX (1 << 18)
#define STATUS_OK 200
#define TOO_LARGE "too large"

struct question {
    const char *method;
    const char *path;
    struct str body; /* ptr NULL: none */
    long timeout_ms;
    size_t answer_bytes_max;
};

/* OK: any answer came; its status and body, the caller's, are in out_answer. REJECT: it is too large. RETRY: none came, and the
 * code of err says why. FATAL: this says nothing of the server. */
static enum verdict ask(const struct mlserver_asker *asker, const struct question *question,
                        struct http_client_answer *out_answer, struct err *err)
{
    char url[URL_BYTES];
    int len = snprintf(url, sizeof(url), "%s%s", asker->url, question->path);
    const struct http_client_request request = {.method = question->method,
                                                .url = url,
                                                .accept = "application/json",
                                                .content_type =
                                                    question->body.ptr ? "application/json" : NULL,
                                                .body = question->body,
                                                .ca_file = asker->ca_file,
                                                .timeout_ms = question->timeout_ms,
                                                .answer_bytes_max = question->answer_bytes_max};

    atomic_store(asker->asked_us, timebase_mono_us());
    if (len < 0 || (size_t)len >= sizeof(url) || asker->is_ended(asker->arg)) {
        return err_set(err, FATAL, WHERE, "it is not asked");
    }
    enum verdict verdict = http_client_run(&request, out_answer, err);
    if (verdict == RETRY && err->code == HTTP_CLIENT_NO_MEMORY) {
        return FATAL;
    }
    if (verdict == RETRY) {
        log_debug("poll: %s", err->text);
    }
    return verdict == RETRY && err->code == HTTP_CLIENT_TOO_LARGE ? REJECT : verdict;
}

/* No text of a library: what changes from time to time would look like news. */
static void set_reason(struct mlserver_look *look, const char *what, long status, const char *why)
{
    if (status == STATUS_OK) {
        snprintf(look->reason, sizeof(look->reason), "%s: %s", what, why);
    } else {
        snprintf(look->reason, sizeof(look->reason), "%s: status %ld", what, status);
    }
}

static void set_away(struct mlserver_look *look, const struct err *err)
{
    look->state = SERVER_IS_AWAY;
    look->has_self = false;
    snprintf(look->reason, sizeof(look->reason), "%s",
             err->code == HTTP_CLIENT_NOT_TRUSTED ? "its certificate cannot be verified"
                                                  : "no answer");
}

static enum verdict look_at_state(const struct mlserver_asker *asker, struct mlserver_look *look,
                                  struct err *err)
{
    const struct question question = {.method = "GET",
                                      .path = "/v2/health/ready",
                                      .timeout_ms = asker->timeout_ms,
                                      .answer_bytes_max = SELF_BYTES_MAX};
    struct http_client_answer answer = {.status = STATUS_OK};
    enum verdict verdict = ask(asker, &question, &answer, err);

    free(answer.body);
    bool is_ready = verdict == OK && answer.status == STATUS_OK;
    look->state = is_ready ? SERVER_IS_READY : SERVER_IS_NOT_READY;
    if (!is_ready) {
        set_reason(look, "readiness", answer.status, TOO_LARGE);
    }
    return verdict == REJECT ? OK : verdict;
}

static enum verdict look_at_self(const struct mlserver_asker *asker, struct mlserver_look *look,
                                 struct err *err)
{
    const struct question question = {.method = "GET",
                                      .path = "/v2",
                                      .timeout_ms = asker->timeout_ms,
                                      .answer_bytes_max = SELF_BYTES_MAX};
    struct http_client_answer *answer = &look->answers[0];
    enum verdict verdict = ask(asker, &question, answer, err), read = REJECT;

    if (verdict == OK && answer->status == STATUS_OK) {
        read = mlserver_answer_self(asker->doc, (struct str){answer->body, answer->len},
                                    asker->arena, &look->self, err);
        look->has_self = read == OK;
    }
    if (read == RETRY) {
        return FATAL;
    }
    return verdict == REJECT ? OK : verdict;
}

static enum verdict look_at_index(const struct mlserver_asker *asker, struct mlserver_look *look,
                                  struct err *err)
{
    const struct question question = {.method = "POST",
                                      .path = "/v2/repository/index",
                                      .body = STR("{}"),
                                      .timeout_ms = asker->timeout_ms,
                                      .answer_bytes_max = INDEX_BYTES_MAX};
    struct http_client_answer *answer = &look->answers[1];
    enum verdict verdict = ask(asker, &question, answer, err), read = REJECT;
    long status = verdict == OK ? answer->status : STATUS_OK;

    if (verdict == RETRY || verdict == FATAL) {
        return verdict;
    }
    if (verdict == OK && status == STATUS_OK) {
        read = mlserver_answer_index(asker->doc, (struct str){answer->body, answer->len},
                                     asker->arena, &look->models, &look->count, err);
    }
    look->has_index = read == OK;
    if (read == REJECT && !look->reason[0]) {
        set_reason(look, "repository index", status,
                   verdict == OK ? "it cannot be read" : TOO_LARGE);
    }
    return read == RETRY ? FATAL : OK;
}

enum verdict mlserver_look(const struct mlserver_asker *asker, struct mlserver_look *out_look,
                           struct err *err)
{
    struct mlserver_look look = {.state = SERVER_IS_AWAY};
    enum verdict verdict = look_at_state(asker, &look, err);

    verdict = verdict == OK ? look_at_self(asker, &look, err) : verdict;
    verdict = verdict == OK ? look_at_index(asker, &look, err) : verdict;
    if (verdict == FATAL) {
        mlserver_look_fini(&look);
        return RETRY;
    }
    if (verdict == RETRY) {
        set_away(&look, err);
    }
    *out_look = look;
    return OK;
}

static void write_path(const struct server_model *model, char *out, size_t size)
{
    char name[3 * SERVER_REPORT_NAME_BYTES_MAX + 1], version[3 * SERVER_REPORT_NAME_BYTES_MAX + 1];

    (void)http_client_escape(model->model, name, sizeof(name));
    bool has_version = http_client_escape(model->version, version, sizeof(version)) > 0;
    snprintf(out, size, "/v2/models/%s%s%s", name, has_version ? "/versions/" : "", version);
}

static void log_unusable(const struct mlserver_asker *asker, const char *path,
                         const struct err *err)
{
    char shown[160];

    http_client_show_url(asker->url, shown, sizeof(shown));
    log_debug("poll: %s%s: %s", shown, path, err->text);
}

static void describe(const struct mlserver_asker *asker, struct server_model *model,
                     long timeout_ms)
{
    char path[URL_BYTES];
    const struct question question = {.method = "GET",
                                      .path = path,
                                      .timeout_ms = timeout_ms,
                                      .answer_bytes_max = MODEL_BYTES_MAX};
    struct http_client_answer answer = {0};
    struct err err = {.text = "no such model"};

    write_path(model, path, sizeof(path));
    enum verdict verdict = ask(asker, &question, &answer, &err);
    if (verdict == OK && answer.status == STATUS_OK) {
        verdict = mlserver_answer_model(asker->doc, (struct str){answer.body, answer.len},
                                        asker->arena, model, &err);
    } else if (verdict == OK) {
        verdict = REJECT;
    }
    free(answer.body);
    if (verdict != OK) {
        log_unusable(asker, path, &err);
    }
}

void mlserver_look_describe(const struct mlserver_asker *asker, struct server_model *models,
                            uint32_t count, int64_t until_us, uint32_t *inout_first)
{
    uint32_t first = *inout_first;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)(((uint64_t)first + i) % count);
        int64_t left_ms = (until_us - timebase_mono_us()) / 1000;

        if (!str_eq(models[at].state, STR(SERVER_IS_READY))) {
            continue;
        }
        if (left_ms <= 0 || asker->is_ended(asker->arg)) {
            *inout_first = at;
            return;
        }
        describe(asker, &models[at],
                 left_ms < asker->timeout_ms ? (long)left_ms : asker->timeout_ms);
    }
}

void mlserver_look_fini(struct mlserver_look *look)
{
    free(look->answers[0].body);
    free(look->answers[1].body);
    *look = (struct mlserver_look){0};
}
