#include "ingest/keys_options.h"

#include <stdlib.h>

#include "core/settings_value.h"
#include "core/timebase.h"
#include "schemas/utf8.h"

#define MINUTE_US (INT64_C(60) * 1000000)
#define VALUE_BYTES 64
#define LIMIT_MAX (INT64_C(1) << 50)
#define RATE_MAX 1000000000
#define LIFE_UNITS_MAX 1000000

static const char usage[] = "metaops keys add NAME ..., list or revoke ID; see metaops help keys";

struct limit_flag {
    const char *name;
    const char *unit; /* may stand behind the number */
    enum setting_type type;
    int64_t max;
    size_t offset;
};

static const struct limit_flag limit_flags[] = {
    {.name = "--rate",
     .unit = "/s",
     .type = SETTING_INTEGER,
     .max = RATE_MAX,
     .offset = offsetof(struct key_change, rate_per_s)},
    {.name = "--burst",
     .unit = "",
     .type = SETTING_INTEGER,
     .max = RATE_MAX,
     .offset = offsetof(struct key_change, burst)},
    {.name = "--quota-events",
     .unit = "/day",
     .type = SETTING_INTEGER,
     .max = LIMIT_MAX,
     .offset = offsetof(struct key_change, events_per_day)},
    {.name = "--quota-bytes",
     .unit = "/day",
     .type = SETTING_BYTES,
     .max = LIMIT_MAX,
     .offset = offsetof(struct key_change, bytes_per_day)},
};

static enum verdict keys_options_limit(struct key_change *change, const struct limit_flag *flag,
                                       const char *text, struct err *err)
{
    char number_text[VALUE_BYTES];
    size_t len = strlen(text);
    size_t unit_len = strlen(flag->unit);
    int64_t number = 0;

    if (len > unit_len && strcmp(text + len - unit_len, flag->unit) == 0) {
        len -= unit_len;
    }
    if (len >= sizeof(number_text)) {
        len = 0; /* no number */
    }
    memcpy(number_text, text, len);
    number_text[len] = '\0';
    if (!settings_value_number(flag->type, number_text, &number) || number < 1 ||
        number > flag->max) {
        return err_set(err, REJECT, "keys", "%s %.32s: must be a number from 1 to %lld, then %s",
                       flag->name, text, (long long)flag->max,
                       *flag->unit ? flag->unit : "nothing");
    }
    *(int64_t *)((char *)change + flag->offset) = number;
    return OK;
}

/* 90d, 12h, 30m. */
static bool keys_options_life(const char *text, int64_t *out_us)
{
    char *unit = NULL;
    long count = strtol(text, &unit, 10);

    if (text[0] < '0' || text[0] > '9' || count < 1 || count > LIFE_UNITS_MAX || unit[0] == '\0' ||
        unit[1] != '\0') {
        return false;
    }
    switch (unit[0]) {
    case 'd':
        *out_us = count * 24 * 60 * MINUTE_US;
        return true;
    case 'h':
        *out_us = count * 60 * MINUTE_US;
        return true;
    case 'm':
        *out_us = count * MINUTE_US;
        return true;
    default:
        return false;
    }
}

static enum verdict keys_options_expiry(struct key_change *change, const char *text, int64_t now_us,
                                        struct err *err)
{
    char midnight[VALUE_BYTES];
    int64_t us = 0;

    if (keys_options_life(text, &us)) {
        change->expires_at_us = now_us + us;
        return OK;
    }
    snprintf(midnight, sizeof(midnight), "%.32sT00:00Z", text);
    if (!timebase_parse(str_view(text), &us) && !timebase_parse(str_view(midnight), &us)) {
        return err_set(err, REJECT, "keys",
                       "--expires %.32s: must be like 90d, 12h, 30m, 2027-01-31 or "
                       "2027-01-31T18:00:00Z",
                       text);
    }
    if (us <= now_us) {
        return err_set(err, REJECT, "keys", "--expires %.32s is over", text);
    }
    change->expires_at_us = us;
    return OK;
}

/* Names and patterns are shown on terminals. */
static bool keys_options_is_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) {
            return false;
        }
    }
    return text.len > 0 && text.len <= KEY_CHANGE_TEXT_BYTES_MAX && utf8_is_valid(text);
}

static enum verdict keys_options_namespace(struct key_change *change, const char *text,
                                           struct err *err)
{
    struct str pattern = str_view(text);

    if (!keys_options_is_text(pattern)) {
        return err_set(err, REJECT, "keys", "--namespace must be printable UTF-8, 1 to %d bytes",
                       KEY_CHANGE_TEXT_BYTES_MAX);
    }
    if (change->namespace_count == KEY_CHANGE_NAMESPACES_MAX) {
        return err_set(err, REJECT, "keys", "more than %d times --namespace",
                       KEY_CHANGE_NAMESPACES_MAX);
    }
    change->namespaces[change->namespace_count++] = pattern;
    return OK;
}

