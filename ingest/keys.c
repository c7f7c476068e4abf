#include "ingest/keys.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/exit_code.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/keys_options.h"
#include "ingest/keys_topic.h"

#define READ_TIMEOUT_MS 15000
#define WHO_BYTES 512
#define TIME_BYTES 32

/* user@host, behind sudo "ada as root@host": as far as the system knows. */
static void keys_who(char *out, size_t size)
{
    const struct passwd *user = getpwuid(geteuid());
    const char *behind = getenv("SUDO_USER");
    char host[256] = "";

    (void)!gethostname(host, sizeof(host) - 1);
    bool is_sudo = behind && *behind && geteuid() == 0;
    snprintf(out, size, "%.64s%s%.64s@%s", is_sudo ? behind : "", is_sudo ? " as " : "",
             user ? user->pw_name : "unknown", host);
    for (char *c = out; *c; c++) {
        *c = *c > 0x20 || *c == ' ' ? *c : '?';
    }
}

static const char *keys_time(int64_t us, char *out)
{
    if (us == KEY_CHANGE_NEVER) {
        return "never";
    }
    timebase_format(us, out);
    snprintf(out + strlen("2027-01-31T18:00:00"), 2, "Z");
    return out;
}

static const char *keys_state(const struct keys_entry *entry, int64_t now_us)
{
    if (entry->is_revoked) {
        return "revoked";
    }
    return entry->expires_at_us <= now_us ? "expired" : "active";
}

static void keys_print_limit(FILE *out, const char *name, int64_t limit, const char *unit)
{
    if (limit > 0) {
        fprintf(out, ", %s %" PRId64 "%s", name, limit, unit);
    }
}

/* What was made, for people; the key itself goes to standard output alone. */
static void keys_describe(const struct key_change *change)
{
    char expires[TIME_BYTES];

    fprintf(stderr, "key %.*s of %.*s: ", (int)change->key_id.len, change->key_id.ptr,
            (int)change->name.len, change->name.ptr);
    fputs(change->namespace_count ? "namespaces" : "every namespace", stderr);
    for (uint32_t i = 0; i < change->namespace_count; i++) {
        fprintf(stderr, "%s %.*s", i ? "," : "", (int)change->namespaces[i].len,
                change->namespaces[i].ptr);
    }
    fprintf(stderr, ", expires %s", keys_time(change->expires_at_us, expires));
    keys_print_limit(stderr, "rate", change->rate_per_s, "/s");
    keys_print_limit(stderr, "burst", change->burst, "");
    keys_print_limit(stderr, "events", change->events_per_day, "/day");
    keys_print_limit(stderr, "bytes", change->bytes_per_day, "/day");
    fputs("\nkeep it now: it is shown only this once\n", stderr);
}

static enum verdict keys_add(const struct settings *st, struct key_change *change, struct err *err)
{
    char text[API_KEY_CHARS + 1];
    struct keys_list list = {0};
    enum verdict verdict = keys_topic_read(st, READ_TIMEOUT_MS, &list, err);
    size_t count = list.count;

