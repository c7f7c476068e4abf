#include "ingest/emitter/emitter_config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/settings.h"
#include "core/settings_value.h"
#include "core/str.h"
#include "ingest/emitter/crc32c.h"

#define WHERE "emitter"
#define KEY_BYTES_MAX 64
#define PROPERTIES_MAX 64
#define API_KEY_BYTES_MAX 4096
#define KEY_ID_BYTES_MAX 19 /* mo_ and the id */
#define DEFAULT_URL "http://127.0.0.1:5000"
#define DEFAULT_ENDPOINT "api/v1/lineage"
#define DEFAULT_TOPIC "metaops.events"

enum config_key {
    KEY_API_KEY,
    KEY_API_KEY_FILE,
    KEY_BLOCK_MS_MAX,
    KEY_CA_FILE,
    KEY_CERTIFICATE_FILE,
    KEY_DISABLED,
    KEY_EMITTER,
    KEY_ENDPOINT,
    KEY_EVENT_BYTES_MAX,
    KEY_KEY_FILE,
    KEY_REDACT_ENVIRONMENT_ALLOW,
    KEY_REDACT_SQL_LITERALS,
    KEY_RETRY_MS_MAX,
    KEY_SPOOL,
    KEY_SPOOL_AGE_MAX_S,
    KEY_SPOOL_BYTES_MAX,
    KEY_SPOOL_FSYNC,
    KEY_TIMEOUT_MS,
    KEY_TO,
    KEY_COUNT
};

/* kind: SETTING_TEXT is taken as it is; numbers go to the field. */
struct config_row {
    const char *name;
    const char *others[2]; /* further names in the environment */
    enum setting_type type;
    int64_t def;
    int64_t min;
    int64_t max;
    size_t field;
};

#define FIELD(name) offsetof(struct emitter_config, name)
#define YEAR_S (INT64_C(366) * 86400)

static const struct config_row rows[KEY_COUNT] = {
    [KEY_API_KEY] = {.name = "api_key", .others = {"OPENLINEAGE_API_KEY"}, .type = SETTING_TEXT},
    [KEY_API_KEY_FILE] = {.name = "api_key_file", .type = SETTING_TEXT},
    [KEY_BLOCK_MS_MAX] = {.name = "block_ms_max",
                          .type = SETTING_INTEGER,
                          .def = 50,
                          .min = 1,
                          .max = 60000,
                          .field = FIELD(block_ms_max)},
    [KEY_CA_FILE] = {.name = "ca_file", .type = SETTING_TEXT},
    [KEY_CERTIFICATE_FILE] = {.name = "certificate_file", .type = SETTING_TEXT},
    [KEY_DISABLED] = {.name = "disabled", .others = {"OPENLINEAGE_DISABLED"}, .type = SETTING_TEXT},
    [KEY_EMITTER] = {.name = "emitter", .type = SETTING_TEXT},
    [KEY_ENDPOINT] = {.name = "endpoint", .others = {"OPENLINEAGE_ENDPOINT"}, .type = SETTING_TEXT},
    [KEY_EVENT_BYTES_MAX] = {.name = "event_bytes_max",
                             .type = SETTING_BYTES,
                             .def = INT64_C(32) << 20,
                             .min = 1024,
                             .max = INT64_C(32) << 20,
                             .field = FIELD(event_bytes_max)},
    [KEY_KEY_FILE] = {.name = "key_file", .type = SETTING_TEXT},
    [KEY_REDACT_ENVIRONMENT_ALLOW] = {.name = "redact_environment_allow",
                                      .others = {"METAOPS_REDACT_ENVIRONMENT_ALLOW"},
                                      .type = SETTING_TEXT},
    [KEY_REDACT_SQL_LITERALS] = {.name = "redact_sql_literals",
                                 .others = {"METAOPS_REDACT_SQL_LITERALS"},
                                 .type = SETTING_TEXT},
    [KEY_RETRY_MS_MAX] = {.name = "retry_ms_max",
                          .type = SETTING_INTEGER,
                          .def = 10000,
                          .min = 100,
                          .max = 600000,
                          .field = FIELD(retry_ms_max)},
    [KEY_SPOOL] = {.name = "spool", .type = SETTING_TEXT},
    [KEY_SPOOL_AGE_MAX_S] = {.name = "spool_age_max_s",
                             .type = SETTING_INTEGER,
                             .def = 7 * 86400,
                             .min = 1,
                             .max = YEAR_S,
                             .field = FIELD(spool_age_max_s)},
    [KEY_SPOOL_BYTES_MAX] = {.name = "spool_bytes_max",
                             .type = SETTING_BYTES,
                             .def = INT64_C(256) << 20,
                             .min = INT64_C(64) << 10,
                             .max = INT64_C(1) << 40,
                             .field = FIELD(spool_bytes_max)},
    [KEY_SPOOL_FSYNC] = {.name = "spool_fsync", .type = SETTING_TEXT},
    [KEY_TIMEOUT_MS] = {.name = "timeout_ms",
                        .type = SETTING_INTEGER,
                        .def = 5000,
                        .min = 100,
                        .max = 600000,
                        .field = FIELD(timeout_ms)},
    [KEY_TO] = {.name = "to",
                .others = {"OPENLINEAGE_URL", "METAOPS_GATEWAY_URL"},
                .type = SETTING_TEXT},
};

