#include "ingest/run.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/exit_code.h"
#include "core/settings_value.h"
#include "ingest/emitter/metaops_emit.h"
#include "ingest/emitter/run_event.h"

#define CONFIG_BYTES 8192
#define WAIT_MS 500
#define JOB_BYTES 512
#define EXIT_NOT_RUNNABLE 126
#define EXIT_NOT_FOUND 127

struct run_options {
    const char *job;
    const char *parent;
    const char *root;
    const char *run_id;
    const char *to;
    const char *spool;
    const char **inputs; /* NULL-ended; owned */
    const char **outputs;
    int64_t wait_ms;
    char **command; /* NULL-ended words of argv */
};

static int run_usage(const char *what, const char *word)
{
    fprintf(stderr, "metaops run: %s%s\n", what, word);
    return EXIT_CODE_USAGE;
}

static void run_append(const char **list, const char *word)
{
    while (*list) {
        list++;
    }
    *list = word;
}

/* Takes the flag with its value. False: there is no such flag. */
static bool run_option(struct run_options *options, struct str name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"--job", &options->job}, {"--parent", &options->parent}, {"--run-id", &options->run_id},
        {"--to", &options->to},   {"--spool", &options->spool},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (str_eq(name, str_view(texts[i].name))) {
            *texts[i].text = value;
            return true;
        }
    }
    if (str_eq(name, STR("--in")) || str_eq(name, STR("--out"))) {
        run_append(name.len == 4 ? options->inputs : options->outputs, value);
        return true;
    }
    return str_eq(name, STR("--wait")) &&
           settings_value_number(SETTING_INTEGER, value, &options->wait_ms) &&
           options->wait_ms >= 0 && options->wait_ms <= 60000;
}

/* The words up to --, then the command. 0, or the exit code of wrong usage. */
static int run_read(int argc, char **argv, struct run_options *options)
{
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        struct str name = {.ptr = word, .len = strcspn(word, "=")};
        if (strcmp(word, "--") == 0) {
            options->command = argv + i + 1;
            break;
        }
        if (strncmp(word, "--", 2) != 0) {
            return run_usage("the command stands behind --: ", word);
        }
        if (word[name.len] != '=' && i + 1 >= argc) {
            return run_usage("the value is missing: ", word);
        }
        const char *value = word[name.len] == '=' ? word + name.len + 1 : argv[++i];
        if (!run_option(options, name, value)) {
            return run_usage("unknown flag, or a value it does not take: ", word);
        }
    }
    if (!options->job) {
        return run_usage("--job NS/NAME is needed", "");
    }
    if (!options->command || !*options->command) {
        return run_usage("no command; write it behind --", "");
    }
    return 0;
}

/* A warning, never a reason not to run the command. */
static void run_warn(const char *text)
{
    fprintf(stderr, "metaops run: %s\n", text);
}

static struct metaops_emit *run_open(const struct run_options *options)
{
    char config[CONFIG_BYTES];
    char reason[256];
    struct metaops_emit *emitter = NULL;

    int len = snprintf(config, sizeof(config), "%s%s\n%s%s\n", options->to ? "to = " : "",
                       options->to ? options->to : "", options->spool ? "spool = " : "",
                       options->spool ? options->spool : "");
    if (len >= (int)sizeof(config)) {
        run_warn("--to or --spool is too long; no events");
        return NULL;
    }
    if (metaops_emit_open(config, &emitter, reason, sizeof(reason)) != METAOPS_EMIT_OK) {
        fprintf(stderr, "metaops run: %s; no events\n", reason);
    }
    return emitter;
}

static void run_emit(struct metaops_emit *emitter, const struct metaops_emit_run_state *state)
{
    char reason[256];

    if (emitter && metaops_emit_run(emitter, state) != METAOPS_EMIT_OK) {
        metaops_emit_last_error(emitter, reason, sizeof(reason));
        fprintf(stderr, "metaops run: %s: %s\n", state->event_type, reason);
    }
}

