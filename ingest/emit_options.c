#include "ingest/emit_options.h"

#include <stdlib.h>
#include <string.h>

#include "core/backoff.h"
#include "core/settings_value.h"

#define BACKOFF_MS_MIN 100
#define BACKOFF_MS_MAX 5000
#define RETRY_AFTER_S_MAX 30

struct number_flag {
    const char *name;
    int64_t min;
    int64_t max;
    size_t offset;
};

static const struct number_flag number_flags[] = {
    {.name = "--window", .min = 1, .max = 256, .offset = offsetof(struct emit_options, window)},
    {.name = "--batch", .min = 1, .max = 1000, .offset = offsetof(struct emit_options, batch)},
    {.name = "--rate",
     .min = 1,
     .max = 1000000,
     .offset = offsetof(struct emit_options, rate_per_s)},
    {.name = "--retries", .min = 0, .max = 1000, .offset = offsetof(struct emit_options, retries)},
};

struct switch_flag {
    const char *name;
    size_t offset;
};

static const struct switch_flag switch_flags[] = {
    {.name = "--kafka", .offset = offsetof(struct emit_options, to_kafka)},
    {.name = "--latency", .offset = offsetof(struct emit_options, has_latency)},
    {.name = "--json", .offset = offsetof(struct emit_options, is_json)},
    {.name = "--quiet", .offset = offsetof(struct emit_options, is_quiet)},
};

static bool emit_options_switch(struct emit_options *options, const char *word)
{
    for (size_t i = 0; i < sizeof(switch_flags) / sizeof(switch_flags[0]); i++) {
        if (strcmp(word, switch_flags[i].name) == 0) {
            *(bool *)((char *)options + switch_flags[i].offset) = true;
            return true;
        }
    }
    return false;
}

static enum verdict emit_options_number(struct emit_options *options,
                                        const struct number_flag *flag, const char *text,
                                        struct err *err)
{
    int64_t number = 0;

    if (!settings_value_number(SETTING_INTEGER, text, &number) || number < flag->min ||
        number > flag->max) {
        return err_set(err, REJECT, "emit", "%s %.32s: must be a whole number from %lld to %lld",
                       flag->name, text, (long long)flag->min, (long long)flag->max);
    }
    *(int64_t *)((char *)options + flag->offset) = number;
    return OK;
}

/* A flag with a value: --name=value, or --name and the next word (then *index moves on). */
static enum verdict emit_options_valued(struct emit_options *options, int argc, char **argv,
                                        int *index, struct err *err)
{
    const char *word = argv[*index];
    size_t len = strcspn(word, "=");
    const struct number_flag *flag = NULL;
    bool is_url = len == strlen("--to") && strncmp(word, "--to", len) == 0;
    bool is_spool = len == strlen("--spool") && strncmp(word, "--spool", len) == 0;

    for (size_t i = 0; i < sizeof(number_flags) / sizeof(number_flags[0]); i++) {
        const char *name = number_flags[i].name;
        if (strlen(name) == len && strncmp(word, name, len) == 0) {
            flag = &number_flags[i];
        }
    }
    if (!is_url && !is_spool && !flag) {
        return err_set(err, REJECT, "emit", "unknown flag %.64s", word);
    }
    if (word[len] != '=' && *index + 1 >= argc) {
        return err_set(err, REJECT, "emit", "%s: the value is missing", word);
    }
    const char *value = word[len] == '=' ? word + len + 1 : argv[++*index];
    if (is_url || is_spool) {
        *(is_url ? &options->url : &options->spool) = value;
        return OK;
    }
    return emit_options_number(options, flag, value, err);
}

static const char *emit_options_default_url(void)
{
    static const char *const names[] = {"METAOPS_GATEWAY_URL", "OPENLINEAGE_URL"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *url = getenv(names[i]);
        if (url && *url) {
            return url;
        }
    }
    return "http://127.0.0.1:5000";
}

enum verdict emit_options_read(int argc, char **argv, struct emit_options *out_options,
                               struct err *err)
{
    struct emit_options options = {.window = 16, .batch = 1, .retries = 8};
    enum verdict verdict = OK;
    bool are_flags_over = false;
    size_t count = 0;

    options.files = calloc((size_t)argc + 2, sizeof(*options.files));
    if (!options.files) {
        return err_set(err, FATAL, "emit", "out of memory");
    }
    for (int i = 0; i < argc && verdict == OK; i++) {
        const char *word = argv[i];
        if (are_flags_over || word[0] != '-' || strcmp(word, "-") == 0) {
            options.files[count++] = word;
        } else if (strcmp(word, "--") == 0) {
            are_flags_over = true;
        } else if (!emit_options_switch(&options, word)) {
            verdict = emit_options_valued(&options, argc, argv, &i, err);
        }
    }
    if (verdict == OK && options.url && options.to_kafka) {
        verdict = err_set(err, REJECT, "emit", "--to and --kafka exclude each other");
    }
    if (verdict == OK && options.spool && count > 0) {
        verdict = err_set(err, REJECT, "emit", "--spool and files exclude each other");
    }
    if (verdict != OK) {
        emit_options_fini(&options);
        return verdict;
    }
    if (count == 0) {
        options.files[0] = "-";
    }
    if (!options.url) {
        options.url = emit_options_default_url();
    }
    *out_options = options;
    return OK;
}

void emit_options_fini(struct emit_options *options)
{
    free(options->files);
    options->files = NULL;
}

int emit_options_backoff_ms(int64_t tries, int retry_after_s)
{
    int wait_ms = (int)backoff_doubled(BACKOFF_MS_MIN, tries - 1, BACKOFF_MS_MAX);

    wait_ms = wait_ms / 2 + (int)(random() % (wait_ms / 2 + 1));
    int asked_s = retry_after_s < RETRY_AFTER_S_MAX ? retry_after_s : RETRY_AFTER_S_MAX;
    return wait_ms > 1000 * asked_s ? wait_ms : 1000 * asked_s;
}

int64_t emit_options_due_us(const struct emit_options *options, int64_t start_us, uint64_t count)
{
    if (options->rate_per_s == 0) {
        return start_us;
    }
    uint64_t rate = (uint64_t)options->rate_per_s;
    return start_us + (int64_t)(count / rate * 1000000 + count % rate * 1000000 / rate);
}
