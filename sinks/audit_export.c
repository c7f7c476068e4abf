#include "audit_export.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit_heads.h"
#include "core/kafka_producer.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "pg_conn.h"
#include "schemas/embedded.h"
#include "schemas/identity.h"

#define WHERE "audit"
#define AGAIN_MS 30000
#define STOP_TIMEOUT_MS 3000
#define HEADS_BYTES_MAX (64u << 20)

enum place { PLACE_TOPIC, PLACE_FILE, PLACES };

struct sink_aside {
    const struct settings *st;
    struct audit_key *key;
    struct kafka_producer *producer;
    struct pg_conn *pg;
    struct arena *arena;
    struct id128 exported[PLACES]; /* digest of the heads that it has */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_stopping;
    bool is_answered; /* by the broker, to the record under way */
    enum verdict answer;
    char reason[160];
};

static void on_result(void *record_arg, enum verdict verdict, int32_t partition, int64_t offset,
                      const char *reason)
{
    struct sink_aside *as = record_arg;
    (void)partition;
    (void)offset;
    pthread_mutex_lock(&as->lock);
    as->answer = verdict;
    as->is_answered = true;
    snprintf(as->reason, sizeof as->reason, "%s", reason ? reason : "");
    pthread_cond_broadcast(&as->woken);
    pthread_mutex_unlock(&as->lock);
}

/* Waits for the broker's answer, which comes within ingest.message_timeout_ms. */
static enum verdict to_topic(struct sink_aside *as, const char *line, struct err *err)
{
    char *value = strdup(line);
    if (!value) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    pthread_mutex_lock(&as->lock);
    as->is_answered = false;
    pthread_mutex_unlock(&as->lock);
    enum verdict verdict = kafka_producer_publish_to(as->producer, as->st->kafka.topic_audit_heads,
                                                     0, STR(""), value, strlen(value), as, err);
    if (verdict != OK) {
        free(value);
        return verdict;
    }
    pthread_mutex_lock(&as->lock);
    while (!as->is_answered) {
        pthread_cond_wait(&as->woken, &as->lock);
    }
    verdict = as->answer == OK ? OK : err_set(err, as->answer, WHERE, "%s", as->reason);
    pthread_mutex_unlock(&as->lock);
    return verdict;
}

