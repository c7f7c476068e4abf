#include "ingest/mlserver_look.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/ascii.h"
#include "core/log.h"
#include "core/timebase.h"

#define URL_BYTES 4096
#define SELF_BYTES_MAX 65536
#define INDEX_BYTES_MAX (1 << 20)
#define MODEL_BYTES_MAX (1 << 18)
#define STATUS_OK 200

struct question {
    const char *method;
    const char *path;
    struct str body; /* ptr NULL: none */
    size_t answer_bytes_max;
};

/* Whether anything came; then its status and body, the caller's, are in out_answer. */
static bool ask(const struct mlserver_asker *asker, const struct question *question,
                struct http_client_answer *out_answer)
{
    char url[URL_BYTES];
    struct err err;
    int len = snprintf(url, sizeof(url), "%s%s", asker->url, question->path);
    const struct http_client_request request = {.method = question->method,
                                                .url = url,
                                                .accept = "application/json",
                                                .content_type =
                                                    question->body.ptr ? "application/json" : NULL,
                                                .body = question->body,
                                                .ca_file = asker->ca_file,
                                                .timeout_ms = asker->timeout_ms,
                                                .answer_bytes_max = question->answer_bytes_max};

    atomic_store(asker->asked_us, timebase_mono_us());
    if (len < 0 || (size_t)len >= sizeof(url)) {
        return false;
    }
    bool has_answer = http_client_run(&request, out_answer, &err) == OK;
    if (!has_answer) {
        log_debug("poll: %s", err.text);
    }
    return has_answer;
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

static void set_away(struct mlserver_look *look)
{
    look->state = SERVER_IS_AWAY;
    look->has_self = false;
    snprintf(look->reason, sizeof(look->reason), "no answer");
}

static bool look_at_state(const struct mlserver_asker *asker, struct mlserver_look *look)
{
    const struct question question = {
        .method = "GET", .path = "/v2/health/ready", .answer_bytes_max = SELF_BYTES_MAX};
    struct http_client_answer answer;

    if (!ask(asker, &question, &answer)) {
        return false;
    }
    free(answer.body);
    look->state = answer.status == STATUS_OK ? SERVER_IS_READY : SERVER_IS_NOT_READY;
    if (answer.status != STATUS_OK) {
        set_reason(look, "readiness", answer.status, "");
    }
    return true;
}

static bool look_at_self(const struct mlserver_asker *asker, struct mlserver_look *look,
                         enum verdict *out_verdict, struct err *err)
{
    const struct question question = {
        .method = "GET", .path = "/v2", .answer_bytes_max = SELF_BYTES_MAX};
    struct http_client_answer *answer = &look->answers[0];

    if (!ask(asker, &question, answer)) {
        return false;
    }
    if (answer->status == STATUS_OK) {
        *out_verdict = mlserver_answer_self(asker->doc, (struct str){answer->body, answer->len},
                                            asker->arena, &look->self, err);
        look->has_self = *out_verdict == OK;
    }
    return true;
}

static bool look_at_index(const struct mlserver_asker *asker, struct mlserver_look *look,
                          enum verdict *out_verdict, struct err *err)
{
    const struct question question = {.method = "POST",
                                      .path = "/v2/repository/index",
                                      .body = STR("{}"),
                                      .answer_bytes_max = INDEX_BYTES_MAX};
    struct http_client_answer *answer = &look->answers[1];

    if (!ask(asker, &question, answer)) {
        return false;
    }
    *out_verdict = REJECT;
    if (answer->status == STATUS_OK) {
        *out_verdict = mlserver_answer_index(asker->doc, (struct str){answer->body, answer->len},
                                             asker->arena, &look->models, &look->count, err);
    }
    look->has_index = *out_verdict == OK;
    if (*out_verdict == REJECT && !look->reason[0]) {
        set_reason(look, "repository index", answer->status, "it cannot be read");
    }
    return true;
}

enum verdict mlserver_look(const struct mlserver_asker *asker, struct mlserver_look *out_look,
                           struct err *err)
{
    struct mlserver_look look = {.state = SERVER_IS_AWAY};
    enum verdict self = OK, index = OK;

    if (!look_at_state(asker, &look) || !look_at_self(asker, &look, &self, err) ||
        !look_at_index(asker, &look, &index, err)) {
        set_away(&look);
    }
    if (self == RETRY || index == RETRY) {
        mlserver_look_fini(&look);
        return RETRY;
    }
    *out_look = look;
    return OK;
}

/* text with all bytes escaped but those that mean themselves everywhere in a URL. */
static size_t escape(struct str text, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (ascii_is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
            out[len++] = c;
        } else {
            out[len++] = '%';
            out[len++] = digits[(unsigned char)c >> 4];
            out[len++] = digits[(unsigned char)c & 15];
        }
    }
    out[len] = '\0';
    return len;
}

static void write_path(const struct server_model *model, char *out, size_t size)
{
    char name[3 * SERVER_REPORT_NAME_BYTES_MAX + 1], version[3 * SERVER_REPORT_NAME_BYTES_MAX + 1];

    (void)escape(model->model, name);
    bool has_version = escape(model->version, version) > 0;
    snprintf(out, size, "/v2/models/%s%s%s", name, has_version ? "/versions/" : "", version);
}

static void log_unusable(const struct mlserver_asker *asker, const char *path,
                         const struct err *err)
{
    char shown[160];

    http_client_show_url(asker->url, shown, sizeof(shown));
    log_debug("poll: %s%s: %s", shown, path, err->text);
}

void mlserver_look_describe(const struct mlserver_asker *asker, struct server_model *models,
                            uint32_t count)
{
    char path[URL_BYTES];
    const struct question question = {
        .method = "GET", .path = path, .answer_bytes_max = MODEL_BYTES_MAX};

    for (uint32_t i = 0; i < count; i++) {
        struct http_client_answer answer;
        struct err err = {.text = "no such model"};
        enum verdict verdict = REJECT;

        if (!str_eq(models[i].state, STR(SERVER_IS_READY))) {
            continue;
        }
        write_path(&models[i], path, sizeof(path));
        if (!ask(asker, &question, &answer)) {
            return; /* one that hangs would hold up the others, each for as long */
        }
        if (answer.status == STATUS_OK) {
            verdict = mlserver_answer_model(asker->doc, (struct str){answer.body, answer.len},
                                            asker->arena, &models[i], &err);
        }
        free(answer.body);
        if (verdict != OK) {
            log_unusable(asker, path, &err);
        }
    }
}

void mlserver_look_fini(struct mlserver_look *look)
{
    free(look->answers[0].body);
    free(look->answers[1].body);
    *look = (struct mlserver_look){0};
}
