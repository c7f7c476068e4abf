#include "ingest/poll_mlserver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/metrics.h"
#include "core/plain_file.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/mlserver_counts.h"
#include "ingest/mlserver_due.h"
#include "ingest/mlserver_list.h"
#include "ingest/mlserver_look.h"
#include "ingest/mlserver_news.h"
#include "ingest/poll_source.h"
#include "ingest/poll_told.h"

#define WHERE "poll"
#define STEP_US 20000
#define DESCRIBE_US INT64_C(30000000) /* so long a look asks what models are */
#define ALIVE_US INT64_C(60000000)    /* beyond the time that an answer may take */
#define ARENA_BYTES ((size_t)16 << 20)
#define ARENA_KEEP_BYTES ((size_t)1 << 18)
#define JSON_DEPTH_MAX 16
#define JSON_VALUES_MAX 65536

/* Nobody looks before all threads are there: what was handed to publish must not be freed again at once. */
enum phase { PHASE_OPENS, PHASE_LOOKS, PHASE_ENDS };

struct server {
    const struct settings *st;
    struct publish *publish;
    struct mlserver_place place;
    bool is_alone; /* on its host, so that the metrics there are its own */
    struct json_doc *doc;
    struct arena *arena; /* of one look */
    struct server_model *news;
    struct mlserver_memory memory;
    bool is_known;                                 /* memory is what stands in the graph */
    char state[SERVER_REPORT_STATE_BYTES_MAX + 1]; /* of the server, as it was told; empty: never */
    char reason[SERVER_REPORT_REASON_BYTES_MAX + 1];
    struct poll_told told;
    struct mlserver_counts counts;
    struct server_count *counted;
    struct poll_told counts_told;
    int64_t counts_us; /* when they are due */
    struct mlserver_due due;
    int64_t look_us;         /* when the next is due */
    uint32_t describe_first; /* the model for which no time was left before */
    _Atomic int64_t turned_us;
    const atomic_int *phase;
    int64_t stop_us; /* set before the phase ends */
    bool has_thread;
    pthread_t thread;
};

struct poll_mlserver {
    atomic_int phase;
    size_t count;
    struct server *servers;
};

static bool is_wanted(const struct settings *st)
{
    return *st->poll.mlserver_servers;
}

/* Under another name than its own the server would not be the one that its answers name. */
static void check_name(const struct server *server, const struct mlserver_look *look)
{
    if (look->has_self && look->self.name.len > 0 &&
        !str_eq(look->self.name, str_view(server->place.name))) {
        log_warn("poll: %s calls itself %.*s: its answers are told under that name",
                 server->place.name, (int)look->self.name.len, look->self.name.ptr);
    }
}

static bool has_changed(const struct server *server, const struct mlserver_look *look)
{
    return strcmp(server->state, look->state) != 0 || strcmp(server->reason, look->reason) != 0;
}

/* What is to be said of a look; false: nothing. */
static bool choose(struct server *server, const struct mlserver_look *look,
                   struct server_report *report)
{
    int64_t now_us = timebase_mono_us();
    bool is_due = now_us >= server->due.whole_us;
    uint32_t news = 0;

    if (look->has_index && server->is_known && !is_due) {
        news = mlserver_news(&server->memory, look->models, look->count, server->news);
    }
    *report =
        (struct server_report){.namespace_ = str_view(server->place.namespace_),
                               .server = str_view(server->place.name),
                               .state = str_view(look->state),
                               .reason = str_view(look->reason),
                               .is_whole = look->has_index && (!server->is_known || is_due ||
                                                               news > SERVER_REPORT_MODELS_MAX),
                               .models = server->news,
                               .model_count = news};
    if (report->is_whole) {
        report->models = look->models;
        report->model_count = look->count;
    }
    if (look->has_self) {
        report->version = look->self.version;
        report->extensions = look->self.extensions;
    }
    return report->is_whole || now_us >= server->due.again_us || news > 0 ||
           has_changed(server, look);
}

