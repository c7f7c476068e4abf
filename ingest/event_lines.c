#include "ingest/event_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"

#define READ_BYTES ((size_t)256 * 1024)

struct event_lines {
    const char *const *files; /* the one being read is files[0] */
    int fd;                   /* -1: not open yet */
    uint64_t number;          /* of the last line given */
    size_t line_bytes_max;
    char *buffer;
    size_t size;    /* allocated, padding included */
    size_t start;   /* of what is not given yet */
    size_t end;     /* of what was read */
    size_t scanned; /* no line end before */
    bool is_at_end; /* of the file */
    bool is_passing_over;
    uint64_t done_bytes;
    uint64_t total_bytes;
};

/* The sum of the sizes, or 0 when one of them has none. */
static uint64_t event_lines_total(const char *const *files)
{
    uint64_t total_bytes = 0;
    struct stat info;

    for (; *files; files++) {
        if (strcmp(*files, "-") == 0 || stat(*files, &info) != 0 || !S_ISREG(info.st_mode)) {
            return 0;
        }
        total_bytes += (uint64_t)info.st_size;
    }
    return total_bytes;
}

enum verdict event_lines_open(const char *const *files, size_t line_bytes_max,
                              struct event_lines **out_lines, struct err *err)
{
    struct event_lines *lines = calloc(1, sizeof(*lines));

    if (!lines) {
        return err_set(err, RETRY, "event_lines", "out of memory");
    }
    lines->files = files;
    lines->fd = -1;
    lines->line_bytes_max = line_bytes_max;
    lines->total_bytes = event_lines_total(files);
    *out_lines = lines;
    return OK;
}

static enum verdict event_lines_open_file(struct event_lines *lines, struct err *err)
{
    const char *file = lines->files[0];

    lines->fd = strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
    if (lines->fd < 0) {
        return err_set(err, FATAL, "event_lines", "%s: %s", file, strerror(errno));
    }
    lines->number = 0;
    lines->start = lines->end = lines->scanned = 0;
    lines->is_at_end = false;
    lines->is_passing_over = false;
    return OK;
}

/* Room for READ_BYTES more behind end: moves what is there to the front, grows when need be. */
static enum verdict event_lines_make_room(struct event_lines *lines, struct err *err)
{
    size_t kept = lines->end - lines->start;
    size_t wanted = kept + READ_BYTES + JSON_PADDING_BYTES;

    if (lines->start > 0 && kept > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, kept);
    }
    lines->scanned -= lines->start;
    lines->end = kept;
    lines->start = 0;
    if (wanted <= lines->size) {
        return OK;
    }
    size_t size = wanted > 2 * lines->size ? wanted : 2 * lines->size;
    char *buffer = realloc(lines->buffer, size);
    if (!buffer) {
        return err_set(err, FATAL, "event_lines", "%s: out of memory", lines->files[0]);
    }
    memset(buffer + lines->size, 0, size - lines->size);
    lines->buffer = buffer;
    lines->size = size;
    return OK;
}

static enum verdict event_lines_fill(struct event_lines *lines, bool may_block, struct err *err)
{
    struct pollfd ready = {.fd = lines->fd, .events = POLLIN};

    if (!may_block && poll(&ready, 1, 0) == 0) {
        return err_set(err, RETRY, "event_lines", "%s: nothing yet", lines->files[0]);
    }
    enum verdict verdict = event_lines_make_room(lines, err);
    if (verdict != OK) {
        return verdict;
    }
    ssize_t n;
    do {
        n = read(lines->fd, lines->buffer + lines->end, READ_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return err_set(err, FATAL, "event_lines", "%s: %s", lines->files[0], strerror(errno));
    }
    lines->is_at_end = n == 0;
    lines->end += (size_t)n;
    lines->done_bytes += (size_t)n;
    return OK;
}

static bool event_lines_is_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ' ' && text.ptr[i] != '\t' && text.ptr[i] != '\r') {
            return false;
        }
    }
    return true;
}

/* Takes a line out of the buffer when a whole one is there. False when more has to be read. */
static bool event_lines_cut(struct event_lines *lines, struct event_line *out_line)
{
    char *newline = NULL;

    if (lines->end > lines->scanned) {
        newline = memchr(lines->buffer + lines->scanned, '\n', lines->end - lines->scanned);
    }
    lines->scanned = lines->end;
    if (!newline && !(lines->is_at_end && lines->end > lines->start)) {
        if (lines->end - lines->start > lines->line_bytes_max + 1) {
            lines->is_passing_over = true;
            lines->start = lines->end;
        }
        if (!lines->is_at_end || !lines->is_passing_over) {
            return false;
        }
    }
    size_t stop = newline ? (size_t)(newline - lines->buffer) : lines->end;
    struct str text = {.ptr = lines->buffer + lines->start, .len = stop - lines->start};
    if (text.len > 0 && text.ptr[text.len - 1] == '\r') {
        text.len--;
    }
    lines->start = lines->scanned = newline ? stop + 1 : stop;
    lines->number++;
    *out_line = (struct event_line){
        .file = lines->files[0],
        .number = lines->number,
        .text = text,
        .is_too_long = lines->is_passing_over || text.len > lines->line_bytes_max,
    };
    if (out_line->is_too_long) {
        out_line->text = (struct str){.ptr = NULL};
    }
    lines->is_passing_over = false;
    return true;
}

enum verdict event_lines_next(struct event_lines *lines, bool may_block,
                              struct event_line *out_line, struct err *err)
{
    while (lines->files[0]) {
        enum verdict verdict = OK;
        struct event_line line;

        if (lines->fd < 0) {
            verdict = event_lines_open_file(lines, err);
        } else if (event_lines_cut(lines, &line)) {
            if (line.is_too_long || !event_lines_is_blank(line.text)) {
                *out_line = line;
                return OK;
            }
        } else if (lines->is_at_end) {
            close(lines->fd);
            lines->fd = -1;
            lines->files++;
        } else {
            verdict = event_lines_fill(lines, may_block, err);
        }
        if (verdict != OK) {
            return verdict;
        }
    }
    *out_line = (struct event_line){.text = {.ptr = NULL}};
    return OK;
}

void event_lines_progress(const struct event_lines *lines, uint64_t *out_done_bytes,
                          uint64_t *out_total_bytes)
{
    *out_done_bytes = lines->done_bytes - (lines->end - lines->start);
    *out_total_bytes = lines->total_bytes;
}

void event_lines_close(struct event_lines *lines)
{
    if (!lines) {
        return;
    }
    if (lines->fd >= 0) {
        close(lines->fd);
    }
    free(lines->buffer);
    free(lines);
}
