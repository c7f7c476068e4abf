#include "status.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "core/timebase.h"
#include "status_print.h"
#include "status_sample.h"

#define INTERVAL_MS 1000
#define LAG_SECONDS_MAX 60
#define LINES_DEFAULT 24

struct options {
    bool is_json;
    bool is_once;
    struct status_view view;
};

static atomic_bool is_stopping;

static void on_signal(int signal_number)
{
    (void)signal_number;
    is_stopping = true;
}

static bool set_lag(struct options *options, const char *value)
{
    char *end = NULL;
    errno = 0;
    options->view.lag_seconds_max = value ? strtol(value, &end, 10) : -1;
    return value && !errno && end != value && !*end && options->view.lag_seconds_max >= 0;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const char lag[] = "--lag-seconds";
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            options->view.has_partitions = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            options->is_json = true;
        } else if (strcmp(argv[i], "--once") == 0) {
            options->is_once = true;
        } else if (strncmp(argv[i], lag, strlen(lag)) == 0 && argv[i][strlen(lag)] == '=') {
            if (!set_lag(options, argv[i] + strlen(lag) + 1)) {
                return false;
            }
        } else if (strcmp(argv[i], lag) != 0 || !set_lag(options, argv[++i])) {
            return false; /* argv ends with NULL */
        }
    }
    return true;
}

/* Until the next look is due, q is typed or a signal comes. False: it is time to end. */
static bool wait_for_key(int64_t until_us)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!is_stopping) {
        int64_t left_ms = (until_us - timebase_mono_us()) / 1000;
        if (left_ms <= 0) {
            return true;
        }
        if (poll(&keys, 1, (int)left_ms) > 0) {
            char typed = 0;
            if (read(STDIN_FILENO, &typed, 1) != 1 || typed == 'q' || typed == 'Q') {
                return false;
            }
        }
    }
    return false;
}

/* In place: each line ends by clearing what was to its right, and no more lines than the terminal has. */
static void draw(const struct status_view *view)
{
    struct winsize size = {.ws_row = LINES_DEFAULT};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return;
    }
    status_print_text(view, out);
    if (fclose(out) != 0) {
        free(text);
        return;
    }
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2) {
        size.ws_row = LINES_DEFAULT;
    }
    fputs("\033[H", stdout);
    int lines = 0;
    for (const char *line = text; *line && lines < size.ws_row - 1; lines++) {
        size_t span = strcspn(line, "\n");
        printf("%.*s\033[K\n", (int)span, line);
        line += span + (line[span] == '\n');
    }
    fputs("\033[J", stdout);
    fflush(stdout);
    free(text);
}

/* The terminal as it was is given back whatever ends this. */
static void run_live(struct status_source *source, struct options *options,
                     struct status_sample *samples)
{
    struct termios before;
    struct sigaction action = {.sa_handler = on_signal};
    bool has_keys = tcgetattr(STDIN_FILENO, &before) == 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    if (has_keys) {
        struct termios keys = before;
        keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    }
    fputs("\033[?1049h\033[?25l", stdout);
    int64_t next_us = timebase_mono_us();
    for (;;) {
        draw(&options->view);
        next_us += INTERVAL_MS * INT64_C(1000);
        if (!wait_for_key(next_us)) {
            break;
        }
        status_sample_fini(&samples[0]);
        samples[0] = samples[1];
        status_sample_take(source, &samples[1]);
        next_us = timebase_mono_us() > next_us + 1000000 ? timebase_mono_us() : next_us;
    }
    fputs("\033[?25h\033[?1049l", stdout);
    if (has_keys) {
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
}

/* Two looks, a second apart: rates need both. */
static void look_twice(struct status_source *source, struct status_sample *samples)
{
    status_sample_take(source, &samples[0]);
    int64_t left_us = samples[0].at_us + INTERVAL_MS * INT64_C(1000) - timebase_mono_us();
    if (left_us > 0) {
        (void)poll(NULL, 0, (int)(left_us / 1000));
    }
    status_sample_take(source, &samples[1]);
}

int status_run(const struct settings *st, int argc, char **argv)
{
    struct options options = {.view.lag_seconds_max = LAG_SECONDS_MAX};
    struct status_sample samples[2] = {{.partitions = NULL}, {.partitions = NULL}};
    struct status_source *source = NULL;
    struct err err = {.text = ""};
    if (!read_options(argc, argv, &options)) {
        fputs("usage: metaops status [-v] [--json] [--once] [--lag-seconds N]\n", stderr);
        return EXIT_CODE_USAGE;
    }
    if (status_source_open(st, &source, &err) != OK) {
        log_error("status: %s", err.text);
        return EXIT_CODE_FAILED;
    }
    options.view.before = &samples[0];
    options.view.now = &samples[1];
    look_twice(source, samples);
    if (!options.is_json && !options.is_once && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO)) {
        run_live(source, &options, samples);
    }
    if (options.is_json) {
        status_print_json(&options.view, stdout);
    } else {
        status_print_text(&options.view, stdout);
    }
    int code = status_print_troubles(&options.view, NULL) > 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
    status_sample_fini(&samples[0]);
    status_sample_fini(&samples[1]);
    status_source_close(source);
    return code;
}
