#include "tests/bench/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool report_is_complete(const struct report *report)
{
    const struct land_watch_account *account = &report->account;
    bool may_be_uninvited = report->counts.busy > 0 || report->counts.broken > 0;
    return account->lost == 0 && account->accepted == account->landed + account->dead_letters &&
           account->rows == account->landed && (account->uninvited == 0 || may_be_uninvited);
}

/* A figure beside what the project promises; better is 1 when more is better, -1 when less is. */
static void print_line(const char *name, double value, const char *unit, double target, int better)
{
    printf("  %-34s %10.1f %-10s", name, value, unit);
    if (target > 0) {
        bool is_met = better > 0 ? value >= target : value <= target;
        printf("  %s %-8.0f %3.0f %%  %s", better > 0 ? "at least" : "at most ", target,
               100 * value / target, is_met ? "reached" : "MISSED");
    }
    printf("\n");
}

static void print_accounts(const struct report *report)
{
    const struct land_watch_account *account = &report->account;
    const struct load_driver_counts *counts = &report->counts;
    printf("\nWhat became of the events (by event id)\n");
    printf("  POSTs: %zu accepted, %zu refused, %zu times 503, %zu broken connections\n",
           counts->accepted, counts->refused, counts->busy, counts->broken);
    if (strcmp(report->sink, "null") == 0) {
        printf("  the null sink keeps nothing: not accounted for\n");
        return;
    }
    printf(
        "  %lld distinct accepted = %lld landed + %lld dead letters; lost %lld, stored twice %lld"
        ", never accepted %lld: %s\n",
        (long long)account->accepted, (long long)account->landed, (long long)account->dead_letters,
        (long long)account->lost, (long long)(account->rows - account->landed),
        (long long)account->uninvited, report_is_complete(report) ? "complete" : "NOT COMPLETE");
}

static void print_floor(const struct report *report)
{
    double landed = report->load.landed_per_s;
    printf("\nThe floor: COPY of the same bodies into one plain table by one connection\n");
    print_line("floor", report->floor_copy_per_s, "events/s", 0, 0);
    printf("  %-34s %10.2f times the floor\n", "landed", landed / report->floor_copy_per_s);
    printf("  %-34s %10.2f times the 50 us that 10,000 events/s would need\n", "gateway + worker",
           (report->load.cpu_us[LOAD_RUN_GATEWAY] + report->load.cpu_us[LOAD_RUN_WORKER]) / 50);
}

void report_print(const struct report *report)
{
    const struct load_run *load = &report->load;
    const double *cpu = load->cpu_us;
    const double *rss = load->rss_peak_mb;
    bool is_null = strcmp(report->sink, "null") == 0;
    printf("Benchmark: %zu POSTs, 1 in 10 a repeat, workload %s, seed %llu, sink %s\n",
           report->events, report->workload, (unsigned long long)report->seed, report->sink);
    printf(report->change_one_in ? "One event in %llu changes a schema\n\n" : "\n",
           (unsigned long long)report->change_one_in);
    print_line("accepted", load->accepted_per_s, "POSTs/s", 0, 0);
    print_line(is_null ? "consumed, distinct" : "landed, distinct", load->landed_per_s, "events/s",
               5000, 1);
    print_line("CPU gateway", cpu[LOAD_RUN_GATEWAY], "us/event", 0, 0);
    print_line("CPU worker", cpu[LOAD_RUN_WORKER], "us/event", 0, 0);
    print_line("CPU gateway + worker", cpu[LOAD_RUN_GATEWAY] + cpu[LOAD_RUN_WORKER], "us/event",
               150, -1);
    print_line("CPU Kafka", cpu[LOAD_RUN_KAFKA], "us/event", 0, 0);
    print_line("CPU PostgreSQL", cpu[LOAD_RUN_POSTGRES], "us/event", 0, 0);
    print_line("CPU load driver", load->driver_cpu_us, "us/event", 25, -1);
    print_line("peak RSS gateway", rss[LOAD_RUN_GATEWAY], "MB", 32, -1);
    print_line("peak RSS worker", rss[LOAD_RUN_WORKER], "MB", 96, -1);
    print_line("peak RSS Kafka", rss[LOAD_RUN_KAFKA], "MB", 0, 0);
    if (!is_null) {
        print_line("PostgreSQL", load->bytes_per_event, "B/event", 1200, -1);
    }
    if (report->rate > 0) {
        printf("\nFrom POST to visible row at %.0f events/s (%zu events, %zu not seen)\n",
               report->rate, report->latency.seen, report->latency.unseen);
        print_line("p50", report->latency.p50_ms, "ms", 0, 0);
        print_line("p99", report->latency.p99_ms, "ms", 250, -1);
        print_line("max", report->latency.max_ms, "ms", 0, 0);
    }
    if (report->floor_copy_per_s > 0) {
        print_floor(report);
    }
    print_accounts(report);
}

static void write_members(const struct report *report, FILE *file)
{
    const struct load_run *load = &report->load;
    const struct land_watch_account *account = &report->account;
    const double *cpu = load->cpu_us;
    const struct {
        const char *name;
        double value;
    } members[] = {
        {.name = "events", .value = (double)report->events},
        {.name = "seed", .value = (double)report->seed},
        {.name = "change_one_in", .value = (double)report->change_one_in},
        {.name = "posts", .value = load->posts},
        {.name = "seconds", .value = load->seconds},
        {.name = "landed_per_s", .value = load->landed_per_s},
        {.name = "accepted_per_s", .value = load->accepted_per_s},
        {.name = "rate", .value = report->rate},
        {.name = "p50_ms", .value = report->latency.p50_ms},
        {.name = "p99_ms", .value = report->latency.p99_ms},
        {.name = "gateway_cpu_us", .value = cpu[LOAD_RUN_GATEWAY]},
        {.name = "worker_cpu_us", .value = cpu[LOAD_RUN_WORKER]},
        {.name = "kafka_cpu_us", .value = cpu[LOAD_RUN_KAFKA]},
        {.name = "postgres_cpu_us", .value = cpu[LOAD_RUN_POSTGRES]},
        {.name = "driver_cpu_us", .value = load->driver_cpu_us},
        {.name = "gateway_rss_mb", .value = load->rss_peak_mb[LOAD_RUN_GATEWAY]},
        {.name = "worker_rss_mb", .value = load->rss_peak_mb[LOAD_RUN_WORKER]},
        {.name = "kafka_rss_mb", .value = load->rss_peak_mb[LOAD_RUN_KAFKA]},
        {.name = "bytes_per_event", .value = load->bytes_per_event},
        {.name = "floor_copy_per_s", .value = report->floor_copy_per_s},
        {.name = "accepted", .value = (double)account->accepted},
        {.name = "landed", .value = (double)account->landed},
        {.name = "dead_letters", .value = (double)account->dead_letters},
        {.name = "lost", .value = (double)account->lost},
        {.name = "refused", .value = (double)report->counts.refused},
        {.name = "answers_503", .value = (double)report->counts.busy},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        fprintf(file, ",\n  \"%s\": %.10g", members[i].name, members[i].value);
    }
}

enum verdict report_write_json(const struct report *report, const char *path, struct err *err)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        return err_set(err, FATAL, "report", "%s: %s", path, strerror(errno));
    }
    fprintf(file, "{\n  \"workload\": \"%s\",\n  \"sink\": \"%s\"", report->workload, report->sink);
    write_members(report, file);
    fprintf(file, "\n}\n");
    return fclose(file) == 0 ? OK : err_set(err, FATAL, "report", "%s: %s", path, strerror(errno));
}
