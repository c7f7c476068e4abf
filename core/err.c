#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Logs and problem answers carry this text as UTF-8 on one line: no control bytes, and no character
 * cut in two at the end. */
static void err_tidy(char *text, size_t size, int wanted)
{
    size_t len = strlen(text);

    if (wanted >= 0 && (size_t)wanted >= size) {
        while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80) {
            len--;
        }
        if (len > 0 && (unsigned char)text[len - 1] >= 0xC0) {
            len--;
        }
        text[len] = '\0';
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7F) {
            text[i] = '?';
        }
    }
}

enum verdict err_set(struct err *err, enum verdict verdict, const char *where, const char *format,
                     ...)
{
    if (!err) {
        return verdict;
    }

    /* The arguments may point into err itself. */
    struct err fresh = {.verdict = verdict};
    int wanted = snprintf(fresh.where, sizeof(fresh.where), "%s", where);
    err_tidy(fresh.where, sizeof(fresh.where), wanted);

    va_list args;
    va_start(args, format);
    wanted = vsnprintf(fresh.text, sizeof(fresh.text), format, args);
    va_end(args);
    err_tidy(fresh.text, sizeof(fresh.text), wanted);

    *err = fresh;
    return verdict;
}

enum verdict err_wrap(struct err *err, const char *format, ...)
{
    char text[sizeof(err->text)];
    va_list args;

    va_start(args, format);
    int wanted = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (wanted >= 0 && (size_t)wanted < sizeof(text)) {
        size_t room = sizeof(text) - (size_t)wanted;
        wanted += snprintf(text + wanted, room, ": %.*s", (int)sizeof(text), err->text);
    }
    err_tidy(text, sizeof(text), wanted);
    memcpy(err->text, text, sizeof(text));
    return err->verdict;
}

const char *err_verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case OK:
        return "OK";
    case RETRY:
        return "RETRY";
    case REJECT:
        return "REJECT";
    case FATAL:
        return "FATAL";
    }
    return "?";
}
