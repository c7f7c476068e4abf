/* main.c - the table of contents: commands, roles among them, and sinks. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_dump.h"
#include "core/exit_code.h"
#include "core/flow.h"
#include "core/log.h"
#include "core/settings.h"
#include "ingest/emit.h"
#include "ingest/gateway.h"
#include "ingest/judge.h"
#include "ingest/keys.h"
#include "ingest/poll.h"
#include "ingest/run.h"
#include "processors/rebuild.h"
#include "processors/worker.h"
#include "sinks/aibom.h"
#include "sinks/alerter.h"
#include "sinks/alerts.h"
#include "sinks/audit.h"
#include "sinks/contracts.h"
#include "sinks/doctor.h"
#include "sinks/drift.h"
#include "sinks/erase.h"
#include "sinks/gate.h"
#include "sinks/letters.h"
#include "sinks/lineage.h"
#include "sinks/maintain.h"
#include "sinks/migrate.h"
#include "sinks/offsets.h"
#include "sinks/replay_postgres.h"
#include "sinks/sink_kafka.h"
#include "sinks/sink_null.h"
#include "sinks/sink_postgres.h"
#include "sinks/sink_stdout.h"
#include "sinks/status.h"

static const struct sink_ops *const sinks[] = {
    &sink_postgres_ops,
    &sink_kafka_ops,
    &sink_stdout_ops,
    &sink_null_ops,
};

struct command {
    const char *name;
    const char *usage; /* words behind the name */
    const char *line;
    const char *help; /* further lines */
    int (*run)(const struct settings *st, const struct settings_rest *rest);
    int takes_words;
};

static int gateway_main(const struct settings *st, const struct settings_rest *rest)
{
    (void)rest;
    return gateway_run(st);
}

static int worker_main(const struct settings *st, const struct settings_rest *rest)
{
    (void)rest;
    size_t i = 0;
    while (strcmp(sinks[i]->name, st->worker.sink) != 0) {
        i++; /* the settings table allows these names only */
    }
    return worker_run(st, sinks[i]);
}

static int alerter_main(const struct settings *st, const struct settings_rest *rest)
{
    (void)rest;
    return alerter_run(st);
}

static int poll_main(const struct settings *st, const struct settings_rest *rest)
{
    (void)rest;
    return poll_run(st);
}

static int emit_main(const struct settings *st, const struct settings_rest *rest)
{
    return emit_run(st, rest->count, rest->words);
}

static int check_main(const struct settings *st, const struct settings_rest *rest)
{
    return rest->count > 0 ? judge_run(st, rest->count, rest->words) : doctor_run(st);
}

static int migrate_main(const struct settings *st, const struct settings_rest *rest)
{
    return migrate_run(st, rest->count, rest->words);
}

static int lineage_main(const struct settings *st, const struct settings_rest *rest)
{
    return lineage_run(st, rest->count, rest->words);
}

static int keys_main(const struct settings *st, const struct settings_rest *rest)
{
    return keys_run(st, rest->count, rest->words);
}

static int offsets_main(const struct settings *st, const struct settings_rest *rest)
{
    return offsets_run(st, rest->count, rest->words);
}

static int status_main(const struct settings *st, const struct settings_rest *rest)
{
    return status_run(st, rest->count, rest->words);
}

static int alerts_main(const struct settings *st, const struct settings_rest *rest)
{
    return alerts_run(st, rest->count, rest->words);
}

static int contracts_main(const struct settings *st, const struct settings_rest *rest)
{
    return contracts_run(st, rest->count, rest->words);
}

static int drift_main(const struct settings *st, const struct settings_rest *rest)
{
    return drift_run(st, rest->count, rest->words);
}

static int maintain_main(const struct settings *st, const struct settings_rest *rest)
{
    return maintain_run(st, rest->count, rest->words);
}

