#include "tests/bench/event_renew.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_TIME (-1)

/* A place in a line where something new is put: a run id (its number), or EVENT_TIME. */
struct place {
    size_t begin;
    size_t end;
    int run;
};

struct line {
    char *text;
    size_t len;
    struct place *places;
    size_t place_count;
};

struct run {
    char *old_id;
    uint8_t new_id[16];
};

struct event_renew {
    struct line *lines;
    size_t line_count;
    size_t next;
    struct run *runs;
    size_t run_count;
};

/* Grows an array by one zeroed item; NULL when memory is short, the array is then as it was. */
static void *append(void **array, size_t *count, size_t size)
{
    char *grown = realloc(*array, (*count + 1) * size);
    if (!grown) {
        return NULL;
    }
    *array = grown;
    return memset(grown + (*count)++ * size, 0, size);
}

static int run_number(struct event_renew *renew, const char *id, size_t len)
{
    for (size_t i = 0; i < renew->run_count; i++) {
        if (strlen(renew->runs[i].old_id) == len && memcmp(renew->runs[i].old_id, id, len) == 0) {
            return (int)i;
        }
    }
    char *copy = strndup(id, len);
    struct run *run = copy ? append((void **)&renew->runs, &renew->run_count, sizeof(*run)) : NULL;
    if (!run) {
        free(copy);
        return -2;
    }
    run->old_id = copy;
    return (int)renew->run_count - 1;
}

/* Finds the string value behind a key that ends at text: [*out_begin, *out_end) without quotes. */
static bool find_string(const struct line *line, size_t at, size_t *out_begin, size_t *out_end)
{
    at += strspn(line->text + at, " ");
    if (line->text[at] != ':') {
        return false;
    }
    at++;
    at += strspn(line->text + at, " ");
    if (line->text[at] != '"') {
        return false;
    }
    size_t begin = ++at;
    while (line->text[at] && line->text[at] != '"') {
        at += line->text[at] == '\\' && line->text[at + 1] ? 2 : 1;
    }
    *out_begin = begin;
    *out_end = at;
    return line->text[at] == '"';
}

static bool find_places(struct event_renew *renew, struct line *line)
{
    static const char run_key[] = "\"runId\"";
    static const char time_key[] = "\"eventTime\"";
    for (const char *quote = strchr(line->text, '"'); quote; quote = strchr(quote + 1, '"')) {
        bool is_run = strncmp(quote, run_key, sizeof(run_key) - 1) == 0;
        bool is_time = strncmp(quote, time_key, sizeof(time_key) - 1) == 0;
        size_t key_len = is_run ? sizeof(run_key) - 1 : sizeof(time_key) - 1;
        size_t begin;
        size_t end;
        if ((!is_run && !is_time) ||
            !find_string(line, (size_t)(quote - line->text) + key_len, &begin, &end)) {
            continue;
        }
        int run = is_run ? run_number(renew, line->text + begin, end - begin) : EVENT_TIME;
        struct place *place =
            append((void **)&line->places, &line->place_count, sizeof(*line->places));
        if (!place || run < EVENT_TIME) {
            return false;
        }
        *place = (struct place){.begin = begin, .end = end, .run = run};
        quote = line->text + end;
    }
    return true;
}

static enum verdict read_file(struct event_renew *renew, const char *path, struct err *err)
{
    char *text = NULL;
    size_t cap = 0;
    enum verdict verdict = OK;
    FILE *file = fopen(path, "re");
    if (!file) {
        return err_set(err, FATAL, "event_renew", "%s: %s", path, strerror(errno));
    }
    ssize_t len;
    while (verdict == OK && (len = getline(&text, &cap, file)) > 0) {
        len -= text[len - 1] == '\n';
        text[len] = '\0';
        /* Other tools' messages lie beside the events. */
        if (!strstr(text, "\"eventTime\"") ||
            (!strstr(text, "\"job\"") && !strstr(text, "\"dataset\""))) {
            continue;
        }
        struct line *line =
            append((void **)&renew->lines, &renew->line_count, sizeof(*renew->lines));
        if (line) {
            line->text = strdup(text);
            line->len = (size_t)len;
        }
        if (!line || !line->text || !find_places(renew, line)) {
            verdict = err_set(err, FATAL, "event_renew", "out of memory");
        }
    }
    free(text);
    fclose(file);
    return verdict;
}

enum verdict event_renew_open(const char *folder, struct event_renew **out_renew, struct err *err)
{
    char pattern[4096];
    glob_t found = {0};
    enum verdict verdict = OK;
    struct event_renew *renew = calloc(1, sizeof(*renew));
    if (!renew) {
        return err_set(err, FATAL, "event_renew", "out of memory");
    }
    snprintf(pattern, sizeof(pattern), "%s/*.jsonl", folder);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; verdict == OK && i < found.gl_pathc; i++) {
            verdict = read_file(renew, found.gl_pathv[i], err);
        }
    }
    globfree(&found);
    if (verdict == OK && renew->line_count == 0) {
        verdict = err_set(err, FATAL, "event_renew", "no OpenLineage events in %s", pattern);
    }
    if (verdict != OK) {
        event_renew_close(renew);
        return verdict;
    }
    *out_renew = renew;
    return OK;
}

void event_renew_next(struct event_renew *renew, struct event_maker *maker, int64_t now_us,
                      struct text_out *out)
{
    if (renew->next == 0) {
        for (size_t i = 0; i < renew->run_count; i++) {
            event_maker_uuid(maker, now_us, renew->runs[i].new_id);
        }
    }
    const struct line *line = &renew->lines[renew->next];
    size_t at = 0;
    for (size_t i = 0; i < line->place_count; i++) {
        const struct place *place = &line->places[i];
        text_out_bytes(out, line->text + at, place->begin - at);
        if (place->run == EVENT_TIME) {
            text_out_time(out, now_us);
        } else {
            text_out_uuid(out, renew->runs[place->run].new_id);
        }
        at = place->end;
    }
    text_out_bytes(out, line->text + at, line->len - at);
    renew->next = (renew->next + 1) % renew->line_count;
}

void event_renew_close(struct event_renew *renew)
{
    if (!renew) {
        return;
    }
    for (size_t i = 0; i < renew->line_count; i++) {
        free(renew->lines[i].text);
        free(renew->lines[i].places);
    }
    for (size_t i = 0; i < renew->run_count; i++) {
        free(renew->runs[i].old_id);
    }
    free(renew->lines);
    free(renew->runs);
    free(renew);
}
