#include "schemas/refusal_report.h"

#include <inttypes.h>
#include <stdlib.h>

#define SOURCE "urn:metaops:gateway"
#define STATUS_MAX 999

static enum verdict read_entry(const struct json_doc *doc, const struct json_value *value,
                               struct arena *arena, struct refusal_entry *entry,
                               struct json_fault *fault, struct err *err)
{
    *entry = (struct refusal_entry){.key_id = STR(""), .reason = STR(""), .first_us = INT64_MIN};
    enum verdict verdict = cloud_event_text(doc, value, "keyId", arena, &entry->key_id, fault, err);

    if (verdict == OK) {
        verdict = cloud_event_text(doc, value, "reason", arena, &entry->reason, fault, err);
    }
    if (verdict == OK) {
        verdict = cloud_event_number(doc, value, "status", &entry->status, fault, err);
    }
    if (verdict == OK) {
        verdict = cloud_event_number(doc, value, "count", &entry->count, fault, err);
    }
    if (verdict == OK) {
        verdict = cloud_event_time(doc, value, "firstSeen", &entry->first_us, fault, err);
    }
    entry->last_us = entry->first_us;
    if (verdict == OK) {
        verdict = cloud_event_time(doc, value, "lastSeen", &entry->last_us, fault, err);
    }
    if (verdict == OK && (entry->key_id.len == 0 || entry->reason.len == 0 || entry->status == 0 ||
                          entry->status > STATUS_MAX || entry->first_us == INT64_MIN)) {
        return cloud_event_refuse(doc, value, "needs keyId, reason, status and firstSeen", fault,
                                  err);
    }
    return verdict;
}

enum verdict refusal_report_read(const struct json_doc *doc, const struct cloud_event *ce,
                                 struct arena *arena, struct refusal_report *out_report,
                                 struct json_fault *fault, struct err *err)
{
    const struct json_value *list = json_get(doc, ce->data, STR("refusals"));
    struct refusal_report report = {.gateway = STR("")};
    const struct json_value *each;

    if (!list || list->type != JSON_ARRAY || list->count > REFUSAL_REPORT_ENTRIES_MAX) {
        return cloud_event_refuse(doc, list ? list : json_root(doc),
                                  "refusals must be an array of at most 1000", fault, err);
    }
    enum verdict verdict =
        cloud_event_text(doc, ce->data, "gateway", arena, &report.gateway, fault, err);
    report.entries = arena_calloc(arena, list->count, sizeof(report.entries[0]));
    if (!report.entries) {
        return err_set(err, RETRY, "refusal_report", "the arena is full");
    }
    for (each = json_first(doc, list); verdict == OK && each; each = json_next(doc, list, each)) {
        verdict = read_entry(doc, each, arena, &report.entries[report.entry_count++], fault, err);
    }
    if (verdict == OK) {
        *out_report = report;
    }
    return verdict;
}

static void write_entry(FILE *out, const struct refusal_entry *entry)
{
    fputs("{\"keyId\":", out);
    cloud_event_write_text(out, entry->key_id);
    fprintf(out, ",\"status\":%" PRId64 ",\"reason\":", entry->status);
    cloud_event_write_text(out, entry->reason);
    fprintf(out, ",\"count\":%" PRId64 ",\"firstSeen\":", entry->count);
    cloud_event_write_time(out, entry->first_us);
    fputs(",\"lastSeen\":", out);
    cloud_event_write_time(out, entry->last_us);
    fputc('}', out);
}

struct str refusal_report_write(const struct refusal_report *report, int64_t now_us)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) {
        return (struct str){NULL, 0};
    }
    cloud_event_begin(out, REFUSAL_REPORT_TYPE, SOURCE, (struct str){NULL, 0}, now_us);
    fputs("{\"gateway\":", out);
    cloud_event_write_text(out, report->gateway);
    fputs(",\"refusals\":[", out);
    for (uint32_t i = 0; i < report->entry_count; i++) {
        fputs(i ? "," : "", out);
        write_entry(out, &report->entries[i]);
    }
    fputs("]}}", out);
    bool has_failed = ferror(out) != 0;
    if (fclose(out) != 0 || has_failed) {
        free(text);
        return (struct str){NULL, 0};
    }
    return (struct str){text, len};
}
