#include "tests/bench/load_run.h"

#include <sys/resource.h>
#include <time.h>

#include "tests/bench/metrics_read.h"
#include "tests/bench/proc_usage.h"

#define LOOK_EVERY_US 20000
#define STALL_US 60000000

struct meter {
    int64_t time_us;
    int64_t driver_us;
    struct proc_usage usage[LOAD_RUN_PROCESSES];
};

static enum verdict dealt_with(const struct load_run_options *options, int64_t *out_records,
                               struct err *err)
{
    if (options->watch) {
        return land_watch_records(options->watch, out_records, err);
    }
    return metrics_read_sum(options->ports[LOAD_RUN_WORKER], "metaops_worker_events_total",
                            out_records, err);
}

static enum verdict read_meter(const struct load_run_options *options, struct meter *out,
                               struct err *err)
{
    struct rusage self;
    enum verdict verdict = OK;
    out->time_us = load_driver_now_us();
    getrusage(RUSAGE_SELF, &self);
    out->driver_us = (self.ru_utime.tv_sec + self.ru_stime.tv_sec) * (int64_t)1000000 +
                     self.ru_utime.tv_usec + self.ru_stime.tv_usec;
    for (int i = 0; verdict == OK && i < LOAD_RUN_PROCESSES; i++) {
        verdict = proc_usage_of_ports(options->ports[i], &out->usage[i], err);
    }
    return verdict;
}

static enum verdict send_block(const struct load_run_options *options, struct err *err)
{
    enum verdict verdict =
        load_driver_begin(options->driver, options->set, load_driver_now_us(), 0, err);
    while (verdict == OK && !load_driver_is_done(options->driver)) {
        verdict = load_driver_step(options->driver, 10, err);
    }
    return verdict;
}

static enum verdict fill(const struct load_run_options *options, size_t count, struct err *err)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return load_set_fill(options->set, count, now.tv_sec * (int64_t)1000000 + now.tv_nsec / 1000, 1,
                         err);
}

static enum verdict wait_for(const struct load_run_options *options, int64_t target,
                             struct err *err)
{
    int64_t records = 0;
    int64_t moved_us = load_driver_now_us();
    for (;;) {
        int64_t before = records;
        enum verdict verdict = dealt_with(options, &records, err);
        if (verdict != OK || records >= target) {
            return verdict;
        }
        int64_t now_us = load_driver_now_us();
        if (records != before) {
            moved_us = now_us;
        } else if (now_us - moved_us > STALL_US) {
            return err_set(err, FATAL, "load_run",
                           "the workers stand still at %lld of %lld records", (long long)records,
                           (long long)target);
        }
        nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_US * 1000}, NULL);
    }
}

static size_t accepted_events(struct load_set *set, size_t from)
{
    size_t count;
    size_t accepted = 0;
    const struct load_event *events = load_set_events(set, &count);
    for (size_t i = from; i < count; i++) {
        accepted += events[i].is_accepted;
    }
    return accepted;
}

/* All blocks; the first is made already. *out_end_us: when the last POST was answered. */
static enum verdict send_all(const struct load_run_options *options, int64_t *out_end_us,
                             struct err *err)
{
    size_t sent;
    enum verdict verdict = send_block(options, err);
    load_set_items(options->set, &sent);
    while (verdict == OK && sent < options->events) {
        size_t block;
        verdict = fill(options, options->events - sent, err);
        if (verdict == OK) {
            verdict = send_block(options, err);
        }
        load_set_items(options->set, &block);
        sent += block;
    }
    *out_end_us = load_driver_now_us();
    return verdict;
}

static void summarize(const struct meter *before, const struct meter *after, int64_t sent_us,
                      size_t posts, size_t events, struct load_run *run)
{
    run->posts = (double)posts;
    run->seconds = (double)(after->time_us - before->time_us) / 1e6;
    run->accepted_per_s = (double)posts / ((double)(sent_us - before->time_us) / 1e6);
    run->landed_per_s = (double)events / run->seconds;
    run->driver_cpu_us = (double)(after->driver_us - before->driver_us) / (double)posts;
    for (int i = 0; i < LOAD_RUN_PROCESSES; i++) {
        run->cpu_us[i] = (double)(after->usage[i].cpu_us - before->usage[i].cpu_us) / (double)posts;
        run->rss_peak_mb[i] = after->usage[i].rss_peak_mb;
    }
}

enum verdict load_run(const struct load_run_options *options, struct load_run *out_run,
                      struct err *err)
{
    struct meter before;
    struct meter after;
    struct land_watch_store store_before = {0};
    struct land_watch_store store_after = {0};
    int64_t base = 0;
    int64_t sent_us = 0;
    size_t known;
    size_t accepted_before = load_driver_counts(options->driver).accepted;
    load_set_events(options->set, &known);
    enum verdict verdict = fill(options, options->events, err);
    if (verdict == OK && options->watch) {
        verdict = land_watch_store(options->watch, &store_before, err);
    }
    if (verdict == OK) {
        verdict = dealt_with(options, &base, err);
    }
    if (verdict == OK) {
        verdict = read_meter(options, &before, err);
    }
    if (verdict == OK) {
        verdict = send_all(options, &sent_us, err);
    }
    size_t posts = load_driver_counts(options->driver).accepted - accepted_before;
    if (verdict == OK && posts == 0) {
        verdict = err_set(err, FATAL, "load_run", "the gateway accepted nothing (last answer %d)",
                          load_driver_counts(options->driver).last_refusal);
    }
    if (verdict == OK) {
        verdict = wait_for(options, base + (int64_t)posts, err);
    }
    if (verdict == OK) {
        verdict = read_meter(options, &after, err);
    }
    if (verdict == OK && options->watch) {
        verdict = land_watch_store(options->watch, &store_after, err);
    }
    if (verdict == OK) {
        size_t events = accepted_events(options->set, known);
        struct load_run run = {0};
        summarize(&before, &after, sent_us, posts, events, &run);
        run.bytes_per_event = (double)(store_after.bytes - store_before.bytes) / (double)events;
        *out_run = run;
    }
    return verdict;
}
