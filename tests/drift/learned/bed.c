/* bed.c - learned drift measured: recall, precision, delay and false alerts on series from seeds, ours beside plain
 * three-sigma and rules written by hand.
 *
 *   bed FIRST_SEED SEEDS SERIES [SHIFT]
 *
 * Of each kind and seed, SERIES series with one injection (SHIFT robust standard deviations, 5 unless said; freshness: three
 * writes stay out) and as many without. An injection is found when an alert begins within 7 runs of it. Every other alert
 * is a false one. Prints the worst seed of each figure; ends with 1 when ours misses a goal or is no better than the
 * others. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bed_judges.h"
#include "sinks/series_codec.h"

#define FOUND_WITHIN 7
#define RECALL_GOAL 0.95
#define FALSE_GOAL 1.0

struct score {
    size_t injected;
    size_t found;
    size_t false_alerts;
    double delay_runs; /* summed over what was found */
    double days;
};

struct worst {
    double recall;
    double precision;
    double delay_runs;
    double false_rate; /* per 1,000 series-days */
};

static const char *const kind_names[] = {"volume", "quality", "behaviour", "freshness"};
static const char *const judge_names[] = {"ours", "3-sigma", "rules"};

static void count_alerts(const struct bed_series *series, bool is_injected,
                         const struct bed_alerts *alerts, struct score *score)
{
    bool is_found = false;
    bool has_injection = is_injected && series->shift_at < series->count;
    score->injected += has_injection;
    score->days += series->days;
    for (size_t i = 0; i < alerts->count; i++) {
        size_t within = series->kind == BED_FRESHNESS ? 1 : FOUND_WITHIN;
        if (has_injection && !is_found && alerts->at[i] >= series->shift_at &&
            alerts->at[i] < series->shift_at + within) {
            is_found = true;
            score->delay_runs += series->kind == BED_FRESHNESS
                                     ? alerts->delay_steps[i]
                                     : (double)(alerts->at[i] - series->shift_at);
        } else {
            score->false_alerts++;
        }
    }
    score->found += is_found;
}

static bool is_same(const struct bed_alerts *a, const struct bed_alerts *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        bool is_there = false;
        for (size_t k = 0; k < b->count; k++) {
            is_there = is_there || b->at[k] == a->at[i];
        }
        if (!is_there) {
            return false;
        }
    }
    return true;
}

struct bed {
    struct bed_series series;
    struct bed_alerts alerts;
    struct bed_alerts shuffled;
    size_t order[2 * BED_POINTS_MAX];
    struct score scores[BED_KINDS][BED_JUDGES];
    size_t differing;
    size_t points;
    double cpu_s;
};

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_series(struct bed *bed, struct bed_rng *rng, enum bed_kind kind, double shift)
{
    bed_world_make(rng, kind, shift, &bed->series);
    for (int judge = 0; judge < BED_JUDGES; judge++) {
        double from_s = cpu_s();
        bed_judges_run((enum bed_judge)judge, &bed->series, &bed->alerts);
        if (judge == BED_OURS) {
            bed->cpu_s += cpu_s() - from_s;
            bed->points += bed->series.count;
        }
        count_alerts(&bed->series, shift > 0, &bed->alerts, &bed->scores[kind][judge]);
    }
    if (kind != BED_FRESHNESS) {
        size_t count = bed_world_deliver(rng, &bed->series, bed->order);
        bed_judges_run(BED_OURS, &bed->series, &bed->alerts);
        bed_judges_shuffled(&bed->series, bed->order, count, &bed->shuffled);
        bed->differing += !is_same(&bed->alerts, &bed->shuffled);
    }
}

static void worsen(struct worst *worst, const struct score *score)
{
    size_t alerts = score->found + score->false_alerts;
    double found = (double)score->found;
    worst->recall = fmin(worst->recall, found / fmax((double)score->injected, 1));
    worst->precision = fmin(worst->precision, alerts ? found / (double)alerts : 0);
    worst->delay_runs = fmax(worst->delay_runs, found > 0 ? score->delay_runs / found : INFINITY);
    worst->false_rate =
        fmax(worst->false_rate, 1000 * (double)score->false_alerts / fmax(score->days, 1));
}

static bool print(struct worst worst[BED_KINDS][BED_JUDGES])
{
    bool is_good = true;
    printf("%-10s %-8s %7s %10s %12s %22s\n", "kind", "judge", "recall", "precision", "delay, runs",
           "false/1000 series-days");
    for (int kind = 0; kind < BED_KINDS; kind++) {
        for (int judge = 0; judge < BED_JUDGES; judge++) {
            const struct worst *of = &worst[kind][judge];
            printf("%-10s %-8s %7.3f %10.3f %12.2f %22.2f\n", kind_names[kind], judge_names[judge],
                   of->recall, of->precision, of->delay_runs, of->false_rate);
        }
        const struct worst *ours = &worst[kind][BED_OURS];
        const struct worst *plain = &worst[kind][BED_PLAIN];
        is_good = is_good && ours->recall >= RECALL_GOAL && ours->false_rate <= FALSE_GOAL &&
                  ours->recall >= plain->recall && ours->false_rate < plain->false_rate;
    }
    return is_good;
}

int main(int argc, char **argv)
{
    struct worst worst[BED_KINDS][BED_JUDGES];
    struct bed *bed = calloc(1, sizeof *bed);
    if (argc < 4 || !bed) {
        fprintf(stderr, "usage: bed FIRST_SEED SEEDS SERIES [SHIFT]\n");
        return 2;
    }
    uint64_t first = strtoull(argv[1], NULL, 10);
    uint64_t seeds = strtoull(argv[2], NULL, 10);
    long each = strtol(argv[3], NULL, 10);
    double shift = argc > 4 ? strtod(argv[4], NULL) : 5;
    for (int i = 0; i < BED_KINDS * BED_JUDGES; i++) {
        worst[i / BED_JUDGES][i % BED_JUDGES] = (struct worst){.recall = 1, .precision = 1};
    }
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct bed_rng rng = {.state = seed};
        memset(bed->scores, 0, sizeof bed->scores);
        for (int kind = 0; kind < BED_KINDS; kind++) {
            for (long i = 0; i < 2 * each; i++) {
                run_series(bed, &rng, (enum bed_kind)kind, i % 2 ? shift : 0);
            }
            for (int judge = 0; judge < BED_JUDGES; judge++) {
                worsen(&worst[kind][judge], &bed->scores[kind][judge]);
            }
        }
    }
    printf("seeds %llu to %llu, %ld series of each kind with a shift of %.1f and %ld without, %d "
           "days; the worst seed\n",
           (unsigned long long)first, (unsigned long long)(first + seeds - 1), each, shift, each,
           BED_DAYS);
    bool is_good = print(worst);
    printf("late, shuffled and doubled: %zu series with other alerts\n", bed->differing);
    printf("%.2f CPU microseconds a number, stored form included; at most %d bytes stored\n",
           bed->cpu_s * 1e6 / (double)bed->points, SERIES_CODEC_BYTES_MAX);
    is_good = is_good && bed->differing == 0;
    free(bed);
    return is_good ? 0 : 1;
}