/* What a crash or a full disk left of a line gets an end, so that the next one is whole. */
static bool ends_amid_line(int fd)
{
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static enum verdict to_file(struct sink_aside *as, const char *line, struct err *err)
{
    const char *path = as->st->audit.heads_file;
    size_t len = strlen(line);
    char *text = malloc(len + 2);
    struct stat about;
    /* A named pipe would be waited for. */
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    enum verdict verdict = OK;
    if (!text || fd < 0 || fstat(fd, &about) != 0) {
        verdict = err_set(err, RETRY, WHERE, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(about.st_mode)) {
        verdict = err_set(err, RETRY, WHERE, "%s is not a regular file", path);
    } else {
        size_t begin = ends_amid_line(fd);
        memset(text, '\n', len + 2);
        memcpy(text + begin, line, len);
        size_t size = begin + len + 1;
        if (write(fd, text, size) != (ssize_t)size || fsync(fd) != 0) {
            verdict = err_set(err, RETRY, WHERE, "%s: %s", path, strerror(errno));
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    free(text);
    return verdict;
}

static enum verdict fill_head(struct sink_aside *as, const struct pg_result *rows, int row,
                              struct audit_head *out_head, struct err *err)
{
    const char *topic = pg_conn_value(rows, row, 1);
    *out_head = (struct audit_head){.is_acts = !topic,
                                    .sequence = strtoll(pg_conn_value(rows, row, 3), NULL, 10)};
    if (topic) {
        out_head->cluster_id = arena_dup(as->arena, str_view(pg_conn_value(rows, row, 0)));
        out_head->topic = arena_dup(as->arena, str_view(topic));
        out_head->partition = (int32_t)strtol(pg_conn_value(rows, row, 2), NULL, 10);
        if (!out_head->cluster_id.ptr || !out_head->topic.ptr) {
            return err_set(err, RETRY, WHERE, "memory is short");
        }
    }
    return audit_chain_parse(str_view(pg_conn_value(rows, row, 4)), &out_head->hash)
               ? OK
               : err_set(err, RETRY, WHERE, "the hash of a row is none");
}

/* Hashes stand for all that is behind them: their digest tells whether anything came in. */
static enum verdict read_heads(struct sink_aside *as, struct audit_head **out_heads,
                               size_t *out_count, struct id128 *out_digest, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict =
        as->pg ? OK : pg_conn_open(as->st, PG_CONN_READ, "metaops audit", &as->pg, err);
    if (verdict == OK) {
        verdict = pg_conn_query(as->pg, embedded_text(sinks_files, "audit/heads.sql").ptr, 0, NULL,
                                &rows, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    size_t count = (size_t)pg_conn_rows(rows);
    struct audit_head *heads = arena_calloc(as->arena, count + 1, sizeof *heads);
    struct audit_hash *hashes = arena_calloc(as->arena, count + 1, sizeof *hashes);
    verdict = heads && hashes ? OK : err_set(err, RETRY, WHERE, "memory is short");
    for (size_t i = 0; verdict == OK && i < count; i++) {
        verdict = fill_head(as, rows, (int)i, &heads[i], err);
        hashes[i] = heads[i].hash;
    }
    pg_conn_clear(rows);
    if (verdict == OK) {
        *out_heads = heads;
        *out_count = count;
        *out_digest = identity_digest((struct str){(const char *)hashes, count * sizeof *hashes});
    }
    return verdict;
}

/* Gives each place the heads if it has others. False when anything is to be tried again. */
static bool deliver(struct sink_aside *as, const struct audit_head *heads, size_t count,
                    struct id128 digest)
{
    static const struct {
        const char *name;
        enum verdict (*put)(struct sink_aside *as, const char *line, struct err *err);
    } places[PLACES] = {[PLACE_TOPIC] = {.name = "the topic", .put = to_topic},
                        [PLACE_FILE] = {.name = "the file", .put = to_file}};
    char *line = NULL;
    struct err err = {.text = ""};
    bool is_done = true;
    if (audit_heads_write(heads, count, timebase_wall_us(), as->key, &line, &err) != OK) {
        log_warn("audit heads are not exported: %s", err.text);
        return false;
    }
    for (int i = 0; i < PLACES; i++) {
        if (id128_eq(as->exported[i], digest) || (i == PLACE_FILE && !*as->st->audit.heads_file)) {
            continue;
        }
        if (places[i].put(as, line, &err) == OK) {
            as->exported[i] = digest;
            metrics_inc(METRIC_WORKER_AUDIT_EXPORTS);
        } else {
            log_warn("audit heads are not exported to %s: %s", places[i].name, err.text);
            metrics_inc(METRIC_WORKER_AUDIT_EXPORTS_FAILED);
            is_done = false;
        }
    }
    free(line);
    return is_done;
}

static bool export_heads(struct sink_aside *as)
{
    struct audit_head *heads = NULL;
    size_t count = 0;
    struct id128 digest;
    struct err err = {.text = ""};
    arena_reset(as->arena, 0);
    if (read_heads(as, &heads, &count, &digest, &err) != OK) {
        log_warn("audit heads are not exported: %s", err.text);
        metrics_inc(METRIC_WORKER_AUDIT_EXPORTS_FAILED);
        pg_conn_close(as->pg);
        as->pg = NULL;
        return false;
    }
    return count == 0 || deliver(as, heads, count, digest);
}

/* True when the end was asked for. */
static bool pause_ms(struct sink_aside *as, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&as->lock);
    while (!as->is_stopping && pthread_cond_timedwait(&as->woken, &as->lock, &until) != ETIMEDOUT) {
    }
    bool is_stopping = as->is_stopping;
    pthread_mutex_unlock(&as->lock);
    return is_stopping;
}

static void *export_main(void *arg)
{
    struct sink_aside *as = arg;
    int64_t interval_ms = as->st->audit.heads_interval_ms;
    bool is_done = false;
    log_thread_name("audit");
    do {
        is_done = export_heads(as);
    } while (!pause_ms(as, is_done || interval_ms < AGAIN_MS ? interval_ms : AGAIN_MS));
    if (is_done) { /* else it would not go now either */
        (void)export_heads(as);
    }
    return NULL;
}

static void free_all(struct sink_aside *as)
{
    kafka_producer_free(as->producer);
    pg_conn_close(as->pg);
    audit_key_free(as->key);
    arena_free(as->arena);
    pthread_cond_destroy(&as->woken);
    pthread_mutex_destroy(&as->lock);
    free(as);
}

/* Signals are for the threads that were there before. */
static int start_thread(struct sink_aside *as)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&as->thread, NULL, export_main, as);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

enum verdict audit_export_start(const struct settings *st, struct sink_aside **out_aside,
                                struct err *err)
{
    pthread_condattr_t attributes;
    if (!*st->audit.key_file) {
        *out_aside = NULL;
        return OK;
    }
    struct sink_aside *as = calloc(1, sizeof *as);
    if (!as) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    as->st = st;
    pthread_mutex_init(&as->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&as->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    as->arena = arena_new(HEADS_BYTES_MAX);
    enum verdict verdict = as->arena ? OK : err_set(err, RETRY, WHERE, "memory is short");
    if (verdict == OK) {
        verdict = audit_key_read(st->audit.key_file, true, &as->key, err);
    }
    if (verdict == OK) {
        verdict = kafka_producer_start(st, on_result, &as->producer, err);
    }
    if (verdict == OK && start_thread(as) != 0) {
        kafka_producer_stop(as->producer, 0);
        verdict = err_set(err, RETRY, WHERE, "no thread could be started");
    }
    if (verdict != OK) {
        free_all(as);
        return verdict;
    }
    log_info("audit heads are exported every %lld s, signed by key %s",
             (long long)(st->audit.heads_interval_ms / 1000), audit_key_id(as->key));
    *out_aside = as;
    return OK;
}

void audit_export_stop(struct sink_aside *aside)
{
    if (!aside) {
        return;
    }
    pthread_mutex_lock(&aside->lock);
    aside->is_stopping = true;
    pthread_cond_broadcast(&aside->woken);
    pthread_mutex_unlock(&aside->lock);
    pthread_join(aside->thread, NULL);
    kafka_producer_stop(aside->producer, STOP_TIMEOUT_MS);
    free_all(aside);
}
