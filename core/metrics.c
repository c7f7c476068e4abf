#include "core/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REFRESHES_MAX 8

enum metric_kind { COUNTER, GAUGE, HISTOGRAM };

struct metric_row {
    enum metric_kind kind;
    const char *name;
    const char *labels;
    const char *help;
};

#define METRIC(id_, kind_, name_, labels_, help_)                                                  \
    [METRIC_##id_] = {.kind = (kind_), .name = (name_), .labels = (labels_), .help = (help_)},
static const struct metric_row rows[METRIC_COUNT] = {
#include "metrics_table.h"
};
#undef METRIC

/* Upper bounds of the histograms: 0.5 ms to 10 s; one more for the rest. */
static const int64_t bounds_us[] = {500,    1000,   2500,   5000,    10000,   25000,   50000,
                                    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
#define BOUNDS (sizeof(bounds_us) / sizeof(bounds_us[0]))

/* Slots of one metric: a counter uses the first, a histogram its buckets and behind them the
 * sum. */
#define SLOTS (BOUNDS + 2)
#define SUM_SLOT (BOUNDS + 1)

/* The counts of one thread. A block outlives its thread, counts and all, and goes to the next new
 * thread: so sums never fall, and memory is bounded by the most threads alive at once. */
struct block {
    _Atomic uint64_t slots[METRIC_COUNT][SLOTS];
    struct block *next;
    bool is_taken;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the list and is_taken */
static struct block shared;                              /* for threads that got no memory */
static struct block *blocks = &shared;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Thread_local struct block *mine;

static _Atomic int64_t gauges[METRIC_COUNT];

static struct {
    void (*refresh)(void *arg);
    void *arg;
} refreshes[REFRESHES_MAX];
static size_t refresh_count;

static void metrics_give_back(void *block)
{
    pthread_mutex_lock(&lock);
    ((struct block *)block)->is_taken = false;
    pthread_mutex_unlock(&lock);
    mine = NULL;
}

static void metrics_make_key(void)
{
    /* Without a key blocks are not reused, which costs memory only. */
    if (pthread_key_create(&key, metrics_give_back) != 0) {
        key = (pthread_key_t)-1;
    }
}

static struct block *metrics_take_block(void)
{
    pthread_once(&key_once, metrics_make_key);
    pthread_mutex_lock(&lock);
    struct block *block = blocks;
    while (block && (block->is_taken || block == &shared)) {
        block = block->next;
    }
    if (!block) {
        block = calloc(1, sizeof(*block));
        if (block) {
            block->next = blocks;
            blocks = block;
        }
    }
    if (block) {
        block->is_taken = true;
    }
    pthread_mutex_unlock(&lock);
    if (!block) {
        return &shared;
    }
    if (key != (pthread_key_t)-1) {
        pthread_setspecific(key, block);
    }
    return block;
}

static void metrics_add_slot(enum metric metric, size_t slot, uint64_t n)
{
    if (!mine) {
        mine = metrics_take_block();
    }
    atomic_fetch_add_explicit(&mine->slots[metric][slot], n, memory_order_relaxed);
}

void metrics_add(enum metric metric, uint64_t n)
{
    metrics_add_slot(metric, 0, n);
}

void metrics_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&gauges[metric], value, memory_order_relaxed);
}

void metrics_observe_us(enum metric metric, int64_t us)
{
    size_t bucket = 0;

    us = us < 0 ? 0 : us; /* clocks of two machines */
    while (bucket < BOUNDS && us > bounds_us[bucket]) {
        bucket++;
    }
    metrics_add_slot(metric, bucket, 1);
    metrics_add_slot(metric, SUM_SLOT, (uint64_t)us);
}

static uint64_t metrics_sum(enum metric metric, size_t slot)
{
    uint64_t sum = 0;

    pthread_mutex_lock(&lock);
    for (struct block *block = blocks; block; block = block->next) {
        sum += atomic_load_explicit(&block->slots[metric][slot], memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return sum;
}

int64_t metrics_read(enum metric metric)
{
    if (rows[metric].kind == GAUGE) {
        return atomic_load_explicit(&gauges[metric], memory_order_relaxed);
    }
    uint64_t sum = 0;
    size_t slots = rows[metric].kind == HISTOGRAM ? BOUNDS + 1 : 1;
    for (size_t slot = 0; slot < slots; slot++) {
        sum += metrics_sum(metric, slot);
    }
    return (int64_t)sum;
}

void metrics_on_scrape(void (*refresh)(void *arg), void *arg)
{
    if (refresh_count < REFRESHES_MAX) {
        refreshes[refresh_count].refresh = refresh;
        refreshes[refresh_count].arg = arg;
        refresh_count++;
    }
}

/* Seconds without the rounding of floating point: 2500 us is 0.0025. */
static void metrics_print_seconds(uint64_t us, FILE *out)
{
    char text[40];
    int len = snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);

    while (text[len - 1] == '0') {
        text[--len] = '\0';
    }
    if (text[len - 1] == '.') {
        text[--len] = '\0';
    }
    fputs(text, out);
}

static void metrics_print_histogram(enum metric metric, FILE *out)
{
    const struct metric_row *row = &rows[metric];
    const char *comma = *row->labels ? "," : "";
    uint64_t count = 0;

    for (size_t i = 0; i < BOUNDS; i++) {
        count += metrics_sum(metric, i);
        fprintf(out, "%s_bucket{%s%sle=\"", row->name, row->labels, comma);
        metrics_print_seconds((uint64_t)bounds_us[i], out);
        fprintf(out, "\"} %" PRIu64 "\n", count);
    }
    count += metrics_sum(metric, BOUNDS);
    fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", row->name, row->labels, comma, count);
    const char *open = *row->labels ? "{" : "";
    const char *close = *row->labels ? "}" : "";
    fprintf(out, "%s_sum%s%s%s ", row->name, open, row->labels, close);
    metrics_print_seconds(metrics_sum(metric, SUM_SLOT), out);
    fprintf(out, "\n%s_count%s%s%s %" PRIu64 "\n", row->name, open, row->labels, close, count);
}

static void metrics_print_head(const char *name, const char *kind, const char *help, FILE *out)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void metrics_print_table(FILE *out)
{
    static const char *const kinds[] = {
        [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};

    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &rows[i];
        if (i == 0 || strcmp(rows[i - 1].name, row->name) != 0) {
            metrics_print_head(row->name, kinds[row->kind], row->help, out);
        }
        if (row->kind == HISTOGRAM) {
            metrics_print_histogram((enum metric)i, out);
        } else {
            fprintf(out, "%s%s%s%s %" PRId64 "\n", row->name, *row->labels ? "{" : "", row->labels,
                    *row->labels ? "}" : "", metrics_read((enum metric)i));
        }
    }
}

static void metrics_print_process(FILE *out)
{
    struct timespec cpu = {.tv_sec = 0};
    unsigned long long virtual_pages = 0;
    unsigned long long resident_pages = 0;
    unsigned long open_fds = 0;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
        metrics_print_head("process_cpu_seconds_total", "counter",
                           "User and system CPU time of the process", out);
        fprintf(out, "process_cpu_seconds_total %lld.%06ld\n", (long long)cpu.tv_sec,
                cpu.tv_nsec / 1000);
    }
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm) {
        if (fscanf(statm, "%llu %llu", &virtual_pages, &resident_pages) == 2) {
            metrics_print_head("process_resident_memory_bytes", "gauge", "Resident memory", out);
            fprintf(out, "process_resident_memory_bytes %llu\n",
                    resident_pages * (unsigned long long)sysconf(_SC_PAGESIZE));
        }
        fclose(statm);
    }
    DIR *fds = opendir("/proc/self/fd");
    if (fds) {
        for (struct dirent *entry = readdir(fds); entry; entry = readdir(fds)) {
            open_fds += entry->d_name[0] != '.';
        }
        closedir(fds);
        metrics_print_head("process_open_fds", "gauge", "Open file descriptors", out);
        fprintf(out, "process_open_fds %lu\n", open_fds - 1); /* not the one of this listing */
    }
    metrics_print_head("metaops_build_info", "gauge", "The running version", out);
    fprintf(out, "metaops_build_info{version=\"%s\"} 1\n", METAOPS_VERSION);
}

char *metrics_exposition(size_t *out_len)
{
    char *text = NULL;
    size_t len = 0;

    for (size_t i = 0; i < refresh_count; i++) {
        refreshes[i].refresh(refreshes[i].arg);
    }
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return NULL;
    }
    metrics_print_table(out);
    metrics_print_process(out);
    bool has_failed = ferror(out);
    if (fclose(out) != 0 || has_failed) {
        free(text);
        return NULL;
    }
    *out_len = len;
    return text;
}
