#include "core/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/timebase.h"

#define MESSAGE_BYTES_MAX 2048
#define LINE_BYTES_MAX (6 * MESSAGE_BYTES_MAX + 256) /* every byte escaped as \u00xx */

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
};
static const char *const format_names[] = {
    [LOG_FORMAT_AUTO] = "auto",
    [LOG_FORMAT_TEXT] = "text",
    [LOG_FORMAT_JSON] = "json",
};

static _Atomic int least_level = LOG_LEVEL_INFO;
static atomic_bool is_json;
static atomic_uint lines_per_second_max;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the sites */
static _Thread_local char thread_name[32];

struct log_line {
    char bytes[LINE_BYTES_MAX];
    size_t len;
};

void log_setup(enum log_level level, enum log_format format, unsigned lines_per_second)
{
    is_json = format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !isatty(STDERR_FILENO));
    lines_per_second_max = lines_per_second;
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

static int log_find(const char *const *names, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(names[i], text) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int log_level_parse(const char *text)
{
    return log_find(level_names, sizeof(level_names) / sizeof(level_names[0]), text);
}

int log_format_parse(const char *text)
{
    return log_find(format_names, sizeof(format_names) / sizeof(format_names[0]), text);
}

void log_thread_name(const char *name)
{
    snprintf(thread_name, sizeof(thread_name), "%s", name);
}

int log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

static void log_append(struct log_line *line, const char *text)
{
    size_t len = strlen(text);

    if (len < sizeof(line->bytes) - line->len) {
        memcpy(line->bytes + line->len, text, len);
        line->len += len;
    }
}

/* Bytes of the UTF-8 character at text, or 0 when there is none: producers' names can hold
 * anything, and a log line must stay readable JSON. */
static size_t log_utf8_len(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t len = c[0] < 0x80 ? 1 : c[0] < 0xC2 ? 0 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;

    if (c[0] > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((c[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (c[0] == 0xE0 && c[1] < 0xA0) || (c[0] == 0xF0 && c[1] < 0x90);
    bool is_surrogate = c[0] == 0xED && c[1] >= 0xA0;
    bool is_beyond = c[0] == 0xF4 && c[1] >= 0x90;
    return is_overlong || is_surrogate || is_beyond ? 0 : len;
}

static void log_append_escaped(struct log_line *line, const char *text)
{
    while (*text) {
        unsigned char c = (unsigned char)*text;
        size_t len = log_utf8_len(text);
        char piece[8];
        if (len == 0) {
            snprintf(piece, sizeof(piece), "\xEF\xBF\xBD");
            len = 1;
        } else if (c == '\n') {
            snprintf(piece, sizeof(piece), "\\n");
        } else if (c < 0x20 || c == 0x7F) {
            snprintf(piece, sizeof(piece), is_json ? "\\u%04x" : "\\x%02x", c);
        } else if (is_json && (c == '"' || c == '\\')) {
            snprintf(piece, sizeof(piece), "\\%c", c);
        } else {
            snprintf(piece, sizeof(piece), "%.*s", (int)len, text);
        }
        log_append(line, piece);
        text += len;
    }
}

static void log_compose(struct log_line *line, enum log_level level, const char *message,
                        unsigned dropped)
{
    char time[40];
    char count[64];

    timebase_format(timebase_wall_us(), time);
    if (is_json) {
        log_append(line, "{\"ts\":\"");
        log_append(line, time);
        log_append(line, "\",\"level\":\"");
        log_append(line, level_names[level]);
        if (thread_name[0]) {
            log_append(line, "\",\"thread\":\"");
            log_append_escaped(line, thread_name);
        }
        log_append(line, "\",\"msg\":\"");
        log_append_escaped(line, message);
        snprintf(count, sizeof(count), ",\"dropped\":%u", dropped);
        log_append(line, "\"");
        log_append(line, dropped ? count : "");
        log_append(line, "}\n");
        return;
    }
    log_append(line, time);
    snprintf(count, sizeof(count), " %-5s ", level_names[level]);
    log_append(line, count);
    if (thread_name[0]) {
        log_append_escaped(line, thread_name);
        log_append(line, ": ");
    }
    log_append_escaped(line, message);
    snprintf(count, sizeof(count), " dropped=%u", dropped);
    log_append(line, dropped ? count : "");
    log_append(line, "\n");
}

/* Whether the site may write a line now; *out_dropped is what it could not since its last one. */
static bool log_admit(struct log_site *site, unsigned *out_dropped)
{
    long second = (long)(timebase_mono_us() / 1000000);

    if (site->second != second) {
        site->second = second;
        site->lines = 0;
    }
    if (lines_per_second_max > 0 && site->lines >= lines_per_second_max) {
        site->dropped++;
        return false;
    }
    site->lines++;
    *out_dropped = site->dropped;
    site->dropped = 0;
    return true;
}

static void log_put(const struct log_line *line)
{
    size_t done = 0;

    while (done < line->len) {
        ssize_t n = write(STDERR_FILENO, line->bytes + done, line->len - done);
        if (n < 0 && errno != EINTR) {
            return; /* nobody to tell */
        }
        done += n > 0 ? (size_t)n : 0;
    }
}

void log_write(struct log_site *site, enum log_level level, const char *format, ...)
{
    char message[MESSAGE_BYTES_MAX];
    struct log_line line = {.len = 0};
    unsigned dropped = 0;
    int saved_errno = errno;
    va_list args;

    pthread_mutex_lock(&lock);
    bool is_admitted = log_admit(site, &dropped);
    pthread_mutex_unlock(&lock);
    if (is_admitted) {
        va_start(args, format);
        vsnprintf(message, sizeof(message), format, args);
        va_end(args);
        log_compose(&line, level, message, dropped);
        /* One write a line: below PIPE_BUF whole lines even between processes. */
        log_put(&line);
    }
    errno = saved_errno;
}
