#include "ingest/emit_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/exit_code.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/emit_options.h"
#include "ingest/emitter/emitter_config.h"
#include "ingest/emitter/ship.h"
#include "ingest/emitter/spool_dir.h"

#define STEP_MS 500
#define STOP_MS 0
#define PATIENCE_US INT64_C(15000000)

struct text_out {
    char *bytes;
    size_t len;
    FILE *file;
};

static bool emit_spool_property(void *arg, const char *name, const char *value)
{
    struct text_out *out = arg;

    if (strncmp(name, "consumer.", strlen("consumer.")) != 0) {
        name += strncmp(name, "producer.", strlen("producer.")) == 0 ? strlen("producer.") : 0;
        fprintf(out->file, "rdkafka.%s = %s\n", name, value);
    }
    return true;
}

/* The words of the command as the library's configuration. NULL when memory is short. */
static char *emit_spool_config(const struct settings *st, const struct emit_options *options)
{
    struct text_out out = {.bytes = NULL};

    out.file = open_memstream(&out.bytes, &out.len);
    if (!out.file) {
        return NULL;
    }
    fprintf(out.file, "spool = %s\n", options->spool);
    if (options->to_kafka) {
        fprintf(out.file, "to = kafka://%s/%s\n", st->kafka.brokers, st->kafka.topic_events);
        settings_each_rdkafka(st, emit_spool_property, &out);
    } else {
        fprintf(out.file, "to = %s\n", options->url);
    }
    if (fclose(out.file) != 0) {
        free(out.bytes);
        return NULL;
    }
    return out.bytes;
}

/* False when the backend took nothing for too long. */
static bool emit_spool_wait(struct ship *ship)
{
    uint64_t last = 0;
    int64_t since_us = timebase_mono_us();

    while (!ship_drain(ship, STEP_MS)) {
        struct ship_counts counts = ship_counts(ship);
        uint64_t done = counts.adopted + counts.refused;
        int64_t now_us = timebase_mono_us();
        if (done != last) {
            last = done;
            since_us = now_us;
        } else if (now_us - since_us > PATIENCE_US) {
            return false;
        }
    }
    return true;
}

/* What came of all directories. */
struct spool_sum {
    const struct emitter_config *config;
    struct fd_book *book;
    int fd; /* of the directory that was named */
    struct ship_counts counts;
    bool is_drained;
    bool has_hung; /* a thread that still runs: nothing it uses may be freed */
    enum verdict verdict;
    struct err err;
    char reason[256];
};

/* Ships the sets right below fd. False: no use to go on. */
static bool emit_spool_ship(struct spool_sum *sum, int fd)
{
    struct ship *ship = ship_new(sum->config, sum->book, fd, NULL);

    sum->verdict =
        ship ? ship_start(ship, &sum->err) : err_set(&sum->err, RETRY, "emit", "out of memory");
    if (sum->verdict != OK) {
        ship_free(ship);
        return false;
    }
    bool is_drained = emit_spool_wait(ship);
    bool is_ended = ship_stop(ship, STOP_MS);
    struct ship_counts counts = ship_counts(ship);
    sum->counts.adopted += counts.adopted;
    sum->counts.refused += counts.refused;
    sum->counts.dropped += counts.dropped;
    if (!is_drained) {
        sum->is_drained = false;
        (void)ship_last_error(ship, sum->reason, sizeof(sum->reason));
    }
    if (is_ended) {
        ship_free(ship);
    }
    sum->has_hung = !is_ended;
    return is_ended;
}

static bool emit_spool_visit(void *arg, const char *name)
{
    struct spool_sum *sum = arg;
    int fd = fd_book_add(sum->book,
                         openat(sum->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));

    if (fd < 0) {
        fprintf(stderr, "metaops emit: %s: %s\n", name, strerror(errno));
        sum->is_drained = false;
        return true;
    }
    bool is_going_on = emit_spool_ship(sum, fd);
    if (!sum->has_hung) {
        fd_book_close(sum->book, fd);
    }
    return is_going_on;
}

static int emit_spool_report(const struct spool_sum *sum, bool is_json)
{
    const struct ship_counts *counts = &sum->counts;

    printf(is_json ? "{\"delivered\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"dropped\":%" PRIu64 "}\n"
                   : "%" PRIu64 " delivered, %" PRIu64 " refused, %" PRIu64 " dropped\n",
           counts->adopted, counts->refused, counts->dropped);
    if (!sum->is_drained) {
        fprintf(stderr, "metaops emit: not all could be shipped: %s\n",
                *sum->reason ? sum->reason : "no answer");
    }
    return sum->is_drained && counts->refused == 0 && counts->dropped == 0 ? EXIT_CODE_OK
                                                                           : EXIT_CODE_FAILED;
}

int emit_spool_run(const struct settings *st, const struct emit_options *options)
{
    static struct fd_book book;
    static struct emitter_config config; /* outlive a thread that hangs */
    struct spool_sum sum = {.config = &config,
                            .book = &book,
                            .fd = -1,
                            .is_drained = true,
                            .err = {.text = "out of memory"}};
    int code = EXIT_CODE_FAILED;
    char *text = emit_spool_config(st, options);

    sum.verdict = text ? emitter_config_read(text, &config, &sum.err) : RETRY;
    if (sum.verdict == OK) {
        sum.verdict = spool_dir_open(config.spool, &book, &sum.fd, &sum.err);
    }
    if (sum.verdict == OK && emit_spool_ship(&sum, sum.fd)) {
        spool_dir_each_destination(sum.fd, emit_spool_visit, &sum);
    }
    if (sum.verdict == OK) {
        code = emit_spool_report(&sum, options->is_json);
    } else {
        fprintf(stderr, "metaops emit: %s\n", sum.err.text);
    }
    if (!sum.has_hung) {
        fd_book_close_all(&book);
        emitter_config_fini(&config);
    }
    free(text);
    return code;
}