    keys_topic_fini(&list);
    if (verdict == OK && count >= (size_t)st->ingest.keys_max) {
        verdict =
            err_set(err, REJECT, "keys", "there are %zu keys already: ingest.keys_max", count);
    }
    if (verdict == OK) {
        verdict = api_key_make(text, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    (void)api_key_parse(str_view(text), &change->key_id);
    change->hash = api_key_digest(str_view(text));
    verdict = keys_topic_write(st, change, err);
    if (verdict == OK) {
        puts(text);
        keys_describe(change);
    }
    OPENSSL_cleanse(text, sizeof(text));
    return verdict;
}

static enum verdict keys_revoke(const struct settings *st, const struct key_change *change,
                                struct err *err)
{
    struct keys_list list = {0};
    enum verdict verdict = keys_topic_read(st, READ_TIMEOUT_MS, &list, err);
    const struct keys_entry *entry = keys_topic_find(&list, change->key_id);
    char when[TIME_BYTES];

    if (verdict == OK && !entry) {
        verdict = err_set(err, REJECT, "keys", "there is no key %.*s; metaops keys list shows all",
                          (int)change->key_id.len, change->key_id.ptr);
    } else if (verdict == OK && entry->is_revoked) {
        printf("key %s was revoked already, %s by %s\n", entry->id,
               keys_time(entry->revoked_at_us, when), entry->revoked_by);
    } else if (verdict == OK) {
        verdict = keys_topic_write(st, change, err);
        if (verdict == OK) {
            printf("key %s of %s is revoked\n", entry->id, entry->name);
        }
    }
    keys_topic_fini(&list);
    return verdict;
}

static void keys_print_json(const struct keys_entry *entry, int64_t now_us)
{
    fprintf(stdout, "{\"id\":\"%s\",\"state\":\"%s\",\"name\":", entry->id,
            keys_state(entry, now_us));
    cloud_event_write_text(stdout, str_view(entry->name));
    fputs(",\"namespaces\":[", stdout);
    for (uint32_t i = 0; i < entry->namespace_count; i++) {
        fputs(i ? "," : "", stdout);
        cloud_event_write_text(stdout, str_view(entry->namespaces[i]));
    }
    fputs("],\"createdAt\":", stdout);
    cloud_event_write_time(stdout, entry->at_us);
    fputs(",\"createdBy\":", stdout);
    cloud_event_write_text(stdout, str_view(entry->by));
    if (entry->expires_at_us != KEY_CHANGE_NEVER) {
        fputs(",\"expiresAt\":", stdout);
        cloud_event_write_time(stdout, entry->expires_at_us);
    }
    if (entry->is_revoked) {
        fputs(",\"revokedAt\":", stdout);
        cloud_event_write_time(stdout, entry->revoked_at_us);
        fputs(",\"revokedBy\":", stdout);
        cloud_event_write_text(stdout, str_view(entry->revoked_by));
    }
    fprintf(stdout,
            ",\"ratePerSecond\":%" PRId64 ",\"burst\":%" PRId64 ",\"eventsPerDay\":%" PRId64
            ",\"bytesPerDay\":%" PRId64 "}\n",
            entry->rate_per_s, entry->burst, entry->events_per_day, entry->bytes_per_day);
}

static void keys_print_row(const struct keys_entry *entry, int64_t now_us)
{
    char created[TIME_BYTES];
    char expires[TIME_BYTES];

    printf("%-16s  %-7s  %-20s  %-20s  %-20s  ", entry->id, keys_state(entry, now_us),
           entry->name ? entry->name : "?", keys_time(entry->at_us, created),
           keys_time(entry->expires_at_us, expires));
    for (uint32_t i = 0; i < entry->namespace_count; i++) {
        printf("%s%s", i ? ", " : "", entry->namespaces[i]);
    }
    fputs(entry->namespace_count ? "" : "*", stdout);
    keys_print_limit(stdout, "rate", entry->rate_per_s, "/s");
    keys_print_limit(stdout, "burst", entry->burst, "");
    keys_print_limit(stdout, "events", entry->events_per_day, "/day");
    keys_print_limit(stdout, "bytes", entry->bytes_per_day, "/day");
    putchar('\n');
}

static enum verdict keys_list(const struct settings *st, bool is_json, struct err *err)
{
    int64_t now_us = timebase_wall_us();
    struct keys_list list = {0};
    enum verdict verdict = keys_topic_read(st, READ_TIMEOUT_MS, &list, err);

    if (verdict != OK) {
        return verdict;
    }
    if (!is_json) {
        printf("%-16s  %-7s  %-20s  %-20s  %-20s  %s\n", "id", "state", "name", "created",
               "expires", "namespaces and limits");
    }
    for (size_t i = 0; i < list.count; i++) {
        if (is_json) {
            keys_print_json(&list.items[i], now_us);
        } else {
            keys_print_row(&list.items[i], now_us);
        }
    }
    keys_topic_fini(&list);
    return OK;
}

int keys_run(const struct settings *st, int argc, char **argv)
{
    int64_t now_us = timebase_wall_us();
    struct keys_options options;
    char who[WHO_BYTES];
    struct err err = {.text = ""};

    if (keys_options_read(argc, argv, now_us, &options, &err) != OK) {
        fprintf(stderr, "metaops keys: %s\n", err.text);
        return err.verdict == REJECT ? EXIT_CODE_USAGE : EXIT_CODE_FAILED;
    }
    keys_who(who, sizeof(who));
    options.change.by = str_view(who);
    options.change.at_us = now_us;
    enum verdict verdict = options.action == KEYS_ADD      ? keys_add(st, &options.change, &err)
                           : options.action == KEYS_REVOKE ? keys_revoke(st, &options.change, &err)
                                                           : keys_list(st, options.is_json, &err);
    keys_options_fini(&options);
    if (verdict != OK) {
        fprintf(stderr, "metaops keys: %s\n", err.text);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}
