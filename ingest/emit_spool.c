#include "ingest/emit_spool.h"

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

static int emit_spool_report(struct ship *ship, bool is_drained, bool is_json)
{
    struct ship_counts counts = ship_counts(ship);
    char reason[256];

    (void)ship_last_error(ship, reason, sizeof(reason));
    printf(is_json ? "{\"delivered\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"dropped\":%" PRIu64 "}\n"
                   : "%" PRIu64 " delivered, %" PRIu64 " refused, %" PRIu64 " dropped\n",
           counts.adopted, counts.refused, counts.dropped);
    if (!is_drained) {
        fprintf(stderr, "metaops emit: not all could be shipped: %s\n",
                *reason ? reason : "no answer");
    }
    return is_drained && counts.refused == 0 && counts.dropped == 0 ? EXIT_CODE_OK
                                                                    : EXIT_CODE_FAILED;
}

int emit_spool_run(const struct settings *st, const struct emit_options *options)
{
    static struct fd_book book;
    static struct emitter_config config; /* outlive a thread that hangs */
    struct err err = {.text = "out of memory"};
    struct ship *ship = NULL;
    int spool_fd = -1;
    int code = EXIT_CODE_FAILED;
    char *text = emit_spool_config(st, options);
    enum verdict verdict = text ? emitter_config_read(text, &config, &err) : RETRY;

    if (verdict == OK) {
        verdict = spool_dir_open(config.spool, &book, &spool_fd, &err);
    }
    if (verdict == OK) {
        ship = ship_new(&config, &book, spool_fd, NULL);
        verdict = ship ? ship_start(ship, &err) : err_set(&err, RETRY, "emit", "out of memory");
    }
    if (verdict == OK) {
        bool is_drained = emit_spool_wait(ship);
        bool is_ended = ship_stop(ship, STOP_MS);
        code = emit_spool_report(ship, is_drained, options->is_json);
        ship = is_ended ? ship : NULL;
    } else {
        fprintf(stderr, "metaops emit: %s\n", err.text);
    }
    if (ship || verdict != OK) {
        ship_free(ship);
        fd_book_close_all(&book);
        emitter_config_fini(&config);
    }
    free(text);
    return code;
}
