/* ship_http.c - batches to a gateway by HTTP or HTTPS, one request at a time on one connection.
 *
 * A batch goes to the endpoint's own for batches; where there is none (another server, an endpoint
 * of its own), and for what a server refuses as a whole, each event goes alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/json.h"
#include "core/timebase.h"
#include "ingest/emitter/net_stream.h"
#include "ingest/emitter/ship.h"
#include "ingest/http_reply.h"

/* The window, and so the rate at a given delay; and memory. */
#define BATCH_BYTES ((size_t)768 << 10)
#define WHERE "gateway"
#define HEAD_BYTES_MAX 8192
#define REPLY_BYTES_MIN 4096
#define KEEP_BYTES ((size_t)1 << 20)
#define REPLY_DEPTH_MAX 16
#define REPLY_VALUES_MAX 100000

struct ship_http {
    const struct emitter_config *config;
    struct fd_book *book;
    struct net_tls *tls;
    struct net_stream *stream; /* NULL: not connected */
    char *key;
    bool has_batches;
    bool is_batch_missing; /* 404 or 405 for a batch, and no event alone has got through since */
    char *request;
    size_t request_size;
    char *reply;
    size_t reply_size;
};

enum result { ACCEPTED, AGAIN, REFUSED };

/* Refused for good is only what speaks of the event; a wrong URL, a proxy, a key that is not known
 * yet do not. A 403 speaks of the event's namespace, but of somebody else's event perhaps only of the
 * key, which was not meant for it. */
static enum result ship_http_result(int64_t status, bool is_adopted)
{
    if (status >= 200 && status < 300) {
        return ACCEPTED;
    }
    bool is_refused = status == 400 || status == 413 || status == 422;
    return is_refused || (status == 403 && !is_adopted) ? REFUSED : AGAIN;
}

static enum verdict ship_http_open(const struct emitter_config *config, struct fd_book *book,
                                   void **out_state, struct err *err)
{
    struct ship_http *http = calloc(1, sizeof(*http));

    if (!http) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    http->config = config;
    http->book = book;
    http->has_batches = config->has_batches;
    if (config->is_tls) {
        enum verdict verdict = net_tls_new(config->ca_file, config->certificate_file,
                                           config->key_file, &http->tls, err);
        if (verdict != OK) {
            free(http);
            return RETRY;
        }
    }
    http->key = emitter_config_key(config);
    *out_state = http;
    return OK;
}

static bool ship_http_reserve(char **buffer, size_t *size, size_t wanted)
{
    if (wanted <= *size) {
        return true;
    }
    char *fresh = realloc(*buffer, wanted);
    if (!fresh) {
        return false;
    }
    *buffer = fresh;
    *size = wanted;
    return true;
}

/* Head and body of a request for the events from..from+count-1. The bytes, or 0 with the reason. */
static size_t ship_http_compose(struct ship_http *http, const struct spool_batch *batch,
                                size_t from, size_t count, bool has_gap, struct err *err)
{
    const struct http_url *url = &http->config->url;
    bool is_batch = count > 1;
    size_t body_bytes = is_batch ? count + 1 : 0; /* brackets and commas */
    char gap[128] = "";

    for (size_t i = from; i < from + count; i++) {
        body_bytes += batch->records[i].event.len;
    }
    if (!ship_http_reserve(&http->request, &http->request_size, HEAD_BYTES_MAX + body_bytes)) {
        (void)err_set(err, RETRY, WHERE, "out of memory");
        return 0;
    }
    if (has_gap) {
        snprintf(gap, sizeof(gap), "MetaOps-Gap: %" PRIu64 "-%" PRIu64 "; reason=%s\r\n",
                 batch->gap.from, batch->gap.to, spool_set_reason(batch->gap.reason));
    }
    int len = snprintf(http->request, HEAD_BYTES_MAX,
                       "POST %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: metaops-emit/" METAOPS_VERSION
                       "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s%s%s"
                       "MetaOps-Emitter: %s; epoch=%" PRId64 "; seq=%" PRIu64 "\r\n%s\r\n",
                       url->path, is_batch ? "/batch" : "", url->authority, body_bytes,
                       http->key ? "Authorization: Bearer " : "", http->key ? http->key : "",
                       http->key ? "\r\n" : "", batch->identity.emitter, batch->identity.epoch,
                       batch->records[from].sequence, gap);
    if (len < 0 || len >= HEAD_BYTES_MAX) {
        (void)err_set(err, RETRY, WHERE, "the head is longer than %d bytes", HEAD_BYTES_MAX);
        return 0;
    }
    char *at = http->request + len;
    for (size_t i = from; i < from + count; i++) {
        if (is_batch) {
            *at++ = i == from ? '[' : ',';
        }
        memcpy(at, batch->records[i].event.ptr, batch->records[i].event.len);
        at += batch->records[i].event.len;
    }
    if (is_batch) {
        *at++ = ']';
    }
    return (size_t)(at - http->request);
}

