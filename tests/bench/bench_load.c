/* bench_load - the benchmark's one program: makes events, drives the gateway, watches the store and
 * prints the figures. tests/bench/run starts the stack and calls it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/report.h"

struct options {
    char host[64];
    int port;
    int connections;
    bool is_tls;
    char bearer[256];
    const char *dsn;
    const char *sink;
    const char *real_folder;
    const char *json;
    const char *write;
    uint64_t seed;
    uint64_t change_one_in;
    size_t events;
    size_t floor_events;
    double rate;
    double seconds;
    const char *ports[LOAD_RUN_PROCESSES];
};

static const struct option option_table[] = {
    {.name = "url", .has_arg = required_argument, .val = 'u'},
    {.name = "dsn", .has_arg = required_argument, .val = 'd'},
    {.name = "sink", .has_arg = required_argument, .val = 'k'},
    {.name = "real", .has_arg = required_argument, .val = 'r'},
    {.name = "json", .has_arg = required_argument, .val = 'j'},
    {.name = "write", .has_arg = required_argument, .val = 'w'},
    {.name = "seed", .has_arg = required_argument, .val = 's'},
    {.name = "changes", .has_arg = required_argument, .val = 'C'},
    {.name = "events", .has_arg = required_argument, .val = 'n'},
    {.name = "floor", .has_arg = required_argument, .val = 'f'},
    {.name = "rate", .has_arg = required_argument, .val = 'R'},
    {.name = "seconds", .has_arg = required_argument, .val = 'S'},
    {.name = "bearer-file", .has_arg = required_argument, .val = 'b'},
    {.name = "connections", .has_arg = required_argument, .val = 'c'},
    {.name = "gateway-ports", .has_arg = required_argument, .val = '0' + LOAD_RUN_GATEWAY},
    {.name = "worker-ports", .has_arg = required_argument, .val = '0' + LOAD_RUN_WORKER},
    {.name = "kafka-ports", .has_arg = required_argument, .val = '0' + LOAD_RUN_KAFKA},
    {.name = "postgres-ports", .has_arg = required_argument, .val = '0' + LOAD_RUN_POSTGRES},
    {0},
};

static const char usage[] =
    "Usage: bench_load --write FILE [--events N] [--changes N] [--seed S] [--real FOLDER]\n"
    "       bench_load --url http[s]://IP:PORT --dsn CONNINFO --gateway-ports P --worker-ports "
    "P[,P]\n"
    "                  --kafka-ports P --postgres-ports P [--events N] [--changes N] [--seed S]\n"
    "                  [--real FOLDER]\n"
    "                  [--connections C] [--sink null] [--rate R --seconds S] [--floor N]\n"
    "                  [--bearer-file FILE] [--json FILE]\n"
    "--changes: 1 event in N changes a schema (default 20; 0: none). "
    "--rate and --seconds add the latency run, --floor the COPY of N bodies into a plain table.\n";

/* http://127.0.0.1:5000 or https:, with or without what surrounds host and port. */
static bool parse_url(const char *url, struct options *options)
{
    options->is_tls = strncmp(url, "https://", 8) == 0;
    const char *host = strncmp(url, "http://", 7) == 0 ? url + 7 : url + 8 * options->is_tls;
    const char *colon = strchr(host, ':');
    if (!colon || (size_t)(colon - host) >= sizeof(options->host)) {
        return false;
    }
    snprintf(options->host, sizeof(options->host), "%.*s", (int)(colon - host), host);
    if (strcmp(options->host, "localhost") == 0) {
        snprintf(options->host, sizeof(options->host), "127.0.0.1");
    }
    options->port = (int)strtol(colon + 1, NULL, 10);
    return options->port > 0;
}

/* From a file: command lines can be read by everybody. */
static bool read_bearer(const char *path, struct options *options)
{
    FILE *file = fopen(path, "r");
    bool is_read = file && fgets(options->bearer, sizeof(options->bearer), file);

    options->bearer[strcspn(options->bearer, "\r\n")] = '\0';
    if (file) {
        fclose(file);
    }
    return is_read;
}

static bool take_option(int letter, const char *value, struct options *options)
{
    switch (letter) {
    case 'u':
        return parse_url(value, options);
    case 'd':
        options->dsn = value;
        return true;
    case 'k':
        options->sink = value;
        return strcmp(value, "null") == 0 || strcmp(value, "postgres") == 0;
    case 'r':
        options->real_folder = value;
        return true;
    case 'j':
        options->json = value;
        return true;
    case 'w':
        options->write = value;
        return true;
    case 's':
        options->seed = strtoull(value, NULL, 10);
        return true;
    case 'C':
        options->change_one_in = strtoull(value, NULL, 10);
        return true;
    case 'n':
        options->events = strtoull(value, NULL, 10);
        return options->events > 0 && options->events < UINT32_MAX;
    case 'f':
        options->floor_events = strtoull(value, NULL, 10);
        return true;
    case 'R':
        options->rate = strtod(value, NULL);
        return options->rate >= 0;
    case 'S':
        options->seconds = strtod(value, NULL);
        return options->seconds >= 0;
    case 'b':
        return read_bearer(value, options);
    case 'c':
        options->connections = (int)strtol(value, NULL, 10);
        return options->connections > 0 && options->connections <= 10000;
    default:
        if (letter < '0' || letter >= '0' + LOAD_RUN_PROCESSES) {
            return false;
        }
        options->ports[letter - '0'] = value;
        return true;
    }
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    int letter;
    while ((letter = getopt_long(argc, argv, "", option_table, NULL)) != -1) {
        if (!take_option(letter, optarg, options)) {
            return false;
        }
    }
    if (options->write) {
        return optind == argc;
    }
    for (int i = 0; i < LOAD_RUN_PROCESSES; i++) {
        if (!options->ports[i]) {
            return false;
        }
    }
    return optind == argc && options->port > 0 && options->dsn;
}

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * (int64_t)1000000 + now.tv_nsec / 1000;
}

