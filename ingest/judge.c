#include "ingest/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/exit_code.h"
#include "core/settings.h"
#include "ingest/event_check.h"
#include "ingest/event_lines.h"
#include "schemas/redact.h"

struct judge {
    const struct settings *st;
    struct event_check *check;
    FILE *faults; /* where refusals go */
    bool is_verbose;
    uint64_t events;
    uint64_t refused;
};

/* Names come from anybody: no control byte of theirs may reach a terminal. */
static void judge_print_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        putchar(c < 0x20 || c == 0x7F ? '?' : c);
    }
}

static void judge_print_node(struct str namespace_, struct str name)
{
    judge_print_name(namespace_);
    putchar('/');
    judge_print_name(name);
}

static void judge_print_datasets(const struct openlineage_dataset *datasets, uint32_t count)
{
    if (count == 0) {
        fputs(" nothing", stdout);
    }
    for (uint32_t i = 0; i < count; i++) {
        fputs(i == 0 ? " " : ", ", stdout);
        judge_print_node(datasets[i].namespace_, datasets[i].name);
    }
}

/* Output columns that the event explains. */
static uint32_t judge_columns(const struct json_doc *doc,
                              const struct openlineage_dataset *datasets, uint32_t count)
{
    uint32_t columns = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct json_value *facet = json_get(doc, datasets[i].facets, STR("columnLineage"));
        const struct json_value *fields = json_get(doc, facet, STR("fields"));
        columns += fields && fields->type == JSON_OBJECT ? fields->count : 0;
    }
    return columns;
}

static void judge_print_lineage(const struct judge *judge, const struct event_line *line,
                                const struct openlineage_event *ev)
{
    const struct json_doc *doc = event_check_doc(judge->check);
    uint32_t columns = judge_columns(doc, ev->inputs, ev->input_count) +
                       judge_columns(doc, ev->outputs, ev->output_count);

    printf("%s:%" PRIu64 ": ", line->file, line->number);
    if (ev->kind == OPENLINEAGE_DATASET) {
        columns = judge_columns(doc, &ev->dataset, 1);
        fputs("dataset ", stdout);
        judge_print_node(ev->dataset.namespace_, ev->dataset.name);
    } else {
        if (ev->kind == OPENLINEAGE_RUN) {
            judge_print_name(ev->event_type.len > 0 ? ev->event_type : STR("OTHER"));
            putchar(' ');
        }
        fputs("job ", stdout);
        judge_print_node(ev->job.namespace_, ev->job.name);
        fputs(": in", stdout);
        judge_print_datasets(ev->inputs, ev->input_count);
        fputs(" -> out", stdout);
        judge_print_datasets(ev->outputs, ev->output_count);
    }
    if (columns > 0) {
        printf("; %" PRIu32 " %s", columns, columns == 1 ? "column" : "columns");
    }
    putchar('\n');
}

/* How many secrets the gateway would take out; *ev is then what is left. */
static enum verdict judge_print_redactions(const struct judge *judge, const struct event_line *line,
                                           struct openlineage_event *ev, struct err *err)
{
    struct str text = line->text;
    enum verdict verdict = event_check_redact(judge->check, &text, ev, err);

    if (verdict == OK && text.ptr != line->text.ptr) {
        size_t made = redact_made(line->text, text);
        printf("%s:%" PRIu64 ": %zu %s would be redacted\n", line->file, line->number, made,
               made == 1 ? "value" : "values");
    }
    return verdict;
}

static enum verdict judge_line(struct judge *judge, const struct event_line *line, struct err *err)
{
    struct openlineage_event ev;
    struct json_fault fault;

    judge->events++;
    if (line->is_too_long) {
        judge->refused++;
        fprintf(judge->faults,
                "%s:%" PRIu64 ": (root), byte %" PRId64 ": more than ingest.body_bytes_max bytes\n",
                line->file, line->number, judge->st->ingest.body_bytes_max);
        return OK;
    }
    enum verdict verdict = event_check_text(judge->check, line->text, &ev, &fault, err);
    if (verdict == REJECT) {
        judge->refused++;
        fprintf(judge->faults, "%s:%" PRIu64 ": %s, byte %zu: %s\n", line->file, line->number,
                *fault.pointer ? fault.pointer : "(root)", fault.offset, fault.reason);
        return OK;
    }
    if (verdict == OK && judge->is_verbose) {
        verdict = judge_print_redactions(judge, line, &ev, err);
    }
    if (verdict == OK && judge->is_verbose) {
        judge_print_lineage(judge, line, &ev);
    }
    return verdict;
}

static enum verdict judge_files(struct judge *judge, const char *const *files, struct err *err)
{
    struct event_lines *lines = NULL;
    struct event_line line;
    enum verdict verdict =
        event_lines_open(files, (size_t)judge->st->ingest.body_bytes_max, &lines, err);

    while (verdict == OK) {
        verdict = event_lines_next(lines, true, &line, err);
        if (verdict != OK || (!line.text.ptr && !line.is_too_long)) {
            break;
        }
        verdict = judge_line(judge, &line, err);
    }
    event_lines_close(lines);
    return verdict;
}

/* Splits argv into flags and files (NULL-ended, room for argc + 1). False for an unknown flag. */
static bool judge_options(struct judge *judge, int argc, char **argv, const char **files,
                          bool *out_json)
{
    size_t count = 0;
    bool are_flags_over = false;

    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (are_flags_over || word[0] != '-' || strcmp(word, "-") == 0) {
            files[count++] = word;
        } else if (strcmp(word, "--") == 0) {
            are_flags_over = true;
        } else if (strcmp(word, "-v") == 0 || strcmp(word, "--verbose") == 0) {
            judge->is_verbose = true;
        } else if (strcmp(word, "--json") == 0) {
            *out_json = true;
        } else {
            fprintf(stderr, "metaops check: unknown flag %s\n", word);
            return false;
        }
    }
    if (count == 0) {
        fputs("metaops check: these flags need a file (or - for stdin)\n", stderr);
    }
    return count > 0;
}

int judge_run(const struct settings *st, int argc, char **argv)
{
    struct judge judge = {.st = st};
    bool is_json = false;
    struct err err;
    int code = EXIT_CODE_FAILED;
    const char **files = calloc((size_t)argc + 1, sizeof(*files));

    if (files && !judge_options(&judge, argc, argv, files, &is_json)) {
        code = EXIT_CODE_USAGE;
        goto out;
    }
    judge.check = event_check_new(st);
    judge.faults = is_json ? stderr : stdout;
    if (!files || !judge.check) {
        fputs("metaops check: out of memory\n", stderr);
        goto out;
    }
    enum verdict verdict = judge_files(&judge, files, &err);
    if (verdict != OK) {
        fprintf(stderr, "metaops check: %s\n", err.text);
    }
    uint64_t accepted = judge.events - judge.refused;
    printf(is_json ? "{\"events\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n"
                   : "%" PRIu64 " checked, %" PRIu64 " would be accepted, %" PRIu64 " refused\n",
           judge.events, accepted, judge.refused);
    if (verdict == OK && judge.refused == 0) {
        code = EXIT_CODE_OK;
    }
out:
    event_check_free(judge.check);
    free(files);
    return code;
}
