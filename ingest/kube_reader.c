#include "ingest/kube_reader_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"

#define PAGE_OBJECTS 100
#define WATCH_GRACE_MS 15000L /* for the server to end what it was asked to end */
#define OBJECTS_MAX 200000
#define FULL_STEP_US 2000
#define WAIT_STEP_US 100000
#define WAIT_FIRST_US 250000
#define WAIT_MAX_US 30000000
#define ASKED_WAIT_MAX_S 600
#define MISSING_WAIT_S 600
#define LASTING_US 1000000 /* a watch that lasts so long has not failed */

struct kube_reader *kube_reader_new(const struct kube_reader_needs *needs)
{
    struct kube_reader *reader = calloc(1, sizeof(*reader));

    if (!reader) {
        return NULL;
    }
    reader->needs = *needs;
    reader->page_objects = PAGE_OBJECTS;
    reader->known = kube_known_new(OBJECTS_MAX);
    reader->doc = json_doc_new((uint32_t)needs->st->ingest.json_depth_max,
                               (uint32_t)needs->st->ingest.json_values_max);
    reader->arena = arena_new(KUBE_READER_ARENA_BYTES);
    atomic_init(&reader->turned_us, timebase_mono_us());
    if (!reader->known || !reader->doc || !reader->arena) {
        kube_reader_free(reader);
        return NULL;
    }
    return reader;
}

static bool is_stopping(const struct kube_reader *reader)
{
    return atomic_load(reader->needs.is_stopping);
}

static void turn(struct kube_reader *reader)
{
    kube_outbox_turn(reader->needs.box);
    atomic_store(&reader->turned_us, timebase_mono_us());
}

/* Of http_stream_run. */
static bool is_ended(void *arg)
{
    struct kube_reader *reader = arg;

    turn(reader);
    return is_stopping(reader);
}

static void wait_us(struct kube_reader *reader, int64_t us)
{
    int64_t end_us = timebase_mono_us() + us;

    while (!is_stopping(reader) && timebase_mono_us() < end_us) {
        int64_t left_us = end_us - timebase_mono_us();
        timebase_sleep_us(left_us < WAIT_STEP_US ? left_us : WAIT_STEP_US);
        turn(reader);
    }
}

/* False when it is to stop first. */
bool kube_reader_wait_for_room(struct kube_reader *reader)
{
    turn(reader);
    while (!kube_outbox_has_room(reader->needs.box) && !is_stopping(reader)) {
        timebase_sleep_us(FULL_STEP_US);
        turn(reader);
    }
    return !is_stopping(reader);
}

/* A dead letter. False when the stream cannot go on. */
static bool refuse(struct kube_reader *reader, const char *reason)
{
    reader->is_short = !kube_outbox_refuse(reader->needs.box, reason);
    return !reader->is_short;
}

/* What became of an object of reader->doc. The same. */
bool kube_reader_tell(struct kube_reader *reader, enum kube_watch_change change,
                      const struct json_value *object)
{
    struct kube_watch_names names;
    struct json_fault fault = {.reason = ""};
    struct err err;

    if (!kube_reader_wait_for_room(reader)) {
        return false;
    }
    enum verdict verdict =
        kube_watch_names(reader->doc, object, reader->arena, &names, &fault, &err);
    if (verdict == REJECT) {
        return refuse(reader, fault.reason);
    }
    if (verdict != OK ||
        !kube_outbox_put(reader->needs.box, change, json_raw(reader->doc, object))) {
        reader->is_short = true;
        return false;
    }
    if (change == KUBE_WATCH_DELETE) {
        kube_known_drop(reader->known, names.uid);
    } else if (!kube_known_put(reader->known, &names)) {
        log_warn("poll: more than %d %s: which of them vanish while no watch runs is not seen",
                 OBJECTS_MAX, reader->needs.resource->name);
    }
    return true;
}

void kube_reader_keep(struct kube_reader *reader, struct str revision)
{
    if (revision.len > 0 && revision.len < sizeof(reader->revision)) {
        memcpy(reader->revision, revision.ptr, revision.len);
        reader->revision[revision.len] = '\0';
    }
}

