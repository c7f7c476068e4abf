/* A program that emits: emitting CONFIG EVENT_FILE COUNT RATE FLUSH_MS TAG. Each event is that of the file
 * with TAG and a number; RATE 0 is as fast as it goes. Prints what it cost as one JSON object. */
#include <metaops_emit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long status_kb(const char *name)
{
    char line[256];
    long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kb = strtol(line + strlen(name) + 1, NULL, 10);
        }
    }
    if (file) {
        fclose(file);
    }
    return kb;
}

int main(int argc, char **argv)
{
    static char event[1 << 20];
    char reason[256];
    struct metaops_emit *emitter = NULL;
    struct metaops_emit_stats stats = {.size = sizeof(stats)};
    double longest = 0;
    double longest_cpu = 0;
    long failed = 0;

    if (argc != 7 || metaops_emit_open(argv[1], &emitter, reason, sizeof(reason)) != 0) {
        fprintf(stderr, "emitting: %s\n", argc == 7 ? reason : "usage");
        return 1;
    }
    FILE *file = fopen(argv[2], "r");
    size_t len = file ? fread(event, 1, sizeof(event) - 64, file) : 0;
    while (len > 0 && event[len - 1] != '}') {
        len--;
    }
    if (len == 0) {
        return 1;
    }
    fclose(file);
    long count = strtol(argv[3], NULL, 10);
    double rate = strtod(argv[4], NULL);
    double start = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < count; i++) {
        double ahead = rate > 0 ? start + (double)i / rate - seconds(CLOCK_MONOTONIC) : 0;
        if (ahead > 0) {
            struct timespec pause = {.tv_sec = (time_t)ahead,
                                     .tv_nsec = (long)((ahead - (double)(time_t)ahead) * 1e9)};
            nanosleep(&pause, NULL);
        }
        int tail = snprintf(event + len - 1, 64, ",\"n\":\"%.20s-%ld\"}", argv[6], i);
        double before = seconds(CLOCK_MONOTONIC);
        double before_cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
        failed += metaops_emit_json(emitter, event, len - 1 + (size_t)tail) != METAOPS_EMIT_OK;
        before_cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - before_cpu;
        before = seconds(CLOCK_MONOTONIC) - before;
        longest = before > longest ? before : longest;
        longest_cpu = before_cpu > longest_cpu ? before_cpu : longest_cpu;
    }
    double emitted = seconds(CLOCK_MONOTONIC) - start;
    puts("emitted");
    fflush(stdout);
    int flushed = metaops_emit_flush(emitter, (int)strtol(argv[5], NULL, 10));
    double took = seconds(CLOCK_MONOTONIC) - start;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    metaops_emit_get_stats(emitter, &stats);
    printf("{\"failed\": %ld, \"flushed\": %d, \"delivered\": %llu, \"pending\": %llu, "
           "\"event_bytes\": %zu, \"emitted_s\": %.3f, \"took_s\": %.3f, \"cpu_us\": %.1f, "
           "\"longest_ms\": %.2f, \"longest_cpu_ms\": %.2f, \"rss_kb\": %ld, \"peak_kb\": %ld}\n",
           failed, flushed, (unsigned long long)stats.delivered, (unsigned long long)stats.pending,
           len, emitted, took, 1e6 * cpu / (double)count, 1e3 * longest, 1e3 * longest_cpu,
           status_kb("VmRSS:"), status_kb("VmHWM:"));
    return metaops_emit_close(emitter, 1000) > METAOPS_EMIT_PENDING || failed > 0;
}
