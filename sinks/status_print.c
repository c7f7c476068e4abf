#include "status_print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/json_escape.h"
#include "core/timebase.h"
#include "lineage_print.h"
#include "status_sample.h"

struct rates {
    double in_per_s;
    double stored_per_s;
};

static struct rates rates_of(const struct status_view *view)
{
    double seconds = (double)(view->now->at_us - view->before->at_us) / 1e6;
    double in = 0;
    double stored = 0;
    for (size_t i = 0; i < view->now->count; i++) {
        const struct status_partition *now = &view->now->partitions[i];
        for (size_t j = 0; j < view->before->count; j++) {
            const struct status_partition *before = &view->before->partitions[j];
            if (now->partition == before->partition && strcmp(now->topic, before->topic) == 0) {
                in += now->high_offset >= 0 && before->high_offset >= 0
                          ? (double)(now->high_offset - before->high_offset)
                          : 0;
                stored += (double)(now->stored_offset - before->stored_offset);
                break;
            }
        }
    }
    if (seconds <= 0) {
        return (struct rates){0, 0};
    }
    return (struct rates){.in_per_s = in > 0 ? in / seconds : 0,
                          .stored_per_s = stored > 0 ? stored / seconds : 0};
}

static void PRINTF_LIKE(3, 4) trouble(FILE *out, int *count, const char *format, ...)
{
    char text[400];
    va_list args;
    (*count)++;
    if (!out) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fputs("TROUBLE     ", out);
    lineage_print_text(out, text);
    fputs("\n", out);
}

int status_print_troubles(const struct status_view *view, FILE *out)
{
    const struct status_sample *now = view->now;
    int count = 0;
    if (now->kafka_fault[0]) {
        trouble(out, &count, "Kafka: %s", now->kafka_fault);
    }
    if (now->postgres_fault[0]) {
        trouble(out, &count, "PostgreSQL: %s", now->postgres_fault);
    }
    for (size_t i = 0; i < now->count; i++) {
        const struct status_partition *each = &now->partitions[i];
        if (each->is_stopped) {
            trouble(out, &count, "%s partition %d is stopped: %s", each->topic,
                    (int)each->partition, each->reason);
        }
    }
    int64_t lag_ms = status_sample_lag_ms(now);
    if (lag_ms > (int64_t)view->lag_seconds_max * 1000) {
        trouble(out, &count, "%" PRId64 " s behind, more than %ld", lag_ms / 1000,
                view->lag_seconds_max);
    }
    if (now->gateway.is_reached && !now->gateway.is_ready) {
        trouble(out, &count, "the gateway is not ready: %s", now->gateway.words);
    }
    if (now->worker.is_reached && !now->worker.is_ready) {
        trouble(out, &count, "the worker is not ready: %s", now->worker.words);
    }
    return count;
}

static const char *state_of(const struct status_role *role)
{
    return !role->is_reached ? "not reached" : role->is_ready ? "ready" : "NOT READY";
}

static void print_partitions(const struct status_sample *now, FILE *out)
{
    fprintf(out, "\n%-32s %9s %14s %14s %10s %8s\n", "topic", "partition", "stored", "end", "lag",
            "lag s");
    for (size_t i = 0; i < now->count; i++) {
        const struct status_partition *each = &now->partitions[i];
        int64_t lag = each->high_offset > each->stored_offset && each->stored_offset >= 0
                          ? each->high_offset - each->stored_offset
                          : 0;
        fprintf(out, "%-32s %9d %14" PRId64 " %14" PRId64 " %10" PRId64 " ", each->topic,
                (int)each->partition, each->stored_offset, each->high_offset, lag);
        if (each->lag_ms < 0) {
            fprintf(out, "%8s", "?");
        } else {
            fprintf(out, "%8.1f", (double)each->lag_ms / 1000);
        }
        fprintf(out, "%s\n", each->is_stopped ? "  STOPPED" : "");
    }
}

static void print_lag(const struct status_sample *now, FILE *out)
{
    int64_t lag_ms = status_sample_lag_ms(now);
    if (!status_sample_knows_lag(now)) {
        fputs("lag         not known\n", out);
        return;
    }
    fprintf(out, "lag         %" PRId64 " records", status_sample_lag_records(now));
    if (lag_ms < 0) {
        fputs(", age not known\n", out);
    } else {
        fprintf(out, ", %.1f s\n", (double)lag_ms / 1000);
    }
}

static void print_roles(const struct status_sample *now, FILE *out)
{
    const struct status_role *gateway = &now->gateway;
    const struct status_role *worker = &now->worker;
    fprintf(out, "gateway     %s", state_of(gateway));
    if (gateway->is_reached) {
        fprintf(out, ", %.0f accepted, %.0f refused, %.0f unavailable", gateway->accepted,
                gateway->refused, gateway->unavailable);
    }
    fprintf(out, "\nworker      %s", state_of(worker));
    if (worker->is_reached) {
        fprintf(out,
                ", %.0f landed, %.0f duplicates, %.0f dead letters, %.0f batches tried again, "
                "%.0f fenced",
                worker->landed, worker->duplicates, worker->dead_letters, worker->retries,
                worker->fenced);
    }
    fputs("\n", out);
}