/* 429: later, from where it was. All else: from a new list. */
static void end_by_error(struct kube_reader *reader, const struct kube_stream_line *line)
{
    reader->is_over = true;
    reader->is_too_old = line->code != 429;
    reader->asked_wait_s = line->retry_after_s;
    err_set(&reader->failure_now, RETRY, "kubernetes", "the watch was ended with %lld: %.*s",
            (long long)line->code, (int)line->message.len, line->message.ptr);
}

/* Said once for as long as it is the same. */
static void say(struct kube_reader *reader, enum verdict verdict, const struct err *err)
{
    const char *text = verdict == OK ? "" : err->text;

    if (strcmp(text, reader->failure) == 0) {
        return;
    }
    if (verdict == OK) {
        log_info("poll: %s are watched again", reader->needs.resource->name);
    } else {
        log_warn("poll: %s are not watched now: %s", reader->needs.resource->name, text);
    }
    snprintf(reader->failure, sizeof(reader->failure), "%s", text);
}

static void note_success(struct kube_reader *reader)
{
    reader->failures = 0;
    reader->has_news = true;
    say(reader, OK, NULL);
}

/* Of line_cutter. */
static bool on_line(void *arg, struct str text, bool is_too_long)
{
    static const enum kube_watch_change changes[] = {[KUBE_LINE_ADDED] = KUBE_WATCH_ADD,
                                                     [KUBE_LINE_MODIFIED] = KUBE_WATCH_UPDATE,
                                                     [KUBE_LINE_DELETED] = KUBE_WATCH_DELETE};
    struct kube_reader *reader = arg;
    struct kube_stream_line line;
    struct json_fault fault = {.reason = ""};
    struct err err;

    if (is_too_long) {
        return refuse(reader, "an event is larger than ingest.body_bytes_max");
    }
    arena_reset(reader->arena, KUBE_READER_ARENA_BYTES);
    enum verdict verdict = json_parse(reader->doc, text, &fault, &err);
    verdict =
        verdict == OK ? kube_stream_read_line(reader->doc, reader->arena, &line, &err) : verdict;
    if (verdict == REJECT) {
        return refuse(reader, err.text);
    }
    if (verdict != OK) {
        reader->is_short = true;
        return false;
    }
    if (line.type == KUBE_LINE_ERROR) {
        end_by_error(reader, &line);
        return false;
    }
    if (line.type != KUBE_LINE_BOOKMARK &&
        !kube_reader_tell(reader, changes[line.type], line.object)) {
        return false;
    }
    kube_reader_keep(reader, line.revision);
    note_success(reader);
    return true;
}

/* Of http_stream_run. */
static bool on_watch_bytes(void *arg, long status, struct str bytes)
{
    struct kube_reader *reader = arg;

    atomic_store(&reader->is_watching, status == 200);
    return status != 200 || line_cutter_add(&reader->lines, bytes);
}

/* What of an answer's status no bytes say. OK for 200. */
static enum verdict judge_status(struct kube_reader *reader,
                                 const struct http_stream_answer *answer, struct err *err)
{
    const char *name = reader->needs.resource->name;

    if (answer->status == 200) {
        return OK;
    }
    reader->asked_wait_s = answer->retry_after_s;
    if (answer->status == 404) {
        reader->asked_wait_s = MISSING_WAIT_S;
        reader->is_missing = true;
        return err_set(err, RETRY, "kubernetes", "the cluster has no %s", name);
    }
    reader->is_too_old = answer->status == 410;
    return err_set(err, RETRY, "kubernetes", "%s: the server answers %ld", name, answer->status);
}

enum verdict kube_reader_ask(struct kube_reader *reader, long timeout_ms,
                             bool (*on_bytes)(void *arg, long status, struct str bytes),
                             bool *out_is_cut, struct err *err)
{
    struct http_stream_answer answer;
    enum verdict verdict = kube_api_token(reader->needs.api, reader->token, err);
    const struct http_stream_request request = {.url = reader->url,
                                                .bearer = reader->token,
                                                .ca_file = reader->needs.api->ca_file,
                                                .timeout_ms = timeout_ms,
                                                .arg = reader,
                                                .on_bytes = on_bytes,
                                                .is_ended = is_ended};

    verdict = verdict == OK ? http_stream_run(&request, &answer, err) : verdict;
    if (verdict == OK) {
        *out_is_cut = answer.is_cut;
        verdict = judge_status(reader, &answer, err);
    }
    return verdict;
}