/* The texts given, before they are understood. */
struct config_texts {
    char *texts[KEY_COUNT];
};

static struct str emitter_config_trim(struct str text)
{
    while (text.len > 0 && isspace((unsigned char)text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && isspace((unsigned char)text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

static char *emitter_config_dup(struct str text)
{
    char *copy = malloc(text.len + 1);

    if (copy) {
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

/* Properties that would turn "delivered" into a guess. */
static const char *const refused_properties[] = {
    "acks", "request.required.acks", "enable.idempotence", "delivery.report.only.error"};

static enum verdict emitter_config_property(struct emitter_config *config, struct str name,
                                            struct str value, struct err *err)
{
    for (size_t i = 0; i < sizeof(refused_properties) / sizeof(refused_properties[0]); i++) {
        if (str_eq(name, str_view(refused_properties[i]))) {
            return err_set(
                err, REJECT, WHERE,
                "rdkafka.%s: events count as delivered only when all replicas have them; "
                "that cannot be changed",
                refused_properties[i]);
        }
    }
    if (config->property_count == PROPERTIES_MAX) {
        return err_set(err, REJECT, WHERE, "more than %d rdkafka properties", PROPERTIES_MAX);
    }
    if (!config->properties) {
        config->properties = calloc(PROPERTIES_MAX, sizeof(*config->properties));
    }
    if (!config->properties) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    struct emitter_property *property = &config->properties[config->property_count++];
    property->name = emitter_config_dup(name);
    property->value = emitter_config_dup(value);
    return property->name && property->value ? OK : err_set(err, RETRY, WHERE, "out of memory");
}

static enum verdict emitter_config_line(struct emitter_config *config, struct config_texts *texts,
                                        struct str line, struct err *err)
{
    const char *equals = line.len > 0 ? memchr(line.ptr, '=', line.len) : NULL;

    if (line.len == 0 || line.ptr[0] == '#') {
        return OK;
    }
    if (!equals) {
        return err_set(err, REJECT, WHERE, "a line without =; write key = value");
    }
    struct str name = {.ptr = line.ptr, .len = (size_t)(equals - line.ptr)};
    struct str value = {.ptr = equals + 1, .len = line.len - name.len - 1};
    name = emitter_config_trim(name);
    value = emitter_config_trim(value);
    if (name.len > 8 && memcmp(name.ptr, "rdkafka.", 8) == 0) {
        name.ptr += 8;
        name.len -= 8;
        return emitter_config_property(config, name, value, err);
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (str_eq(name, str_view(rows[i].name))) {
            free(texts->texts[i]);
            texts->texts[i] = emitter_config_dup(value);
            return texts->texts[i] ? OK : err_set(err, RETRY, WHERE, "out of memory");
        }
    }
    return err_set(err, REJECT, WHERE, "there is no key %.*s",
                   (int)(name.len < KEY_BYTES_MAX ? name.len : KEY_BYTES_MAX), name.ptr);
}

static enum verdict emitter_config_lines(struct emitter_config *config, struct config_texts *texts,
                                         const char *text, struct err *err)
{
    enum verdict verdict = OK;

    while (text && *text && verdict == OK) {
        size_t len = strcspn(text, "\n");
        struct str line = {.ptr = text, .len = len};
        verdict = emitter_config_line(config, texts, emitter_config_trim(line), err);
        text += len + (text[len] == '\n');
    }
    return verdict;
}

/* What the text leaves open comes from the environment. */
static enum verdict emitter_config_env(struct config_texts *texts, struct err *err)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        char name[KEY_BYTES_MAX] = "METAOPS_EMIT_";
        size_t at = strlen(name);
        for (const char *c = rows[i].name; *c; c++) {
            name[at++] = (char)toupper((unsigned char)*c);
        }
        name[at] = '\0';
        const char *names[] = {name, rows[i].others[0], rows[i].others[1]};
        for (size_t j = 0; j < 3 && !texts->texts[i]; j++) {
            const char *value = names[j] ? getenv(names[j]) : NULL;
            if (value && *value) {
                texts->texts[i] = emitter_config_dup(emitter_config_trim(str_view(value)));
                if (!texts->texts[i]) {
                    return err_set(err, RETRY, WHERE, "out of memory");
                }
            }
        }
    }
    return OK;
}

static enum verdict emitter_config_numbers(struct emitter_config *config,
                                           const struct config_texts *texts, struct err *err)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_row *row = &rows[i];
        int64_t number = row->def;
        if (row->type == SETTING_TEXT) {
            continue;
        }
        if (texts->texts[i] && (!settings_value_number(row->type, texts->texts[i], &number) ||
                                number < row->min || number > row->max)) {
            return err_set(err, REJECT, WHERE, "%s = %.32s: must be from %lld to %lld", row->name,
                           texts->texts[i], (long long)row->min, (long long)row->max);
        }
        *(int64_t *)((char *)config + row->field) = number;
    }
    return OK;
}

static enum verdict emitter_config_bool(const char *name, const char *text, bool *out_is_true,
                                        struct err *err)
{
    static const char *const yes[] = {"yes", "true", "1", "on"};
    static const char *const no[] = {"no", "false", "0", "off"};

    for (size_t i = 0; text && i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *out_is_true = true;
            return OK;
        }
        if (strcasecmp(text, no[i]) == 0) {
            *out_is_true = false;
            return OK;
        }
    }
    if (!text) {
        *out_is_true = false;
        return OK;
    }
    return err_set(err, REJECT, WHERE, "%s = %.32s: must be yes or no", name, text);
}

/* kafka://broker,broker/topic; text begins behind the scheme. */
static enum verdict emitter_config_kafka(struct emitter_config *config, const char *text,
                                         struct err *err)
{
    size_t len = strcspn(text, "/");
    const char *topic = text[len] == '/' && text[len + 1] ? text + len + 1 : DEFAULT_TOPIC;