void status_print_text(const struct status_view *view, FILE *out)
{
    const struct status_sample *now = view->now;
    struct rates rates = rates_of(view);
    char at[32];
    timebase_format(timebase_wall_us(), at);
    fprintf(out, "%.19s   %zu partitions, %zu stopped\n", at, now->count,
            status_sample_stopped(now));
    print_lag(now, out);
    fprintf(out, "throughput  %.0f records/s in, %.0f records/s stored\n", rates.in_per_s,
            rates.stored_per_s);
    print_roles(now, out);
    fprintf(out,
            "store       %.1f MiB, %" PRId64 " dead letters (%" PRId64
            " in the last hour), %" PRId64 " reasons of refusal in the last hour\n",
            (double)now->database_bytes / (1 << 20), now->letters, now->letters_hour,
            now->refusals_hour);
    if (view->has_partitions) {
        print_partitions(now, out);
    }
    (void)status_print_troubles(view, out);
}

static void put_string(FILE *out, const char *text)
{
    char escaped[STATUS_TEXT_BYTES * 2 * JSON_ESCAPE_BYTES_MAX];
    size_t len = json_escape(str_view(text), escaped);
    fprintf(out, "\"%.*s\"", (int)len, escaped);
}

static void put_role(FILE *out, const char *name, const struct status_role *role, bool is_gateway)
{
    fprintf(out, "\"%s\":{\"reached\":%s,\"ready\":%s,\"words\":", name,
            role->is_reached ? "true" : "false", role->is_ready ? "true" : "false");
    put_string(out, role->words);
    if (is_gateway) {
        fprintf(out, ",\"accepted\":%.0f,\"refused\":%.0f,\"unavailable\":%.0f},", role->accepted,
                role->refused, role->unavailable);
    } else {
        fprintf(out,
                ",\"landed\":%.0f,\"duplicates\":%.0f,\"dead_letters\":%.0f,\"retries\":%.0f,"
                "\"fenced\":%.0f},",
                role->landed, role->duplicates, role->dead_letters, role->retries, role->fenced);
    }
}

static void put_ms(FILE *out, const char *name, int64_t ms)
{
    if (ms < 0) {
        fprintf(out, "\"%s\":null", name);
    } else {
        fprintf(out, "\"%s\":%.3f", name, (double)ms / 1000);
    }
}

static void put_partitions(FILE *out, const struct status_sample *now)
{
    fputs(",\"partitions\":[", out);
    for (size_t i = 0; i < now->count; i++) {
        const struct status_partition *each = &now->partitions[i];
        fprintf(out, "%s{\"topic\":", i ? "," : "");
        put_string(out, each->topic);
        fprintf(out, ",\"partition\":%d,\"stored\":%" PRId64 ",\"end\":%" PRId64 ",",
                (int)each->partition, each->stored_offset, each->high_offset);
        put_ms(out, "lag_seconds", each->lag_ms);
        fputs(",\"stopped\":", out);
        if (each->is_stopped) {
            put_string(out, each->reason);
        } else {
            fputs("null", out);
        }
        fputs("}", out);
    }
    fputs("]", out);
}

void status_print_json(const struct status_view *view, FILE *out)
{
    const struct status_sample *now = view->now;
    struct rates rates = rates_of(view);
    char at[32];
    timebase_format(timebase_wall_us(), at);
    fprintf(out, "{\"at\":\"%s\",\"troubles\":%d,\"kafka_fault\":", at,
            status_print_troubles(view, NULL));
    put_string(out, now->kafka_fault);
    fputs(",\"postgres_fault\":", out);
    put_string(out, now->postgres_fault);
    if (status_sample_knows_lag(now)) {
        fprintf(out, ",\"lag_records\":%" PRId64 ",", status_sample_lag_records(now));
        put_ms(out, "lag_seconds", status_sample_lag_ms(now));
    } else {
        fputs(",\"lag_records\":null,\"lag_seconds\":null", out);
    }
    fprintf(out, ",\"in_per_s\":%.1f,\"stored_per_s\":%.1f,\"stopped_partitions\":%zu,",
            rates.in_per_s, rates.stored_per_s, status_sample_stopped(now));
    put_role(out, "gateway", &now->gateway, true);
    put_role(out, "worker", &now->worker, false);
    fprintf(out,
            "\"dead_letters\":%" PRId64 ",\"dead_letters_last_hour\":%" PRId64
            ",\"refusals_last_hour\":%" PRId64 ",\"database_bytes\":%" PRId64,
            now->letters, now->letters_hour, now->refusals_hour, now->database_bytes);
    if (view->has_partitions) {
        put_partitions(out, now);
    }
    fputs("}\n", out);
}