/* OK: it told something, or lasted, and can go on. */
static enum verdict watch(struct kube_reader *reader, struct err *err)
{
    int64_t timeout_ms = reader->needs.st->poll.kubernetes_watch_timeout_ms;
    int64_t begun_us = timebase_mono_us();
    char path[KUBE_READER_PATH_BYTES], revision[3 * KUBE_READER_REVISION_BYTES];
    bool is_cut;

    kube_resource_path(reader->needs.resource, path, sizeof(path));
    kube_api_escape(str_view(reader->revision), revision, sizeof(revision));
    snprintf(reader->url, sizeof(reader->url),
             "%s%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%lld&resourceVersion=%s",
             reader->needs.api->url, path, (long long)(timeout_ms / 1000), revision);
    reader->has_news = false;
    reader->is_over = false;
    reader->lines =
        (struct line_cutter){.bytes_max = (size_t)reader->needs.st->ingest.body_bytes_max,
                             .arg = reader,
                             .on_line = on_line};
    enum verdict verdict =
        kube_reader_ask(reader, (long)timeout_ms + WATCH_GRACE_MS, on_watch_bytes, &is_cut, err);
    line_cutter_fini(&reader->lines);
    atomic_store(&reader->is_watching, false);
    if (reader->is_over) {
        *err = reader->failure_now;
        return RETRY;
    }
    bool has_lasted = reader->has_news || timebase_mono_us() - begun_us > LASTING_US;
    if (verdict == OK && !has_lasted) {
        verdict = err_set(err, RETRY, "kubernetes", "%s: the watch ends at once",
                          reader->needs.resource->name);
    }
    return verdict;
}

/* Twice as long each time, less up to a quarter of it, so that those who failed together do not come again together. */
static int64_t pause_us(const struct kube_reader *reader)
{
    int64_t us = WAIT_FIRST_US;

    for (int i = 1; i < reader->failures && us < WAIT_MAX_US; i++) {
        us *= 2;
    }
    us = us < WAIT_MAX_US ? us : WAIT_MAX_US;
    us -= us / 4 * (timebase_mono_us() % 100) / 100;
    int64_t asked_s =
        reader->asked_wait_s < ASKED_WAIT_MAX_S ? reader->asked_wait_s : ASKED_WAIT_MAX_S;
    return asked_s * 1000000 > us ? asked_s * 1000000 : us;
}

static void recover(struct kube_reader *reader, const struct err *err)
{
    say(reader, RETRY, err);
    metrics_inc(METRIC_POLL_WATCH_FAILURES);
    reader->failures++;
    if (reader->is_too_old || reader->is_missing) {
        reader->revision[0] = '\0';
    }
    wait_us(reader, pause_us(reader));
}

void kube_reader_run(struct kube_reader *reader)
{
    while (!is_stopping(reader)) {
        struct err err = {.text = ""};
        reader->asked_wait_s = 0;
        reader->is_too_old = false;
        reader->is_missing = false;
        reader->is_short = false;
        bool is_list = !*reader->revision;
        enum verdict verdict = is_list ? kube_list_run(reader, &err) : watch(reader, &err);
        if (is_stopping(reader)) {
            break;
        }
        if (verdict == OK && !reader->is_short && !is_list) {
            note_success(reader);
        } else if (verdict != OK || reader->is_short) {
            err_set(&err, RETRY, "kubernetes", "%s", *err.text ? err.text : "memory is short");
            recover(reader, &err);
        }
    }
}

int64_t kube_reader_turned_us(const struct kube_reader *reader)
{
    return atomic_load(&reader->turned_us);
}

bool kube_reader_is_watching(const struct kube_reader *reader)
{
    return atomic_load(&reader->is_watching);
}

void kube_reader_free(struct kube_reader *reader)
{
    if (!reader) {
        return;
    }
    line_cutter_fini(&reader->lines);
    kube_known_free(reader->known);
    json_doc_free(reader->doc);
    arena_free(reader->arena);
    free(reader->page);
    free(reader);
}
