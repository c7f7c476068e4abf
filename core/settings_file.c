#include "core/settings_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_TIMEOUT_MS 1000
#define BLANKS " \t\r"

/* What stands before a comment. */
static struct str settings_file_uncomment(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '#' && (i == 0 || str_has_byte(BLANKS, text.ptr[i - 1]))) {
            text.len = i;
        }
    }
    return str_trim(text, BLANKS);
}

/* Writes the content of a quoted value to out; false when the quotes do not end or text follows. */
static bool settings_file_unquote(struct str text, char *out)
{
    size_t i = 1;

    for (; i < text.len && text.ptr[i] != '"'; i++) {
        char c = text.ptr[i];
        if (c == '\\') {
            i++;
            c = i < text.len ? text.ptr[i] : '\0';
            if (c != '"' && c != '\\' && c != 'n') {
                return false;
            }
            c = c == 'n' ? '\n' : c;
        }
        *out++ = c;
    }
    *out = '\0';
    if (i >= text.len) {
        return false;
    }
    struct str behind = {.ptr = text.ptr + i + 1, .len = text.len - i - 1};
    return settings_file_uncomment(behind).len == 0;
}

static enum verdict settings_file_line(struct str line, int number, char *value,
                                       settings_file_each each, void *arg, struct err *err)
{
    line = str_trim(line, BLANKS);
    if (line.len == 0 || line.ptr[0] == '#') {
        return OK;
    }
    const char *equals = memchr(line.ptr, '=', line.len);
    if (!equals || equals == line.ptr) {
        return err_set(err, FATAL, "settings", "line %d: not of the form key = value", number);
    }
    struct str key = {.ptr = line.ptr, .len = (size_t)(equals - line.ptr)};
    key = str_trim(key, BLANKS);
    /* Somebody forgot the sign, and one inside the value, say of a URL, was taken for it: nothing of that is shown. */
    for (size_t i = 0; i < key.len; i++) {
        if (str_has_byte(BLANKS, key.ptr[i])) {
            return err_set(err, FATAL, "settings", "line %d: not of the form key = value", number);
        }
    }
    struct str text = {.ptr = equals + 1, .len = line.len - (size_t)(equals + 1 - line.ptr)};
    text = str_trim(text, BLANKS);
    if (text.len > SETTINGS_FILE_VALUE_BYTES_MAX) {
        return err_set(err, FATAL, "settings", "line %d: the value is longer than %d bytes", number,
                       SETTINGS_FILE_VALUE_BYTES_MAX);
    }
    if (text.len > 0 && text.ptr[0] == '"') {
        if (!settings_file_unquote(text, value)) {
            return err_set(err, FATAL, "settings",
                           "line %d: a value in quotes ends with a quote; the escapes inside "
                           "are \\\", \\\\ and \\n",
                           number);
        }
    } else {
        text = settings_file_uncomment(text);
        memcpy(value, text.ptr, text.len);
        value[text.len] = '\0';
    }
    return each(arg, number, key, value, err);
}

enum verdict settings_file_parse(struct str text, settings_file_each each, void *arg,
                                 struct err *err)
{
    enum verdict verdict = OK;
    int number = 0;

    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        return err_set(err, FATAL, "settings", "the file holds a NUL byte: not a text");
    }
    char *value = malloc(SETTINGS_FILE_VALUE_BYTES_MAX + 1);
    if (!value) {
        return err_set(err, FATAL, "settings", "out of memory");
    }
    while (verdict == OK && text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct str line = {.ptr = text.ptr, .len = end ? (size_t)(end - text.ptr) : text.len};
        size_t taken = line.len + (end ? 1 : 0);
        text.ptr += taken;
        text.len -= taken;
        number++;
        verdict = settings_file_line(line, number, value, each, arg, err);
    }
    free(value);
    return verdict;
}

/* Up to bytes_max bytes to the end; -1 with errno. A pipe may be given (`--config <(...)`), and a named one into
 * which nobody writes must not hold a role up. */
static ssize_t settings_file_drain(int fd, char *text, size_t bytes_max)
{
    size_t len = 0;
    ssize_t got = 1;

    while (got > 0 && len < bytes_max) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        int ready = poll(&readable, 1, READ_TIMEOUT_MS);
        if (ready == 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        got = read(fd, text + len, bytes_max - len);
        if (got < 0 && errno == EAGAIN) {
            got = 1; /* a signal came instead */
            continue;
        }
        if (got < 0) {
            return -1;
        }
        len += (size_t)got;
    }
    return (ssize_t)len;
}

enum verdict settings_file_read(const char *path, size_t bytes_max, char **out_text,
                                size_t *out_len, struct err *err)
{
    enum verdict verdict = OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char *text = malloc(bytes_max + 2);

    if (!text) {
        verdict = err_set(err, FATAL, "settings", "out of memory");
        goto out;
    }
    ssize_t len = fd < 0 ? -1 : settings_file_drain(fd, text, bytes_max + 1);
    if (len < 0) {
        verdict = err_set(err, FATAL, "settings", "%s: %s", path, strerror(errno));
        goto out;
    }
    if ((size_t)len > bytes_max) {
        verdict = err_set(err, FATAL, "settings", "%s: larger than %zu bytes", path, bytes_max);
        goto out;
    }
    text[len] = '\0';
    *out_text = text;
    *out_len = (size_t)len;
    text = NULL;
out:
    free(text);
    if (fd >= 0) {
        close(fd);
    }
    return verdict;
}

void settings_file_print_value(const char *value, FILE *out)
{
    size_t len = strlen(value);
    bool needs_quotes =
        strpbrk(value, "#\"\n") ||
        (len > 0 && (str_has_byte(BLANKS, value[0]) || str_has_byte(BLANKS, value[len - 1])));

    if (!needs_quotes) {
        fputs(value, out);
        return;
    }
    fputc('"', out);
    for (const char *c = value; *c; c++) {
        if (*c == '"' || *c == '\\') {
            fputc('\\', out);
        }
        fputs(*c == '\n' ? "\\n" : (char[2]){*c, '\0'}, out);
    }
    fputc('"', out);
}
