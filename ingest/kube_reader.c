#include "ingest/kube_reader_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/http_client.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/kube_cut.h"

#define WATCH_GRACE_MS 15000L /* for the server to end what it was asked to end */
#define FULL_STEP_US 2000
#define WAIT_STEP_US 100000
#define MISSING_WAIT_S 600

struct kube_reader *kube_reader_new(const struct kube_reader_needs *needs)
{
    struct kube_reader *reader = calloc(1, sizeof(*reader));

    if (!reader) {
        return NULL;
    }
    reader->needs = *needs;
    reader->page_objects = KUBE_READER_PAGE_OBJECTS;
    reader->known = kube_known_new(KUBE_READER_OBJECTS_MAX);
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

/* Of http_stream_run. */
static bool is_ended(void *arg)
{
    struct kube_reader *reader = arg;

    turn(reader);
    if (reader->is_watching && kube_pace_lasts(&reader->pace, timebase_mono_us())) {
        say(reader, OK, NULL);
    }
    return is_stopping(reader);
}

/* What is no event comes from something that is no API server: from a new list, later. */
static bool end_by_nonsense(struct kube_reader *reader, const char *reason)
{
    reader->is_over = true;
    reader->is_too_old = true;
    err_set(&reader->failure_now, RETRY, "kubernetes", "a line is no event of a watch: %s", reason);
    (void)kube_tell_refuse(reader, reason);
    return false;
}

/* A line that is no JSON that can be read. An event all the same when it can be cut out, of an object that is nested too deep:
 * others follow it. */
static bool pass_over(struct kube_reader *reader, struct str text, const char *reason)
{
    struct kube_watch_names names;
    struct str type, object;

    if (!kube_cut_member(text, "type", &type) || !kube_cut_member(text, "object", &object) ||
        !kube_cut_names(object, &names)) {
        return end_by_nonsense(reader, reason);
    }
    bool is_end = str_eq(type, STR("\"DELETED\""));
    if (!kube_tell_refuse(reader, reason) || (is_end && !kube_tell_gone(reader, &names))) {
        return false;
    }
    if (!is_end) {
        kube_tell_know(reader, &names, INT64_MIN);
    }
    kube_reader_keep(reader, names.revision);
    return true;
}

/* JSON that is no event: said once in a watch. */
static bool ignore(struct kube_reader *reader, const char *reason)
{
    bool is_said = reader->has_nonsense;

    reader->has_nonsense = true;
    return is_said || kube_tell_refuse(reader, reason);
}

/* An event that was read. */
static bool take(struct kube_reader *reader, const struct kube_stream_line *line)
{
    static const enum kube_watch_change changes[] = {[KUBE_LINE_ADDED] = KUBE_WATCH_ADD,
                                                     [KUBE_LINE_MODIFIED] = KUBE_WATCH_UPDATE,
                                                     [KUBE_LINE_DELETED] = KUBE_WATCH_DELETE};

    if (line->type == KUBE_LINE_ERROR) {
        end_by_error(reader, line);
        return false;
    }
    if (line->type != KUBE_LINE_BOOKMARK &&
        !kube_tell_object(reader, changes[line->type], line->object)) {
        return false;
    }
    kube_reader_keep(reader, line->revision);
    reader->has_news = true;
    return true;
}

/* Of line_cutter. */
static bool on_line(void *arg, struct str text, bool is_too_long)
{
    struct kube_reader *reader = arg;
    struct kube_stream_line line;
    struct json_fault fault = {.reason = ""};
    struct err err;

    if (is_too_long) {
        return kube_tell_refuse(reader, "an event is larger than ingest.body_bytes_max");
    }
    arena_reset(reader->arena, KUBE_READER_ARENA_BYTES);
    enum verdict verdict = json_parse(reader->doc, text, &fault, &err);
    if (verdict == REJECT) {
        return pass_over(reader, text, fault.reason);
    }
    verdict =
        verdict == OK ? kube_stream_read_line(reader->doc, reader->arena, &line, &err) : verdict;
    if (verdict == REJECT) {
        return ignore(reader, err.text);
    }
    reader->is_short = verdict != OK;
    return verdict == OK && take(reader, &line);
}

/* Of http_stream_run. */
static bool on_watch_bytes(void *arg, long status, struct str bytes)
{
    struct kube_reader *reader = arg;

    if (status == 200 && !reader->is_watching) {
        kube_pace_begin(&reader->pace, timebase_mono_us());
    }
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
    /* 400: it cannot be read, as after a restore of the cluster. */
    reader->is_too_old = answer->status == 410 || answer->status == 400;
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
    char path[KUBE_READER_PATH_BYTES], revision[3 * KUBE_READER_REVISION_BYTES];
    bool is_cut;

    kube_resource_path(reader->needs.resource, path, sizeof(path));
    http_client_escape(str_view(reader->revision), revision, sizeof(revision));
    snprintf(reader->url, sizeof(reader->url),
             "%s%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%lld&resourceVersion=%s",
             reader->needs.api->url, path, (long long)(timeout_ms / 1000), revision);
    reader->has_news = false;
    reader->has_nonsense = false;
    reader->is_over = false;
    reader->lines =
        (struct line_cutter){.line = {.bytes_max = (size_t)reader->needs.st->ingest.body_bytes_max},
                             .arg = reader,
                             .on_line = on_line};
    enum verdict verdict =
        kube_reader_ask(reader, (long)timeout_ms + WATCH_GRACE_MS, on_watch_bytes, &is_cut, err);
    line_cutter_fini(&reader->lines);
    bool has_lasted = reader->is_watching && kube_pace_lasts(&reader->pace, timebase_mono_us());
    atomic_store(&reader->is_watching, false);
    if (reader->is_over) {
        *err = reader->failure_now;
        return RETRY;
    }
    if (verdict == OK && !reader->has_news && !has_lasted) {
        verdict = err_set(err, RETRY, "kubernetes", "%s: the watch ends at once",
                          reader->needs.resource->name);
    }
    return verdict;
}

static void recover(struct kube_reader *reader, const struct err *err)
{
    say(reader, RETRY, err);
    metrics_inc(METRIC_POLL_WATCH_FAILURES);
    if (reader->is_too_old || reader->is_missing) {
        reader->revision[0] = '\0';
    }
    wait_us(reader, kube_pace_fail_us(&reader->pace, !*reader->revision, reader->asked_wait_s,
                                      timebase_mono_us()));
}

void kube_reader_run(struct kube_reader *reader)
{
    while (!is_stopping(reader)) {
        struct err err = {.text = ""};
        bool is_list = !*reader->revision;
        reader->asked_wait_s = 0;
        reader->is_too_old = false;
        reader->is_missing = false;
        reader->is_short = false;
        if (!is_list) {
            wait_us(reader, kube_pace_rest_us(&reader->pace, timebase_mono_us()));
        }
        enum verdict verdict = is_list ? kube_list_run(reader, &err) : watch(reader, &err);
        if (is_stopping(reader)) {
            break;
        }
        if (verdict != OK || reader->is_short) {
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
    byte_buffer_fini(&reader->page);
    free(reader);
}