static enum verdict write_events(const struct options *options, struct load_set *set,
                                 struct err *err)
{
    size_t count;
    enum verdict verdict = load_set_fill(set, options->events, wall_us(), 1, err);
    if (verdict != OK) {
        return verdict;
    }
    FILE *file = fopen(options->write, "we");
    if (!file) {
        return err_set(err, FATAL, "bench_load", "%s: %s", options->write, strerror(errno));
    }
    const struct load_item *items = load_set_items(set, &count);
    for (size_t i = 0; i < count; i++) {
        fwrite(load_set_body(set, &items[i]), 1, items[i].body_bytes, file);
        fputc('\n', file);
    }
    return fclose(file) == 0
               ? OK
               : err_set(err, FATAL, "bench_load", "%s: %s", options->write, strerror(errno));
}

static enum verdict account_for(struct land_watch *watch, struct load_set *set,
                                struct report *report, struct err *err)
{
    struct land_watch_account more;
    struct land_watch_account *sum = &report->account;
    enum verdict verdict = land_watch_account(watch, set, &more, err);
    if (verdict == OK) {
        sum->accepted += more.accepted;
        sum->landed += more.landed;
        sum->dead_letters += more.dead_letters;
        sum->lost += more.lost;
        sum->uninvited += more.uninvited;
        sum->rows += more.rows;
    }
    return verdict;
}

/* A set of its own, so that the bodies of the throughput run stay for the floor. They are made
 * before the clock starts, with the times at which they will be due. */
static enum verdict measure_latency(const struct options *options, struct load_driver *driver,
                                    struct land_watch *watch, struct report *report,
                                    struct err *err)
{
    size_t count = (size_t)(options->rate * options->seconds);
    struct load_options load_options = {
        .seed = options->seed + 1,
        .change_one_in = options->change_one_in,
        .real_folder = options->real_folder,
    };
    struct load_set *set = NULL;
    if (count == 0) {
        return OK;
    }
    report->rate = options->rate;
    enum verdict verdict = load_set_new(&load_options, &set, err);
    if (verdict == OK) {
        verdict = load_set_fill(set, count, wall_us(), (int64_t)(1e6 / options->rate), err);
    }
    if (verdict == OK) {
        verdict = latency_run(driver, watch, set, options->rate, &report->latency, err);
    }
    if (verdict == OK) {
        verdict = account_for(watch, set, report, err);
    }
    load_set_free(set);
    return verdict;
}

static enum verdict measure(const struct options *options, struct load_set *set,
                            struct report *report, struct err *err)
{
    bool is_null = strcmp(options->sink, "null") == 0;
    struct load_driver *driver = NULL;
    struct land_watch *watch = NULL;
    struct load_driver_options driver_options = {
        .host = options->host,
        .port = options->port,
        .connections = options->connections,
        .is_tls = options->is_tls,
        .bearer = *options->bearer ? options->bearer : NULL,
    };
    enum verdict verdict = load_driver_open(&driver_options, &driver, err);
    if (verdict == OK) {
        verdict = land_watch_open(options->dsn, &watch, err);
    }
    struct load_run_options run_options = {
        .driver = driver,
        .watch = is_null ? NULL : watch,
        .set = set,
        .events = options->events,
    };
    memcpy(run_options.ports, options->ports, sizeof(run_options.ports));
    if (verdict == OK) {
        verdict = load_run(&run_options, &report->load, err);
    }
    if (verdict == OK && !is_null) {
        verdict = measure_latency(options, driver, watch, report, err);
    }
    if (verdict == OK && !is_null) {
        verdict = account_for(watch, set, report, err);
    }
    if (verdict == OK && options->floor_events > 0) {
        verdict =
            land_watch_floor(watch, set, options->floor_events, &report->floor_copy_per_s, err);
    }
    if (verdict == OK) {
        report->counts = load_driver_counts(driver);
    }
    load_driver_close(driver);
    land_watch_close(watch);
    return verdict;
}

int main(int argc, char **argv)
{
    struct options options = {
        .connections = 64,
        .sink = "postgres",
        .seed = 1,
        .change_one_in = 20,
        .events = 100000,
    };
    struct err err = {0};
    struct load_set *set = NULL;
    if (!parse_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    struct load_options load_options = {.seed = options.seed,
                                        .change_one_in = options.change_one_in,
                                        .real_folder = options.real_folder};
    struct report report = {
        .workload = options.real_folder ? "real" : "generated",
        .sink = options.sink,
        .seed = options.seed,
        .change_one_in = options.real_folder ? 0 : options.change_one_in,
        .events = options.events,
    };
    enum verdict verdict = load_set_new(&load_options, &set, &err);
    if (verdict == OK) {
        verdict = options.write ? write_events(&options, set, &err)
                                : measure(&options, set, &report, &err);
    }
    if (verdict == OK && !options.write) {
        report_print(&report);
        verdict = options.json ? report_write_json(&report, options.json, &err) : OK;
    }
    load_set_free(set);
    if (verdict != OK) {
        fprintf(stderr, "bench_load: %s: %s\n", err.where, err.text);
        return 1;
    }
    return report_is_complete(&report) ? 0 : 1;
}