static int rebuild_main(const struct settings *st, const struct settings_rest *rest)
{
    return rebuild_run(st, &replay_postgres_ops, rest->count, rest->words);
}

static int letters_main(const struct settings *st, const struct settings_rest *rest)
{
    return letters_run(st, rest->count, rest->words);
}

static int audit_main(const struct settings *st, const struct settings_rest *rest)
{
    return audit_run(st, rest->count, rest->words);
}

static int gate_main(const struct settings *st, const struct settings_rest *rest)
{
    return gate_run(st, rest->count, rest->words);
}

static int aibom_main(const struct settings *st, const struct settings_rest *rest)
{
    return aibom_run(st, rest->count, rest->words);
}

static int erase_main(const struct settings *st, const struct settings_rest *rest)
{
    return erase_run(st, rest->count, rest->words);
}

static int version_main(const struct settings *st, const struct settings_rest *rest)
{
    (void)st;
    (void)rest;
    puts("metaops " METAOPS_VERSION);
    return EXIT_CODE_OK;
}

/* main() does not come here but for the help. */
static int run_command_main(const struct settings *st, const struct settings_rest *rest)
{
    (void)st;
    return run_main(rest->count, rest->words);
}

static int help_main(const struct settings *st, const struct settings_rest *rest);

static const struct command commands[] = {
    {.name = "gateway",
     .usage = "",
     .run = gateway_main,
     .line = "take OpenLineage events by HTTP and put them on Kafka (a role: runs until SIGTERM)",
     .help = ""},
    {.name = "worker",
     .usage = "",
     .run = worker_main,
     .line = "read events from Kafka and keep the lineage graph (a role: runs until SIGTERM)",
     .help = ""},
    {.name = "alerter",
     .usage = "",
     .run = alerter_main,
     .line = "tell people and programs of alerts (a role: runs until SIGTERM)",
     .help = ""},
    {.name = "poll",
     .usage = "",
     .run = poll_main,
     .line = "read predictions from Kafka topics of Seldon Core and MLServer (a role: runs until "
             "SIGTERM)",
     .help = ""},
    {.name = "emit",
     .usage = "[--to URL | --kafka] [FILE...|-]",
     .run = emit_main,
     .takes_words = 1,
     .line = "send events, one JSON object a line, to a gateway or straight to Kafka",
     .help = EMIT_HELP},
    {.name = "run",
     .usage = "--job NS/NAME [--in DATASET]... [--out DATASET]... -- COMMAND",
     .run = run_command_main,
     .takes_words = 1,
     .line = "run a command with START before and COMPLETE or FAIL after it",
     .help = RUN_HELP},
    {.name = "check",
     .usage = "[-v] [FILE...|-]",
     .run = check_main,
     .takes_words = 1,
     .line =
         "judge events offline; without a file: examine connections, topics, schema, clock, disk",
     .help = JUDGE_HELP},
    {.name = "migrate",
     .usage = "[--list | --kafka | --schemas]",
     .run = migrate_main,
     .takes_words = 1,
     .line = "bring the database up to date; --kafka: the topics; --schemas: the schema registry",
     .help = ""},
    {.name = "lineage",
     .usage = "[NAMESPACE] NAME [--field F] [--up|--down] [--depth N] "
              "[--format tree|mermaid|dot|json]",
     .run = lineage_main,
     .takes_words = 1,
     .line = "print what a dataset or column comes from, or what depends on it",
     .help = "a NAME alone will do where only one dataset has it\n"},
    {.name = "keys",
     .usage = "add NAME [FLAG...] | list [--json] | revoke ID",
     .run = keys_main,
     .takes_words = 1,
     .line = "make, show and revoke the API keys of the gateways",
     .help = KEYS_HELP},
    {.name = "offsets",
     .usage = "[list | accept [TOPIC [PARTITION]]]",
     .run = offsets_main,
     .takes_words = 1,
     .line = "show where each partition stands; let stopped ones go on",
     .help = ""},
    {.name = "dead-letters",
     .usage = "[list | show ID | retry ID... | --all] [--reason PATTERN] ...",
     .run = letters_main,
     .takes_words = 1,
     .line = "look at records that could not be used; send them again",
     .help = LETTERS_HELP},
    {.name = "alerts",
     .usage = "[list | show ID | ack ID | accept ID | ignore ID | retry ID | tail] ...",
     .run = alerts_main,
     .takes_words = 1,
     .line = "look at what drifted; say what is to become of it",
     .help = ALERTS_HELP},
    {.name = "contracts",
     .usage = "[list | check [FILE] | load [FILE]]",
     .run = contracts_main,
     .takes_words = 1,
     .line = "what has to hold of datasets, and what of it does",
     .help = CONTRACTS_HELP},
    {.name = "drift",
     .usage = "backtest --since TIME [--rules FILE] [--json]",
     .run = drift_main,
     .takes_words = 1,
     .line = "what rules would have told of over the stored history",
     .help = DRIFT_HELP},
    {.name = "gate",
     .usage = "dataset|job|run NAMESPACE NAME [--version V]",
     .run = gate_main,
     .takes_words = 1,
     .line = "may it pass? what is missing of its minimum metadata (for CI)",
     .help = GATE_HELP},
    {.name = "aibom",
     .usage = "--model NS/NAME --version V [--format spdx3|cyclonedx]",
     .run = aibom_main,
     .takes_words = 1,
     .line = "print the bill of materials of a model's version, and what it lacks",
     .help = AIBOM_HELP},
    {.name = "maintain",
     .usage = "[--dry-run]",
     .run = maintain_main,
     .takes_words = 1,
     .line = "make partitions ahead, delete what is kept no longer (for cron)",
     .help = MAINTAIN_HELP},
    {.name = "audit",
     .usage = "verify [--heads FILE|kafka] [--key FILE] [--no-bodies]",
     .run = audit_main,
     .takes_words = 1,
     .line = "prove that nothing in the store was altered, removed or inserted",
     .help = AUDIT_HELP},
    {.name = "erase",
     .usage = "EVENT... --reason TEXT",
     .run = erase_main,
     .takes_words = 1,
     .line = "take the bodies of events out of the store, by request and for good",
     .help = ERASE_HELP},
    {.name = "rebuild",
     .usage = "[--dry-run] [--merge]",
     .run = rebuild_main,
     .takes_words = 1,
     .line = "make the graph anew from the bodies of its events, while reading and ingest go on",
     .help = REBUILD_HELP},
    {.name = "status",
     .usage = "[-v] [--json] [--once] [--lag-seconds N]",
     .run = status_main,
     .takes_words = 1,
     .line = "lag, throughput, errors; live on a terminal",
     .help = STATUS_HELP},
    {.name = "version", .usage = "", .run = version_main, .line = "print the version", .help = ""},
    {.name = "help",
     .usage = "[COMMAND]",
     .run = help_main,
     .takes_words = 1,
     .line = "print this, or the help of a command",
     .help = ""},
};