/* What was told is what is known from now on. */
static void remember(struct server *server, const struct mlserver_look *look,
                     const struct server_report *report)
{
    struct err err;

    if (has_changed(server, look)) {
        log_info("poll: server=%s state=%s%s%s", server->place.name, look->state,
                 look->reason[0] ? ": " : "", look->reason);
        check_name(server, look);
    }
    snprintf(server->state, sizeof(server->state), "%s", look->state);
    snprintf(server->reason, sizeof(server->reason), "%s", look->reason);
    mlserver_due_told(&server->due, report->is_whole, timebase_mono_us());
    if (look->has_index) {
        server->is_known =
            mlserver_memory_keep(&server->memory, look->models, look->count, &err) == OK;
    } else if (strcmp(look->state, SERVER_IS_AWAY) == 0) {
        server->is_known = false; /* what was on it may be gone when it is back */
    }
}

static void tell(struct server *server, const struct mlserver_asker *asker,
                 const struct mlserver_look *look, int64_t seen_us)
{
    struct server_report report;

    if (!choose(server, look, &report)) {
        return;
    }
    if (server->due.losses == 0) { /* else it may have been too large */
        mlserver_look_describe(asker, report.models, report.model_count,
                               timebase_mono_us() + DESCRIBE_US, &server->describe_first);
    }
    struct str text = server_report_write(&report, seen_us);
    if (!text.ptr) {
        log_error("poll: out of memory for what was seen of %s", server->place.name);
        return; /* it is news at the next look, too */
    }
    poll_told_take(&server->told, text);
    remember(server, look, &report);
}

static bool is_ended(const void *arg)
{
    const struct server *server = arg;

    return atomic_load(server->phase) == PHASE_ENDS;
}

/* What is asked with it is asked into an empty arena. */
static struct mlserver_asker asker_of(struct server *server)
{
    arena_reset(server->arena, ARENA_KEEP_BYTES);
    return (struct mlserver_asker){.url = server->place.url,
                                   .ca_file = server->st->poll.mlserver_ca_file,
                                   .timeout_ms = (long)server->st->poll.mlserver_timeout_ms,
                                   .doc = server->doc,
                                   .arena = server->arena,
                                   .asked_us = &server->turned_us,
                                   .is_ended = is_ended,
                                   .arg = server};
}

static void look_at(struct server *server)
{
    const struct mlserver_asker asker = asker_of(server);
    struct mlserver_look look;
    struct err err;

    if (mlserver_look(&asker, &look, &err) != OK) {
        if (!is_ended(server)) {
            log_error("poll: %s: %s", server->place.name, err.text);
        }
        return;
    }
    int64_t seen_us = timebase_wall_us(); /* what models are is asked long afterwards */
    bool is_away = strcmp(look.state, SERVER_IS_AWAY) == 0;
    metrics_inc(is_away ? METRIC_POLL_LOOKS_FAILED : METRIC_POLL_LOOKS);
    mlserver_due_seen(&server->due, is_away);
    tell(server, &asker, &look, seen_us);
    mlserver_look_fini(&look);
}

static void count(struct server *server)
{
    const struct mlserver_asker asker = asker_of(server);
    int64_t asked_us = timebase_wall_us(); /* who asks later never has the smaller numbers */
    const struct server_counts counts = {
        .namespace_ = str_view(server->place.namespace_),
        .server = str_view(server->place.name),
        .models = server->counted,
        .model_count = mlserver_counts_news(&server->counts, &asker, server->counted)};

    if (counts.model_count == 0) {
        return;
    }
    struct str text = server_counts_write(&counts, asked_us);
    if (!text.ptr) {
        log_error("poll: out of memory for what %s has counted", server->place.name);
        return; /* the next numbers hold these */
    }
    poll_told_take(&server->counts_told, text);
}