    if (len == 0 || strchr(topic, '/')) {
        return err_set(err, REJECT, WHERE, "to: not of the form kafka://BROKER[,BROKER][/TOPIC]");
    }
    config->brokers = emitter_config_dup((struct str){.ptr = text, .len = len});
    config->topic = emitter_config_dup(str_view(topic));
    return config->brokers && config->topic ? OK : err_set(err, RETRY, WHERE, "out of memory");
}

static enum verdict emitter_config_url(struct emitter_config *config, const char *url,
                                       const char *endpoint, struct err *err)
{
    char whole[1024];

    config->is_tls = strncasecmp(url, "https://", 8) == 0;
    while (endpoint && *endpoint == '/') {
        endpoint++;
    }
    bool is_standard = !endpoint || strcmp(endpoint, DEFAULT_ENDPOINT) == 0;
    size_t len = strcspn(url, "?#");
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    int wanted = snprintf(whole, sizeof(whole), "%.*s%s%s", (int)len, url, is_standard ? "" : "/",
                          is_standard ? "" : endpoint);
    if (wanted >= (int)sizeof(whole)) {
        return err_set(err, REJECT, WHERE, "to: too long");
    }
    enum verdict verdict = http_url_parse(whole, &config->url, err);
    if (verdict != OK) {
        return verdict;
    }
    config->has_batches = is_standard;
    size_t endpoint_len = is_standard ? 0 : strlen(endpoint);
    if (!is_standard && !(endpoint_len > strlen("/" DEFAULT_ENDPOINT) &&
                          strcmp(endpoint + endpoint_len - strlen("/" DEFAULT_ENDPOINT),
                                 "/" DEFAULT_ENDPOINT) == 0)) {
        /* The parser adds the standard endpoint to every other path. */
        size_t path_len = strlen(config->url.path);
        config->url.path[path_len - strlen("/" DEFAULT_ENDPOINT)] = '\0';
    }
    return OK;
}

static enum verdict emitter_config_to(struct emitter_config *config,
                                      const struct config_texts *texts, struct err *err)
{
    const char *to = texts->texts[KEY_TO] ? texts->texts[KEY_TO] : DEFAULT_URL;

    if (strncasecmp(to, "kafka://", 8) == 0) {
        return emitter_config_kafka(config, to + 8, err);
    }
    return emitter_config_url(config, to, texts->texts[KEY_ENDPOINT], err);
}

bool emitter_config_is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c <= 0x20 || c >= 0x7F || c == ';' || c == ',') {
            return false;
        }
    }
    return name.len > 0 && name.len <= EMITTER_NAME_BYTES_MAX;
}