static const size_t command_count = sizeof(commands) / sizeof(commands[0]);

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static void print_help(FILE *out)
{
    fputs("usage: metaops COMMAND [--config FILE] [--SETTING VALUE]... [WORDS]\n\n", out);
    for (size_t i = 0; i < command_count; i++) {
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].line);
    }
    fputs("\n"
          "  --help, -h           here, or behind a command its own help\n"
          "  --version            print the version\n"
          "  --print-config       print the settings in force and where each came from\n"
          "  --print-config-doc   print the manual of all settings as a configuration file\n",
          out);
}

static void print_command_help(const struct command *command, FILE *out)
{
    fprintf(out, "usage: metaops %s%s%s\n\n%s\n", command->name, *command->usage ? " " : "",
            command->usage, command->line);
    if (*command->help) {
        fprintf(out, "\n%s", command->help);
    }
    fputs("\nSettings: --config FILE, --SETTING VALUE (see metaops --print-config-doc).\n", out);
}

static int help_main(const struct settings *st, const struct settings_rest *rest)
{
    (void)st;
    if (rest->count == 0) {
        print_help(stdout);
        return EXIT_CODE_OK;
    }
    const struct command *command = find_command(rest->words[0]);
    if (!command) {
        fprintf(stderr, "metaops: there is no command %s\n", rest->words[0]);
        return EXIT_CODE_USAGE;
    }
    print_command_help(command, stdout);
    return EXIT_CODE_OK;
}

