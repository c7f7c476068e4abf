/* Compiles as C and as C++: everything in the header is called once. Nobody listens. */
#include <metaops_emit.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const char *event = "{\"eventTime\":\"2026-01-02T03:04:05Z\",\"job\":{\"namespace\":\"n\","
                        "\"name\":\"j\"}}";
    struct metaops_emit *emitter = NULL;
    struct metaops_emit_run_state run;
    struct metaops_emit_stats stats;
    char run_id[37];
    char text[256];

    int status =
        metaops_emit_open("to = http://127.0.0.1:1\nspool = none\n", &emitter, text, sizeof(text));
    if (status != METAOPS_EMIT_OK) {
        printf("open: %s\n", text);
        return 1;
    }
    memset(&run, 0, sizeof(run));
    run.size = sizeof(run);
    run.event_type = "START";
    run.run_id = run_id;
    run.job_namespace = "n";
    run.job_name = "j";
    metaops_emit_run_id(run_id);
    memset(&stats, 0, sizeof(stats));
    stats.size = sizeof(stats);
    int is_good = metaops_emit_json(emitter, event, strlen(event)) == METAOPS_EMIT_OK &&
                  metaops_emit_run(emitter, &run) == METAOPS_EMIT_OK &&
                  metaops_emit_flush(emitter, 200) == METAOPS_EMIT_PENDING &&
                  metaops_emit_get_stats(emitter, &stats) == METAOPS_EMIT_OK &&
                  stats.accepted == 2 && stats.pending == 2 &&
                  metaops_emit_last_error(emitter, text, sizeof(text)) > 0 &&
                  metaops_emit_close(emitter, 0) == METAOPS_EMIT_PENDING;
    printf("%s %s %s\n", metaops_emit_version(), metaops_emit_status_name(METAOPS_EMIT_PENDING),
           is_good ? "good" : text);
    return is_good ? 0 : 1;
}
