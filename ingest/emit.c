#include "ingest/emit.h"

#include <stdio.h>
#include <unistd.h>

#include "core/exit_code.h"
#include "core/settings.h"
#include "ingest/emit_http.h"
#include "ingest/emit_kafka.h"
#include "ingest/emit_options.h"
#include "ingest/emit_report.h"
#include "ingest/emit_spool.h"
#include "ingest/event_lines.h"

static int emit_all(struct emit_job *job, struct err *err)
{
    const struct emit_options *options = job->options;
    enum verdict verdict =
        event_lines_open(options->files, (size_t)job->st->ingest.body_bytes_max, &job->lines, err);

    if (verdict == OK) {
        verdict = options->to_kafka ? emit_kafka_run(job, err) : emit_http_run(job, err);
    }
    bool is_all_accepted = emit_report_finish(job->report, verdict == OK, options->is_json,
                                              options->has_latency, stdout);
    if (verdict != OK) {
        fprintf(stderr, "metaops emit: %s\n", err->text);
    }
    event_lines_close(job->lines);
    return is_all_accepted ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

int emit_run(const struct settings *st, int argc, char **argv)
{
    struct emit_options options;
    struct err err;

    if (emit_options_read(argc, argv, &options, &err) != OK) {
        fprintf(stderr, "metaops emit: %s\n", err.text);
        return EXIT_CODE_USAGE;
    }
    if (options.spool) {
        int code = emit_spool_run(st, &options);
        emit_options_fini(&options);
        return code;
    }
    struct emit_job job = {
        .st = st,
        .options = &options,
        .report = emit_report_new(!options.is_quiet && isatty(STDERR_FILENO)),
    };
    int code = EXIT_CODE_FAILED;
    if (job.report) {
        code = emit_all(&job, &err);
    } else {
        fputs("metaops emit: out of memory\n", stderr);
    }
    emit_report_free(job.report);
    emit_options_fini(&options);
    return code;
}