/* A server that does not answer is not asked what it has counted. */
static bool may_count(const struct server *server, int64_t now_us)
{
    return server->counts.url[0] && server->state[0] && server->due.failures == 0 &&
           now_us >= server->counts_us;
}

static int64_t next_look_us(const struct server *server)
{
    return timebase_mono_us() +
           mlserver_due_delay_ms(&server->due, server->st->poll.mlserver_interval_ms) * 1000;
}

/* What Kafka did not take is not known: all of it is told again, later and later. */
static bool is_told(struct server *server)
{
    bool is_state_told = poll_told_turn(&server->told, server->publish, server->place.name);
    bool are_counts_told =
        poll_told_turn(&server->counts_told, server->publish, server->place.name);
    enum poll_told_end end = poll_told_take_end(&server->told);

    if (end != TOLD_NOTHING) {
        mlserver_due_ended(&server->due, end == TOLD_KEPT);
    }
    if (end == TOLD_LOST) {
        server->is_known = false;
        server->look_us = next_look_us(server);
    }
    if (poll_told_take_end(&server->counts_told) == TOLD_LOST) {
        server->counts.count = 0;
    }
    return is_state_told && are_counts_told;
}

static void turn(struct server *server)
{
    int64_t now_us = timebase_mono_us();

    atomic_store(&server->turned_us, now_us);
    bool may_ask = is_told(server);
    if (may_ask && now_us >= server->look_us) {
        look_at(server);
        server->look_us = next_look_us(server);
    } else if (may_ask && may_count(server, now_us)) {
        count(server);
        server->counts_us =
            timebase_mono_us() + server->st->poll.mlserver_metrics_interval_ms * 1000;
    } else {
        timebase_sleep_us(STEP_US);
    }
}

static void *server_main(void *arg)
{
    struct server *server = arg;

    log_thread_name("poll-mlserver");
    while (atomic_load(server->phase) == PHASE_OPENS) {
        timebase_sleep_us(STEP_US);
    }
    while (atomic_load(server->phase) == PHASE_LOOKS) {
        turn(server);
    }
    while (!is_told(server) && timebase_mono_us() < server->stop_us) {
        timebase_sleep_us(STEP_US);
    }
    return NULL;
}

static enum verdict open_server(struct server *server, struct err *err)
{
    server->doc = json_doc_new(JSON_DEPTH_MAX, JSON_VALUES_MAX);
    server->arena = arena_new(ARENA_BYTES);
    server->news = calloc(MLSERVER_NEWS_MAX, sizeof(*server->news));
    server->counted = calloc(SERVER_REPORT_MODELS_MAX, sizeof(*server->counted));
    if (!server->doc || !server->arena || !server->news || !server->counted ||
        mlserver_memory_init(&server->memory, err) != OK) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    enum verdict verdict =
        mlserver_counts_init(&server->counts, server->place.url,
                             server->is_alone ? server->st->poll.mlserver_metrics_port : 0, err);
    if (verdict != OK) {
        return verdict;
    }
    atomic_store(&server->turned_us, timebase_mono_us());
    if (pthread_create(&server->thread, NULL, server_main, server) != 0) {
        return err_set(err, FATAL, WHERE, "cannot start a thread");
    }
    server->has_thread = true;
    return OK;
}

static void stop_source(void *source, int timeout_ms)
{
    struct poll_mlserver *poll = source;
    int64_t stop_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;

    for (size_t i = 0; i < poll->count; i++) {
        poll->servers[i].stop_us = stop_us;
    }
    atomic_store(&poll->phase, PHASE_ENDS);
    for (size_t i = 0; i < poll->count; i++) {
        if (poll->servers[i].has_thread) {
            pthread_join(poll->servers[i].thread, NULL);
            poll->servers[i].has_thread = false;
        }
    }
}

