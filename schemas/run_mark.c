#include "schemas/run_mark.h"

#include <stdio.h>
#include <string.h>

/* As in identity.c: without fetching, which allocates. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>

#include "schemas/identity.h"

#define HASH_DIGITS 9

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t add_hash(struct str value, char *out)
{
    unsigned char digest[MD5_DIGEST_LENGTH];
    char digits[HASH_DIGITS + 2];
    MD5_CTX md5;

    MD5_Init(&md5);
    MD5_Update(&md5, value.ptr, value.len);
    MD5_Final(digest, &md5);
    snprintf(digits, sizeof digits, "%02x%02x%02x%02x%02x", digest[0], digest[1], digest[2],
             digest[3], digest[4]);
    memcpy(out, digits, HASH_DIGITS);
    return HASH_DIGITS;
}

size_t run_mark_label(struct str value, char *out)
{
    size_t begin = 0;
    size_t end = value.len;
    size_t len = 0;
    size_t all = 0;

    while (begin < end && !is_alnum(value.ptr[begin])) {
        begin++;
    }
    while (end > begin && !is_alnum(value.ptr[end - 1])) {
        end--;
    }
    for (size_t i = begin; i < end; i++) {
        char c = value.ptr[i];
        if (is_alnum(c) || c == '_' || c == '-' || c == '.') {
            all++;
            if (len < RUN_MARK_LABEL_BYTES_MAX) {
                out[len++] = c;
            }
        }
    }
    if (all != value.len || all > RUN_MARK_LABEL_BYTES_MAX) {
        size_t room = RUN_MARK_LABEL_BYTES_MAX - HASH_DIGITS - 1;
        len = len < room ? len : room;
        out[len++] = '-';
        len += add_hash(value, out + len);
    }
    out[len] = '\0';
    return len;
}

struct id128 run_mark_of_task(const struct run_mark_task *task)
{
    bool is_mapped = task->map_index.len > 0 && !str_eq(task->map_index, STR("-1"));
    const struct str parts[] = {task->dag, task->task, task->run, task->try_number,
                                is_mapped ? task->map_index : STR("")};
    char texts[sizeof parts / sizeof parts[0]][RUN_MARK_LABEL_BYTES_MAX + 1];
    struct str labels[sizeof parts / sizeof parts[0]];

    if (task->dag.len == 0 || task->task.len == 0 || task->run.len == 0) {
        return (struct id128){0};
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        labels[i] = (struct str){texts[i], run_mark_label(parts[i], texts[i])};
    }
    return identity_of(STR("airflow task"), labels, (int)(sizeof parts / sizeof parts[0]));
}

struct id128 run_mark_of_spark(struct str application_id)
{
    return application_id.len == 0 ? (struct id128){0}
                                   : identity_of(STR("spark application"), &application_id, 1);
}
