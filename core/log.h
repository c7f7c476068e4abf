/* log.h - one line per event of interest, to stderr: key=value on a terminal, JSON otherwise.
 *
 * Thread-safe. Lines of one call site are limited to log.lines_per_second; what was dropped is
 * counted in the next line that passes. User text is escaped; secrets are the caller's duty never
 * to pass. */
#ifndef METAOPS_CORE_LOG_H
#define METAOPS_CORE_LOG_H

#include "err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Call site state for the rate limit; made by the macro. */
struct log_site {
    long second;
    unsigned lines;
    unsigned dropped;
};

/* Call before threads start; until then lines of level info and above go out as text. Later calls
 * change it for all threads. */
void log_setup(enum log_level level, enum log_format format, unsigned lines_per_second);

/* Reads "debug", "info", "warn", "error" / "auto", "text", "json". -1 for anything else. */
int log_level_parse(const char *text);
int log_format_parse(const char *text);

/* A name in front of every line of this thread ("gateway", "sink-0"); copied, cut to 31 bytes. */
void log_thread_name(const char *name);

void log_write(struct log_site *site, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
int log_enabled(enum log_level level);

#define LOG_AT(level, ...)                                                                         \
    do {                                                                                           \
        static struct log_site log_site_;                                                          \
        if (log_enabled(level)) {                                                                  \
            log_write(&log_site_, level, __VA_ARGS__);                                             \
        }                                                                                          \
    } while (0)

/* The text is "what happened key=value key=value": a message, then fields; in JSON the fields stay
 * in the message. */
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