static int has_word(int count, char **words, const char *word)
{
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++) {
        if (strcmp(words[i], word) == 0) {
            return 1;
        }
    }
    return 0;
}

static void warn_of(void *arg, const char *text)
{
    (void)arg;
    log_warn("%s", text);
}

/* command NULL: only flags of the program. */
static int run_with_settings(const struct command *command, const struct settings *st,
                             const struct settings_rest *rest)
{
    if (has_word(rest->count, rest->words, "--print-config")) {
        settings_print(st, stdout);
        return EXIT_CODE_OK;
    }
    if (!command) {
        fprintf(stderr, "metaops: unknown flag %s\n", rest->count > 0 ? rest->words[0] : "");
        print_help(stderr);
        return EXIT_CODE_USAGE;
    }
    if (!command->takes_words && rest->count > 0) {
        fprintf(stderr, "metaops %s: unknown word or flag %s\n", command->name, rest->words[0]);
        return EXIT_CODE_USAGE;
    }
    log_setup((enum log_level)log_level_parse(st->log.level),
              (enum log_format)log_format_parse(st->log.format),
              (unsigned)st->log.lines_per_second);
    log_thread_name(command->name);
    settings_each_warning(st, warn_of, NULL);
    return command->run(st, rest);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct settings st;
    struct settings_rest rest;
    struct err err;

    if (has_word(argc, argv, "--help") || has_word(argc, argv, "-h")) {
        if (command) {
            print_command_help(command, stdout);
        } else {
            print_help(stdout);
        }
        return EXIT_CODE_OK;
    }
    if (has_word(argc, argv, "--print-config-doc")) {
        settings_print_doc(stdout);
        return EXIT_CODE_OK;
    }
    if (settings_load(&st, argc, argv, &rest, &err) != OK) {
        fprintf(stderr, "metaops: %s\n", err.text);
        return EXIT_CODE_SETTINGS;
    }
    int code = run_with_settings(command, &st, &rest);
    free(rest.words);
    settings_fini(&st);
    return code;
}

int main(int argc, char **argv)
{
    const struct command *command = NULL;
    int code;

    if (argc > 1 && strcmp(argv[1], "run") == 0 && !has_word(argc, argv, "--help") &&
        !has_word(argc, argv, "-h")) {
        core_dump_forbid_here();
        return run_main(argc - 2, argv + 2); /* what a command inherits stays as it is */
    }
    core_dump_forbid();
    /* A peer that closes its end is an error of write(), not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    /* A dozen threads would otherwise keep as many heaps of freed memory. */
    mallopt(M_ARENA_MAX, 2);
    /* And large buffers go back when they are freed: fixed thresholds, or they grow with use. */
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_CODE_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        code = version_main(NULL, NULL);
    } else if (argv[1][0] == '-') {
        code = run(NULL, argc - 1, argv + 1);
    } else {
        command = find_command(argv[1]);
        if (!command) {
            fprintf(stderr, "metaops: there is no command %s; metaops help lists them\n", argv[1]);
            return EXIT_CODE_USAGE;
        }
        code = run(command, argc - 2, argv + 2);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "metaops: writing to stdout: %s\n", strerror(errno));
        return code == EXIT_CODE_OK ? EXIT_CODE_FAILED : code;
    }
    return code;
}