static enum verdict emitter_config_name(struct emitter_config *config, const char *name,
                                        struct err *err)
{
    if (name) {
        if (strlen(name) >= sizeof(config->emitter)) {
            return err_set(err, REJECT, WHERE, "emitter: more than %d characters",
                           EMITTER_NAME_BYTES_MAX);
        }
        snprintf(config->emitter, sizeof(config->emitter), "%s", name);
    } else {
        char host[65] = "";
        (void)gethostname(host, sizeof(host) - 1);
        snprintf(config->emitter, sizeof(config->emitter), "%s/%.60s", *host ? host : "localhost",
                 program_invocation_short_name);
    }
    for (char *c = config->emitter; *c; c++) {
        bool is_fit = emitter_config_is_name((struct str){.ptr = c, .len = 1});
        if (!is_fit && name) {
            return err_set(err, REJECT, WHERE, "emitter: visible ASCII without ; and , only");
        }
        *c = is_fit ? *c : '_';
    }
    return *config->emitter ? OK : err_set(err, REJECT, WHERE, "emitter: empty");
}

/* Tells destinations apart: what was meant for one must not be shipped to another, or with another
 * key. Of the key only what is public: its id, or the name of its file. */
static uint32_t emitter_config_destination(const struct config_texts *texts)
{
    const char *key = texts->texts[KEY_API_KEY];
    const char *key_file = texts->texts[KEY_API_KEY_FILE];
    struct str parts[] = {
        str_view(texts->texts[KEY_TO] ? texts->texts[KEY_TO] : DEFAULT_URL),
        str_view(texts->texts[KEY_ENDPOINT] ? texts->texts[KEY_ENDPOINT] : DEFAULT_ENDPOINT),
        str_view(key        ? ""
                 : key_file ? key_file
                            : ""),
        str_view(key ? "key" : ""),
    };
    uint32_t sum = 0;

    if (key && strncmp(key, "mo_", 3) == 0) {
        parts[3] = (struct str){.ptr = key, .len = 3 + strcspn(key + 3, "_")};
        parts[3].len = parts[3].len <= KEY_ID_BYTES_MAX ? parts[3].len : 3;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        sum = crc32c(sum, parts[i].ptr, parts[i].len);
        sum = crc32c(sum, "\n", 1);
    }
    return sum;
}

static enum verdict emitter_config_spool(struct emitter_config *config,
                                         const struct config_texts *texts, struct err *err)
{
    const char *spool = texts->texts[KEY_SPOOL];
    uint32_t destination = emitter_config_destination(texts);
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char path[4096];

    if (spool && strcmp(spool, "none") == 0) {
        return OK;
    }
    config->is_spool_named = spool != NULL;
    if (spool) {
        snprintf(path, sizeof(path), "%s", spool);
    } else if (state && *state == '/') {
        snprintf(path, sizeof(path), "%s/metaops/spool/%08x", state, destination);
    } else if (home && *home == '/' && home[1]) {
        snprintf(path, sizeof(path), "%s/.local/state/metaops/spool/%08x", home, destination);
    } else {
        snprintf(path, sizeof(path), "/var/spool/metaops/%08x", destination);
    }
    if (*path != '/') {
        return err_set(err, REJECT, WHERE, "spool: an absolute path, or none");
    }
    config->spool = emitter_config_dup(str_view(path));
    return config->spool ? OK : err_set(err, RETRY, WHERE, "out of memory");
}

static void emitter_config_take(struct config_texts *texts, enum config_key key, char **out_text)
{
    *out_text = texts->texts[key];
    texts->texts[key] = NULL;
}

/* The key goes into a header as it is. */
static bool emitter_config_is_clean(const char *key)
{
    if (strlen(key) >= API_KEY_BYTES_MAX) {
        return false;
    }
    for (; *key; key++) {
        if (*key <= 0x20 || *key >= 0x7F) {
            return false;
        }
    }
    return true;
}