/* The clients read three parts between slashes; more would make them fail. */
static void run_export(const char *name, const struct run_event_name *job, const char *run_id)
{
    char text[1024];

    if (memchr(job->namespace_.ptr, '/', job->namespace_.len) ||
        memchr(job->name.ptr, '/', job->name.len)) {
        unsetenv(name); /* the run above ours is not the command's parent */
        return;
    }
    int len = snprintf(text, sizeof(text), "%.*s/%.*s/%s", (int)job->namespace_.len,
                       job->namespace_.ptr, (int)job->name.len, job->name.ptr, run_id);
    if (len < (int)sizeof(text)) {
        (void)setenv(name, text, 1);
    }
}

/* Signals that a terminal sends to all its processes are the command's to judge; those sent to us
 * alone are passed on. */
static volatile sig_atomic_t child;

static void run_pass_on(int number)
{
    if (child > 0) {
        (void)kill((pid_t)child, number);
    }
}

static const int passed_on[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};
static const int left_to_it[] = {SIGINT, SIGQUIT};

/* From here on signals wait, until there is somebody to pass them on to. */
static void run_signals(sigset_t *out_defaults)
{
    struct sigaction pass = {.sa_handler = run_pass_on, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction old;

    sigemptyset(out_defaults);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
        /* Ignored before us (nohup) stays ignored, for both. */
        if (sigaction(passed_on[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            (void)sigaction(passed_on[i], &pass, NULL);
        }
    }
    for (size_t i = 0; i < sizeof(left_to_it) / sizeof(left_to_it[0]); i++) {
        if (sigaction(left_to_it[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            (void)sigaction(left_to_it[i], &ignore, NULL);
            sigaddset(out_defaults, left_to_it[i]);
        }
    }
}

/* A script without #! is a shell's, as for every other program that runs commands. */
static int run_spawn_script(char **command, const posix_spawnattr_t *attr, pid_t *out_pid)
{
    size_t count = 0;

    while (command[count]) {
        count++;
    }
    char **words = calloc(count + 2, sizeof(*words));
    if (!words) {
        return ENOMEM;
    }
    words[0] = (char *)"/bin/sh";
    memcpy(words + 1, command, count * sizeof(*words));
    int code = posix_spawn(out_pid, words[0], NULL, attr, words, environ);
    free(words);
    return code;
}

/* Runs the command with the signals' state that we were started with. Its wait status, or -1 with
 * errno. */
static int run_command(char **command)
{
    posix_spawnattr_t attr;
    struct sigaction defaults = {.sa_handler = SIG_DFL};
    sigset_t every;
    sigset_t mask;
    sigset_t reset;
    pid_t pid = 0;
    int status = 0;

    sigfillset(&every);
    (void)sigprocmask(SIG_SETMASK, &every, &mask);
    (void)sigaction(SIGCHLD, &defaults, NULL); /* ignored, it would take the status away */
    run_signals(&reset);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &reset);
    posix_spawnattr_setsigmask(&attr, &mask);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int code = posix_spawnp(&pid, command[0], NULL, &attr, command, environ);
    if (code == ENOEXEC) {
        code = run_spawn_script(command, &attr, &pid);
    }
    posix_spawnattr_destroy(&attr);
    child = code == 0 ? pid : 0;
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    if (code != 0) {
        errno = code;
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    child = 0;
    return status;
}

/* Ends this process as the command ended. Returns the exit code when it was none by a signal. */
static int run_end_as(int status)
{
    if (!WIFSIGNALED(status)) {
        return WEXITSTATUS(status);
    }
    int number = WTERMSIG(status);
    struct sigaction defaults = {.sa_handler = SIG_DFL};
    sigset_t only;

    (void)sigaction(number, &defaults, NULL);
    sigemptyset(&only);
    sigaddset(&only, number);
    (void)sigprocmask(SIG_UNBLOCK, &only, NULL);
    fflush(NULL);
    (void)raise(number);
    return 128 + number; /* a signal whose default is not the end */
}

static void run_finish(struct metaops_emit *emitter, struct metaops_emit_run_state *state,
                       int status, int code, const char *command)
{
    char message[512];

    state->event_type = "COMPLETE";
    if (status == -1) {
        snprintf(message, sizeof(message), "%.200s: %s", command, strerror(code));
    } else if (WIFSIGNALED(status)) {
        snprintf(message, sizeof(message), "%.200s: ended by signal %d (%s)", command,
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        snprintf(message, sizeof(message), "%.200s: exit code %d", command, WEXITSTATUS(status));
    }
    if (status != 0) {
        state->event_type = "FAIL";
        state->error_message = message;
        state->language = "SHELL";
    }
    run_emit(emitter, state);
}

static int run_all(const struct run_options *options, const struct run_event_name *job)
{
    char namespace_[JOB_BYTES];
    char name[JOB_BYTES];
    char run_id[37];
    struct metaops_emit *emitter = run_open(options);

    snprintf(namespace_, sizeof(namespace_), "%.*s", (int)job->namespace_.len, job->namespace_.ptr);
    snprintf(name, sizeof(name), "%.*s", (int)job->name.len, job->name.ptr);
    metaops_emit_run_id(run_id);
    struct metaops_emit_run_state state = {
        .size = sizeof(state),
        .event_type = "START",
        .run_id = options->run_id ? options->run_id : run_id,
        .job_namespace = namespace_,
        .job_name = name,
        .parent = options->parent,
        .root_parent = options->root,
        .inputs = options->inputs,
        .outputs = options->outputs,
        .job_type = "COMMAND",
    };
    run_emit(emitter, &state);
    if (!options->parent) {
        run_export("OPENLINEAGE_ROOT_PARENT_ID", job, state.run_id);
    }
    run_export("OPENLINEAGE_PARENT_ID", job, state.run_id);
    int status = run_command(options->command);
    int code = errno;
    run_finish(emitter, &state, status, code, options->command[0]);
    metaops_emit_close(emitter, (int)options->wait_ms);
    if (status == -1) {
        fprintf(stderr, "metaops run: %s: %s\n", options->command[0], strerror(code));
        return code == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
    }
    return run_end_as(status);
}

/* A value from the environment that is none is passed over with a warning: the command must run. */
static const char *run_env_parent(const char *name)
{
    const char *text = getenv(name);
    struct run_event_parent parent;
    struct err err;

    if (!text || !*text) {
        return NULL;
    }
    if (run_event_split_parent(str_view(text), &parent, &err) != OK) {
        fprintf(stderr, "metaops run: %s: %s, ignoring\n", name, err.text);
        return NULL;
    }
    return text;
}

int run_main(int argc, char **argv)
{
    struct run_options options = {.wait_ms = WAIT_MS};
    struct run_event_parent parent;
    struct run_event_name name;
    struct err err = {.text = ""};
    int code = EXIT_CODE_FAILED;

    options.inputs = calloc((size_t)argc + 1, sizeof(*options.inputs));
    options.outputs = calloc((size_t)argc + 1, sizeof(*options.outputs));
    if (!options.inputs || !options.outputs) {
        run_warn("out of memory");
        goto out;
    }
    code = run_read(argc, argv, &options);
    if (code != 0) {
        goto out;
    }
    enum verdict verdict = run_event_split(str_view(options.job), &name, &err);
    for (size_t i = 0; options.inputs[i] && verdict == OK; i++) {
        struct run_event_name dataset;
        verdict = run_event_split(str_view(options.inputs[i]), &dataset, &err);
    }
    for (size_t i = 0; options.outputs[i] && verdict == OK; i++) {
        struct run_event_name dataset;
        verdict = run_event_split(str_view(options.outputs[i]), &dataset, &err);
    }
    if (verdict == OK && options.parent) {
        verdict = run_event_split_parent(str_view(options.parent), &parent, &err);
    }
    if (verdict == OK && (name.namespace_.len >= JOB_BYTES || name.name.len >= JOB_BYTES)) {
        verdict = err_set(&err, REJECT, "--job", "namespace and name: at most %d bytes each",
                          JOB_BYTES - 1);
    }
    if (verdict != OK) {
        code = run_usage(err.text, "");
        goto out;
    }
    if (!options.parent) {
        options.parent = run_env_parent("OPENLINEAGE_PARENT_ID");
        options.root = run_env_parent("OPENLINEAGE_ROOT_PARENT_ID");
    }
    code = run_all(&options, &name);
out:
    free(options.inputs);
    free(options.outputs);
    return code;
}
