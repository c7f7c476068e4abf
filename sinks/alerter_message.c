#include "alerter_message.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_escape.h"
#include "core/timebase.h"

#define TIME_BYTES 32
#define FAR_AWAY "2100-01-01T00:00:00Z"

/* A text that grows; memory that is short is remembered by the stream. */
struct text {
    FILE *out;
    char *bytes;
    size_t len;
};

static bool text_open(struct text *text)
{
    *text = (struct text){.out = NULL};
    text->out = open_memstream(&text->bytes, &text->len);
    return text->out != NULL;
}

static char *text_end(struct text *text)
{
    bool is_bad = ferror(text->out) != 0;
    is_bad = fclose(text->out) != 0 || is_bad;
    if (is_bad) {
        free(text->bytes);
        return NULL;
    }
    return text->bytes;
}

static void put_escaped(FILE *out, const char *value)
{
    char escaped[256 * JSON_ESCAPE_BYTES_MAX];
    size_t len = strlen(value);
    while (len > 0) {
        size_t part = len < 256 ? len : 256;
        /* Not through the middle of a character. */
        while (part < len && part > 1 && ((unsigned char)value[part] & 0xC0) == 0x80) {
            part--;
        }
        fwrite(escaped, 1, json_escape((struct str){value, part}, escaped), out);
        value += part;
        len -= part;
    }
}

/* ,"name":"value" unless value is NULL or, as Prometheus wants it of labels, empty. */
static void put_member(FILE *out, const char *name, const char *value)
{
    if (value && *value) {
        fprintf(out, ",\"%s\":\"", name);
        put_escaped(out, value);
        fputc('"', out);
    }
}

static void put_time(FILE *out, const char *name, int64_t us)
{
    char time[TIME_BYTES];
    timebase_format(us, time);
    put_member(out, name, time);
}

void alerter_message_key(const struct alerter_message *msg, char out[ALERTER_MESSAGE_KEY_BYTES])
{
    snprintf(out, ALERTER_MESSAGE_KEY_BYTES, "%" PRId64 "-%s", msg->outbox_id, msg->alert_id);
}

char *alerter_message_plain(const struct alerter_message *msg)
{
    return strdup(msg->alert);
}

char *alerter_message_cloud_event(const struct alerter_message *msg)
{
    struct text text;
    char key[ALERTER_MESSAGE_KEY_BYTES];
    if (!text_open(&text)) {
        return NULL;
    }
    alerter_message_key(msg, key);
    fprintf(text.out,
            "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/metaops/alerts\","
            "\"type\":\"metaops.alert.%s\"",
            key, msg->what);
    put_member(text.out, "subject", msg->alert_id);
    put_time(text.out, "time", msg->at_us);
    fprintf(text.out, ",\"datacontenttype\":\"application/json\",\"data\":%s}", msg->alert);
    return text_end(&text);
}

/* Slack's three marks as it wants them, in a JSON string. */
static void put_slack(FILE *out, const char *value)
{
    char one[2] = "";
    for (; *value; value++) {
        switch (*value) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        default:
            if ((unsigned char)*value >= 0x80) {
                fputc(*value, out); /* PostgreSQL's text is UTF-8 */
            } else {
                one[0] = *value;
                put_escaped(out, one);
            }
        }
    }
}

static void put_slack_line(FILE *out, const char *label, const char *value)
{
    if (value && *value) {
        fprintf(out, "\\n%s", label);
        put_slack(out, value);
    }
}

char *alerter_message_slack(const struct alerter_message *msg)
{
    struct text text;
    if (!text_open(&text)) {
        return NULL;
    }
    fprintf(text.out, "{\"text\":\"*%s* %s drift, %s: ", msg->severity, msg->kind, msg->what);
    put_slack(text.out, msg->title ? msg->title : "");
    put_slack_line(text.out, "namespace: ", msg->namespace_name);
    put_slack_line(text.out, "owners: ", msg->owners);
    put_slack_line(text.out, "run: ", msg->run_id);
    if (msg->downstream_count > 0) {
        fprintf(text.out, "\\nhit downstream: %d", msg->downstream_count);
    }
    fprintf(text.out, "\\n`metaops alerts show %s`\"}", msg->alert_id);
    return text_end(&text);
}

static bool has_ended(const struct alerter_message *msg)
{
    return strcmp(msg->what, "resolved") == 0 || strcmp(msg->what, "expected") == 0 ||
           strcmp(msg->what, "ignored") == 0;
}

static void put_alertmanager(FILE *out, const struct alerter_message *msg, const char *severity,
                             bool is_over)
{
    char count[16];
    fputs("{\"labels\":{\"alertname\":\"MetaopsDrift\"", out);
    put_member(out, "kind", msg->kind);
    put_member(out, "severity", severity);
    put_member(out, "namespace", msg->namespace_name);
    put_member(out, "name", msg->name);
    put_member(out, "field", msg->field);
    put_member(out, "alert_id", msg->alert_id);
    fputs("},\"annotations\":{\"show\":\"metaops alerts show ", out);
    fprintf(out, "%s\"", msg->alert_id);
    put_member(out, "summary", msg->title);
    put_member(out, "owners", msg->owners);
    put_member(out, "run_id", msg->run_id);
    snprintf(count, sizeof count, "%d", msg->downstream_count);
    put_member(out, "downstream", count);
    put_member(out, "detail", msg->detail);
    fputc('}', out);
    put_time(out, "startsAt", msg->opened_at_us);
    if (is_over) {
        put_time(out, "endsAt", msg->at_us);
    } else {
        put_member(out, "endsAt", FAR_AWAY);
    }
    fputc('}', out);
}

char *alerter_message_alertmanager(const struct alerter_message *msg)
{
    static const char *const severities[] = {"info", "warning", "critical"};
    struct text text;
    if (!text_open(&text)) {
        return NULL;
    }
    fputc('[', text.out);
    put_alertmanager(text.out, msg, msg->severity, has_ended(msg));
    if (strcmp(msg->what, "raised") == 0) {
        for (size_t i = 0; i < 3 && strcmp(severities[i], msg->severity) != 0; i++) {
            fputc(',', text.out);
            put_alertmanager(text.out, msg, severities[i], true);
        }
    }
    fputc(']', text.out);
    return text_end(&text);
}

char *alerter_message_line(const struct alerter_message *msg)
{
    struct text text;
    if (!text_open(&text)) {
        return NULL;
    }
    fprintf(text.out, "{\"what\":\"%s\",\"outbox_id\":%" PRId64, msg->what, msg->outbox_id);
    put_time(text.out, "at", msg->at_us);
    fprintf(text.out, ",\"alert\":%s}\n", msg->alert);
    return text_end(&text);
}