static enum verdict keys_options_flag(struct key_change *change, const char *name,
                                      const char *value, int64_t now_us, struct err *err)
{
    for (size_t i = 0; i < sizeof(limit_flags) / sizeof(limit_flags[0]); i++) {
        if (strcmp(limit_flags[i].name, name) == 0) {
            return keys_options_limit(change, &limit_flags[i], value, err);
        }
    }
    if (strcmp(name, "--expires") == 0) {
        return keys_options_expiry(change, value, now_us, err);
    }
    if (strcmp(name, "--namespace") == 0) {
        return keys_options_namespace(change, value, err);
    }
    return err_set(err, REJECT, "keys", "unknown flag %.32s; %s", name, usage);
}

/* A flag at argv[*index], as --name=value or --name and the next word. */
static enum verdict keys_options_valued(struct key_change *change, int argc, char **argv,
                                        int *index, int64_t now_us, struct err *err)
{
    const char *word = argv[*index];
    size_t len = strcspn(word, "=");
    char name[VALUE_BYTES];

    snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1), word);
    if (word[len] == '=') {
        return keys_options_flag(change, name, word + len + 1, now_us, err);
    }
    if (*index + 1 >= argc) {
        return err_set(err, REJECT, "keys", "%.32s: the value is missing", name);
    }
    return keys_options_flag(change, name, argv[++*index], now_us, err);
}

static enum verdict keys_options_check(const struct keys_options *options, const char *word,
                                       struct err *err)
{
    struct str text = str_view(word);

    if (options->action == KEYS_LIST) {
        return word ? err_set(err, REJECT, "keys", "list takes no further word") : OK;
    }
    if (!word) {
        return err_set(err, REJECT, "keys", "%s", usage);
    }
    if (options->action == KEYS_REVOKE) {
        return api_key_is_id(text)
                   ? OK
                   : err_set(err, REJECT, "keys",
                             "revoke takes the id of a key: 16 hex digits (never the key itself, "
                             "for command lines can be read by others)");
    }
    return keys_options_is_text(text)
               ? OK
               : err_set(err, REJECT, "keys", "NAME must be printable UTF-8, 1 to %d bytes",
                         KEY_CHANGE_TEXT_BYTES_MAX);
}

static enum verdict keys_options_action(const char *word, enum keys_action *out_action,
                                        struct err *err)
{
    static const char *const names[] = {
        [KEYS_ADD] = "add", [KEYS_LIST] = "list", [KEYS_REVOKE] = "revoke"};

    for (size_t i = 0; word && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(word, names[i]) == 0) {
            *out_action = (enum keys_action)i;
            return OK;
        }
    }
    return err_set(err, REJECT, "keys", "%s", usage);
}

enum verdict keys_options_read(int argc, char **argv, int64_t now_us,
                               struct keys_options *out_options, struct err *err)
{
    struct keys_options options = {.change.expires_at_us = KEY_CHANGE_NEVER};
    const char *name = NULL;
    enum verdict verdict = keys_options_action(argc > 0 ? argv[0] : NULL, &options.action, err);

    options.change.namespaces = calloc(KEY_CHANGE_NAMESPACES_MAX, sizeof(struct str));
    if (!options.change.namespaces) {
        return err_set(err, FATAL, "keys", "out of memory");
    }
    for (int i = 1; i < argc && verdict == OK; i++) {
        if (strcmp(argv[i], "--json") == 0 && options.action == KEYS_LIST) {
            options.is_json = true;
        } else if (argv[i][0] == '-' && options.action == KEYS_ADD) {
            verdict = keys_options_valued(&options.change, argc, argv, &i, now_us, err);
        } else if (argv[i][0] == '-' || name) {
            verdict = err_set(err, REJECT, "keys", "one word too many; %s", usage);
        } else {
            name = argv[i];
        }
    }
    if (verdict == OK) {
        verdict = keys_options_check(&options, name, err);
    }
    if (verdict == OK && options.change.burst > 0 && options.change.rate_per_s == 0) {
        verdict = err_set(err, REJECT, "keys", "--burst needs --rate");
    }
    if (verdict != OK) {
        keys_options_fini(&options);
        return verdict;
    }
    options.change.name = str_view(name);
    options.change.key_id = str_view(name);
    options.change.is_revoked = options.action == KEYS_REVOKE;
    *out_options = options;
    return OK;
}

void keys_options_fini(struct keys_options *options)
{
    free(options->change.namespaces);
    options->change.namespaces = NULL;
}