static void free_source(void *source)
{
    struct poll_mlserver *poll = source;

    for (size_t i = 0; poll && i < poll->count; i++) {
        struct server *server = &poll->servers[i];
        json_doc_free(server->doc);
        arena_free(server->arena);
        free(server->news);
        free(server->counted);
        mlserver_counts_fini(&server->counts);
        poll_told_fini(&server->counts_told);
        mlserver_memory_fini(&server->memory);
        poll_told_fini(&server->told);
    }
    free(poll ? poll->servers : NULL);
    free(poll);
}

static bool is_alone(const struct mlserver_place *places, size_t count, size_t which)
{
    struct http_client_place mine, other;
    struct err err;

    if (http_client_place(places[which].url, &mine, &err) != OK) {
        return true; /* open_server says why it cannot be asked */
    }
    for (size_t i = 0; i < count; i++) {
        if (i != which && http_client_place(places[i].url, &other, &err) == OK &&
            strcmp(mine.host, other.host) == 0) {
            log_warn("poll: %s and %s are on one host: what they count is not read",
                     places[which].name, places[i].name);
            return false;
        }
    }
    return true;
}

static enum verdict open_servers(struct poll_mlserver *poll, const struct settings *st,
                                 struct publish *publish, const struct mlserver_place *places,
                                 size_t count, struct err *err)
{
    enum verdict verdict = OK;

    poll->servers = calloc(count ? count : 1, sizeof(*poll->servers));
    if (!poll->servers) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    poll->count = count;
    for (size_t i = 0; i < count; i++) {
        poll->servers[i].st = st;
        poll->servers[i].publish = publish;
        poll->servers[i].place = places[i];
        poll->servers[i].is_alone =
            st->poll.mlserver_metrics_port == 0 || is_alone(places, count, i);
        poll->servers[i].phase = &poll->phase;
    }
    for (size_t i = 0; verdict == OK && i < count; i++) {
        verdict = open_server(&poll->servers[i], err);
    }
    return verdict;
}

static enum verdict check_files(const struct settings *st, struct err *err)
{
    const char *path = st->poll.mlserver_ca_file;
    const char *fault = *path ? plain_file_fault(path, PLAIN_FILE_CERTIFICATES_BYTES_MAX) : NULL;

    return fault ? err_set(err, FATAL, WHERE, "poll.mlserver_ca_file: %s: %s", path, fault) : OK;
}

static enum verdict start_source(const struct settings *st, struct publish *publish,
                                 void **out_source, struct err *err)
{
    struct mlserver_place *places = calloc(MLSERVER_LIST_MAX, sizeof(*places));
    struct poll_mlserver *poll = calloc(1, sizeof(*poll));
    size_t count = 0;
    enum verdict verdict =
        places && poll ? check_files(st, err) : err_set(err, FATAL, WHERE, "out of memory");

    if (verdict == OK) {
        verdict = mlserver_list_read(st->poll.mlserver_servers, st->poll.mlserver_namespace, places,
                                     &count, err);
    }
    if (verdict == OK) {
        verdict = open_servers(poll, st, publish, places, count, err);
    }
    free(places);
    if (verdict != OK) {
        if (poll) {
            stop_source(poll, 0);
        }
        free_source(poll);
        return verdict;
    }
    atomic_store(&poll->phase, PHASE_LOOKS);
    *out_source = poll;
    return OK;
}

static bool is_alive(const void *source)
{
    const struct poll_mlserver *poll = source;
    int64_t now_us = timebase_mono_us();

    for (size_t i = 0; i < poll->count; i++) {
        const struct server *server = &poll->servers[i];
        if (now_us - atomic_load(&server->turned_us) >
            ALIVE_US + server->st->poll.mlserver_timeout_ms * 1000) {
            return false;
        }
    }
    return true;
}

const struct poll_source poll_mlserver_source = {.name = "mlserver",
                                                 .switches = "poll.mlserver_servers",
                                                 .is_wanted = is_wanted,
                                                 .start = start_source,
                                                 .is_alive = is_alive,
                                                 .stop = stop_source,
                                                 .free = free_source};