static enum verdict ship_http_receive(struct ship_http *http, const struct net_wait *wait,
                                      struct http_reply *out_reply, struct err *err)
{
    size_t len = 0;
    size_t got = 1;

    for (;;) {
        if (!ship_http_reserve(&http->reply, &http->reply_size,
                               (len < REPLY_BYTES_MIN ? REPLY_BYTES_MIN : 2 * len) +
                                   JSON_PADDING_BYTES)) {
            return err_set(err, RETRY, WHERE, "out of memory");
        }
        enum verdict verdict =
            net_stream_receive(http->stream, http->reply + len,
                               http->reply_size - len - JSON_PADDING_BYTES, wait, &got, err);
        if (verdict != OK) {
            return verdict;
        }
        len += got;
        struct str text = {.ptr = http->reply, .len = len};
        long taken = http_reply_parse(text, got == 0, out_reply);
        if (taken > 0) {
            out_reply->keep_alive = out_reply->keep_alive && (size_t)taken == len;
            return OK;
        }
        if (taken < 0 || got == 0) {
            return err_set(err, RETRY, WHERE, "%s",
                           len == 0 ? "closed without an answer" : "an answer that is no HTTP");
        }
    }
}

static enum verdict ship_http_exchange(struct ship_http *http, size_t len,
                                       const struct net_wait *wait, struct http_reply *out_reply,
                                       struct err *err)
{
    const struct http_url *url = &http->config->url;
    enum verdict verdict = OK;

    if (http->stream && !net_stream_is_usable(http->stream)) {
        net_stream_close(http->stream);
        http->stream = NULL;
    }
    if (!http->stream) {
        verdict =
            net_stream_open(url->host, url->port, http->tls, http->book, wait, &http->stream, err);
    }
    if (verdict == OK) {
        verdict = net_stream_send(http->stream, http->request, len, wait, err);
    }
    if (verdict == OK) {
        verdict = ship_http_receive(http, wait, out_reply, err);
    }
    if (verdict != OK || !out_reply->keep_alive) {
        net_stream_close(http->stream);
        http->stream = NULL;
    }
    if (verdict != OK) {
        err_wrap(err, "%s", url->authority);
    }
    return verdict;
}

static int64_t ship_http_number(const struct json_doc *doc, const struct json_value *object,
                                struct str key)
{
    const struct json_value *value = json_get(doc, object, key);
    char digits[20];

    if (!value || value->type != JSON_NUMBER || value->len >= sizeof(digits)) {
        return -1;
    }
    memcpy(digits, json_raw(doc, value).ptr, value->len);
    digits[value->len] = '\0';
    return strtoll(digits, NULL, 10);
}

/* The events of a batch that not all were accepted, by the answer's list of results. */
static void ship_http_settle_list(const struct http_reply *reply, size_t count, bool is_adopted,
                                  struct ship_outcome *outcome)
{
    struct json_doc *doc = json_doc_new(REPLY_DEPTH_MAX, REPLY_VALUES_MAX);
    char *text = calloc(1, reply->body.len + JSON_PADDING_BYTES);
    const struct json_value *results = NULL;

    if (doc && text) {
        memcpy(text, reply->body.ptr, reply->body.len);
        struct str body = {.ptr = text, .len = reply->body.len};
        if (json_parse(doc, body, NULL, NULL) == OK) {
            results = json_get(doc, json_root(doc), STR("results"));
        }
    }
    const struct json_value *result = results ? json_first(doc, results) : NULL;
    for (size_t i = 0; i < count && result; i++) {
        enum result what =
            ship_http_result(ship_http_number(doc, result, STR("status")), is_adopted);
        if (what == AGAIN || ship_http_number(doc, result, STR("index")) != (int64_t)i) {
            break;
        }
        outcome->is_refused[outcome->done++] = what == REFUSED;
        outcome->is_gap_reported = outcome->is_gap_reported || what == ACCEPTED;
        result = json_next(doc, results, result);
    }
    json_doc_free(doc);
    free(text);
}

