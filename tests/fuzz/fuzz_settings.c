/* Any bytes as a configuration file: read or refused, never a crash; and what is printed of a value
 * reads back as the same value. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/settings.h"
#include "core/settings_file.h"
#include "core/settings_store.h"
#include "core/settings_table.h"
#include "core/settings_value.h"

static enum verdict same_value(void *arg, int line, struct str key, const char *value,
                               struct err *err)
{
    (void)line;
    (void)key;
    (void)err;
    assert(strcmp(arg, value) == 0);
    return OK;
}

static enum verdict take(void *arg, int line, struct str key, const char *value, struct err *err)
{
    (void)line;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) {
        return OK;
    }
    fputs("k = ", out);
    settings_file_print_value(value, out);
    fclose(out);
    if (len < SETTINGS_FILE_VALUE_BYTES_MAX) {
        struct str printed = {.ptr = text, .len = len};
        enum verdict verdict = settings_file_parse(printed, same_value, (void *)value, err);
        assert(verdict == OK);
    }
    free(text);
    enum verdict ignored = settings_store_key(arg, key, value, "fuzz", err);
    (void)ignored;
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings st;
    struct settings_rest rest;
    struct err err;

    if (settings_load(&st, 0, NULL, &rest, &err) != OK) {
        abort();
    }
    free(rest.words);
    struct str text = {.ptr = (const char *)data, .len = size};
    enum verdict verdict = settings_file_parse(text, take, &st, &err);
    assert(verdict == OK || verdict == FATAL);
    FILE *null = fopen("/dev/null", "w");
    if (null) {
        settings_print(&st, null);
        fclose(null);
    }
    settings_fini(&st);
    return 0;
}