static enum verdict emitter_config_fill(struct emitter_config *config, struct config_texts *texts,
                                        struct err *err)
{
    enum verdict verdict = emitter_config_numbers(config, texts, err);

    if (verdict == OK) {
        verdict =
            emitter_config_bool("disabled", texts->texts[KEY_DISABLED], &config->is_disabled, err);
    }
    if (verdict == OK) {
        verdict = emitter_config_bool("spool_fsync", texts->texts[KEY_SPOOL_FSYNC],
                                      &config->has_fsync, err);
    }
    if (verdict == OK) {
        verdict = emitter_config_bool("redact_sql_literals", texts->texts[KEY_REDACT_SQL_LITERALS],
                                      &config->is_masking_sql, err);
    }
    if (verdict == OK && !texts->texts[KEY_REDACT_ENVIRONMENT_ALLOW]) {
        texts->texts[KEY_REDACT_ENVIRONMENT_ALLOW] =
            emitter_config_dup(STR(SETTINGS_ENVIRONMENT_ALLOW));
    }
    if (verdict == OK) {
        verdict = emitter_config_to(config, texts, err);
    }
    if (verdict == OK) {
        verdict = emitter_config_name(config, texts->texts[KEY_EMITTER], err);
    }
    if (verdict == OK) {
        verdict = emitter_config_spool(config, texts, err);
    }
    if (verdict == OK && texts->texts[KEY_API_KEY] &&
        !emitter_config_is_clean(texts->texts[KEY_API_KEY])) {
        verdict = err_set(err, REJECT, WHERE, "api_key: visible ASCII only, at most %d characters",
                          API_KEY_BYTES_MAX - 1);
    }
    if (verdict == OK) {
        emitter_config_take(texts, KEY_API_KEY, &config->api_key);
        emitter_config_take(texts, KEY_API_KEY_FILE, &config->api_key_file);
        emitter_config_take(texts, KEY_CA_FILE, &config->ca_file);
        emitter_config_take(texts, KEY_CERTIFICATE_FILE, &config->certificate_file);
        emitter_config_take(texts, KEY_KEY_FILE, &config->key_file);
        emitter_config_take(texts, KEY_REDACT_ENVIRONMENT_ALLOW, &config->environment_allow);
        if (!config->environment_allow) {
            verdict = err_set(err, RETRY, WHERE, "out of memory");
        }
    }
    return verdict;
}

enum verdict emitter_config_read(const char *text, struct emitter_config *out_config,
                                 struct err *err)
{
    struct emitter_config config = {.brokers = NULL};
    struct config_texts texts = {.texts = {NULL}};
    enum verdict verdict = emitter_config_lines(&config, &texts, text, err);

    if (verdict == OK) {
        verdict = emitter_config_env(&texts, err);
    }
    if (verdict == OK) {
        verdict = emitter_config_fill(&config, &texts, err);
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        free(texts.texts[i]);
    }
    if (verdict != OK) {
        emitter_config_fini(&config);
        return verdict;
    }
    *out_config = config;
    return OK;
}

char *emitter_config_key(const struct emitter_config *config)
{
    char text[API_KEY_BYTES_MAX];

    if (config->api_key || !config->api_key_file) {
        return config->api_key ? emitter_config_dup(str_view(config->api_key)) : NULL;
    }
    /* Nobody's program waits for who would write into a pipe of that name. */
    int fd = open(config->api_key_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (len <= 0) {
        return NULL;
    }
    text[len] = '\0';
    size_t key_len = strcspn(text, "\r\n");
    text[key_len] = '\0';
    bool is_whole = key_len < sizeof(text) - 1; /* part of a key is none */
    char *key = *text && is_whole && emitter_config_is_clean(text)
                    ? emitter_config_dup(str_view(text))
                    : NULL;
    explicit_bzero(text, sizeof(text));
    return key;
}

void emitter_config_fini(struct emitter_config *config)
{
    char *const texts[] = {
        config->api_key,           config->api_key_file, config->ca_file, config->certificate_file,
        config->key_file,          config->brokers,      config->topic,   config->spool,
        config->environment_allow,
    };

    if (config->api_key) {
        explicit_bzero(config->api_key, strlen(config->api_key));
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(texts[i]);
    }
    for (size_t i = 0; i < config->property_count; i++) {
        free(config->properties[i].name);
        free(config->properties[i].value);
    }
    free(config->properties);
    *config = (struct emitter_config){.brokers = NULL};
}