/* What a status says of the whole request; out_split: each of its events is to be sent alone. */
static void ship_http_settle(struct ship_http *http, const struct http_reply *reply,
                             bool is_adopted, size_t count, struct ship_outcome *outcome,
                             bool *out_split)
{
    enum result result = ship_http_result(reply->status, is_adopted);
    bool is_batch = count > 1;

    if (is_batch && (reply->status == 404 || reply->status == 405)) {
        http->is_batch_missing = true; /* or all of it: the next event alone will tell */
        *out_split = true;
    } else if (is_batch && result == REFUSED) {
        *out_split = true; /* so that the good ones do not share the fate of a bad one */
    } else if (is_batch && result == ACCEPTED && reply->status != 201) {
        ship_http_settle_list(reply, count, is_adopted, outcome);
    } else if (result == ACCEPTED) {
        outcome->done += count;
        outcome->is_gap_reported = true;
        http->has_batches = http->has_batches && (is_batch || !http->is_batch_missing);
    } else if (result == REFUSED) {
        outcome->is_refused[outcome->done++] = 1;
    }
}

static enum verdict ship_http_fail(struct ship_http *http, const struct http_reply *reply,
                                   struct err *err)
{
    struct str body = reply->body;

    if (reply->status == 401) {
        free(http->key);
        http->key = emitter_config_key(http->config); /* it may have been changed */
    }
    return err_set(err, RETRY, WHERE, "%s: HTTP status %d%s%.*s", http->config->url.authority,
                   reply->status, body.len > 0 ? ": " : "", body.len < 120 ? (int)body.len : 120,
                   body.len > 0 ? body.ptr : "");
}

/* One request for events from..from+count-1. OK: each has a result, or is to be sent alone. */
static enum verdict ship_http_post(struct ship_http *http, const struct spool_batch *batch,
                                   size_t from, size_t count, const struct net_wait *wait,
                                   struct ship_outcome *outcome, bool *out_one_by_one,
                                   struct err *err)
{
    struct http_reply reply = {.status = 0};
    bool has_gap = batch->gap.reason && !outcome->is_gap_reported;
    size_t len = ship_http_compose(http, batch, from, count, has_gap, err);

    if (len == 0) {
        return RETRY;
    }
    enum verdict verdict = ship_http_exchange(http, len, wait, &reply, err);
    if (verdict != OK) {
        return verdict;
    }
    size_t done = outcome->done;
    bool is_split = false;
    ship_http_settle(http, &reply, batch->is_adopted, count, outcome, &is_split);
    *out_one_by_one = *out_one_by_one || is_split;
    if (outcome->done < done + count && !is_split) {
        outcome->retry_after_s = reply.retry_after_s;
        verdict = ship_http_fail(http, &reply, err);
    }
    http_reply_fini(&reply);
    return verdict;
}

static enum verdict ship_http_send(void *state, const struct spool_batch *batch,
                                   bool (*is_over)(const void *arg), const void *arg,
                                   struct ship_outcome *outcome, struct err *err)
{
    struct ship_http *http = state;
    bool is_one_by_one = !http->has_batches;
    enum verdict verdict = OK;

    http->is_batch_missing = false;
    while (outcome->done < batch->count && verdict == OK) {
        size_t count = is_one_by_one ? 1 : batch->count - outcome->done;
        struct net_wait wait = {
            .deadline_us = timebase_mono_us() + 1000 * http->config->timeout_ms,
            .is_over = is_over,
            .arg = arg,
        };
        verdict =
            ship_http_post(http, batch, outcome->done, count, &wait, outcome, &is_one_by_one, err);
    }
    if (http->request_size > KEEP_BYTES) {
        free(http->request);
        http->request = NULL;
        http->request_size = 0;
    }
    return verdict;
}

static void ship_http_close(void *state)
{
    struct ship_http *http = state;

    net_stream_close(http->stream);
    net_tls_free(http->tls);
    if (http->key) {
        explicit_bzero(http->key, strlen(http->key));
    }
    free(http->key);
    free(http->request);
    free(http->reply);
    free(http);
}

const struct ship_backend ship_http_backend = {
    .batch_bytes = BATCH_BYTES,
    .open = ship_http_open,
    .send = ship_http_send,
    .close = ship_http_close,
};
