#include "ingest/emit_http.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/emit_key.h"
#include "ingest/emit_slot.h"
#include "ingest/event_lines.h"
#include "ingest/http_reply.h"
#include "ingest/http_url.h"

#define ANSWER_TIMEOUT_S 15
#define TICK_US 5000
#define TICK_PACED_US 1000                /* with --rate */
#define HELD_BYTES_MAX ((size_t)64 << 20) /* events under way, all connections */
#define BATCH_BYTES_MAX ((size_t)4 << 20) /* no further event is added beyond */
#define REASON_BYTES 400

struct emit_http {
    struct emit_job *job;
    struct http_url url;
    char *key; /* of the API; empty: none */
    struct addrinfo *addresses;
    struct event_base *base;
    struct event *tick;
    struct connection *connections;
    int64_t start_us;
    int64_t answer_us; /* of the last answer that settled something */
    size_t held_bytes;
    uint64_t read_count;
    bool is_input_over;
    bool is_given_up;
    enum verdict verdict; /* of the input */
    struct err *err;
};

/* idle (no events) -> busy (request sent) -> idle, or -> waiting (back-off) -> busy */
struct connection {
    struct emit_http *http;
    struct emit_slot slot;
    struct bufferevent *bev; /* NULL: not connected */
    const struct addrinfo *address;
    bool is_busy;
    bool is_waiting;
    int64_t sent_us;
    int64_t first_sent_us; /* of the request, over all tries */
    int64_t resume_us;
};

static void emit_http_turn(struct connection *conn);

static void emit_http_close(struct connection *conn)
{
    if (conn->bev) {
        /* Free may come late; until then the output refers to the slot's text. */
        bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
        bufferevent_free(conn->bev);
        conn->bev = NULL;
    }
}

/* The request under way has no answer, or one that says later. */
static void emit_http_again(struct connection *conn, int retry_after_s, const char *reason)
{
    struct emit_http *http = conn->http;

    conn->is_busy = false;
    if (conn->slot.tries > http->job->options->retries) {
        /* Nothing was settled for as long as this one was tried: nobody is there. */
        http->is_given_up = http->is_given_up || http->answer_us < conn->first_sent_us;
        conn->slot.taken = http->is_given_up ? conn->slot.count : conn->slot.taken;
        emit_slot_give_up(&conn->slot, http->job->report, reason);
        conn->slot.tries = 0;
        return;
    }
    conn->is_waiting = true;
    conn->resume_us = timebase_mono_us() +
                      INT64_C(1000) * emit_options_backoff_ms(conn->slot.tries, retry_after_s);
}

static void emit_http_answered(struct connection *conn, const struct http_reply *reply)
{
    struct emit_http *http = conn->http;
    size_t taken = conn->slot.taken;
    char reason[REASON_BYTES];
    int64_t now_us = timebase_mono_us();
    bool was_one_by_one = conn->slot.is_one_by_one;

    conn->is_busy = false;
    if (reply->status >= 200 && reply->status < 300) {
        emit_report_latency(http->job->report, now_us - conn->sent_us);
    }
    size_t again = emit_slot_settle(&conn->slot, reply, http->job->report, reason, sizeof(reason));
    if (again < taken || conn->slot.is_one_by_one != was_one_by_one) {
        http->answer_us = now_us;
        conn->slot.tries = 0;
    } else {
        emit_http_again(conn, reply->retry_after_s, reason);
    }
}

/* Takes an answer out of the connection's input when a whole one is there. */
static void emit_http_read(struct connection *conn, bool is_eof)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    size_t len = evbuffer_get_length(input);
    struct http_reply reply;
    struct str text = {.ptr = (const char *)evbuffer_pullup(input, -1), .len = len};
    long taken = len > 0 ? http_reply_parse(text, is_eof, &reply) : 0;

    if (taken == 0 && !is_eof) {
        return;
    }
    if (taken <= 0) {
        emit_http_close(conn);
        emit_http_again(conn, 0, taken < 0 ? "no HTTP in the answer" : "connection closed");
        return;
    }
    /* An answer before the end of the request: the rest must not reach the server as a new one. */
    bool is_clean = evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0;
    emit_http_answered(conn, &reply);
    http_reply_fini(&reply);
    evbuffer_drain(input, (size_t)taken);
    if (!reply.keep_alive || is_eof || !is_clean || evbuffer_get_length(input) > 0) {
        emit_http_close(conn);
    }
}

static void emit_http_on_read(struct bufferevent *bev, void *arg)
{
    struct connection *conn = arg;

    (void)bev;
    if (!conn->is_busy) {
        emit_http_close(conn);
        return;
    }
    emit_http_read(conn, false);
    if (!conn->is_busy) {
        emit_http_turn(conn);
    }
}

static void emit_http_on_event(struct bufferevent *bev, short what, void *arg)
{
    struct connection *conn = arg;
    int code = errno;
    char reason[REASON_BYTES];

    (void)bev;
    if (what & BEV_EVENT_CONNECTED) {
        return;
    }
    if (!conn->is_busy) {
        emit_http_close(conn);
        return;
    }
    if (what & BEV_EVENT_EOF) {
        emit_http_read(conn, true);
        emit_http_turn(conn);
        return;
    }
    if (what & BEV_EVENT_TIMEOUT) {
        snprintf(reason, sizeof(reason), "no answer in %d s", ANSWER_TIMEOUT_S);
    } else {
        snprintf(reason, sizeof(reason), "%s: %s", conn->http->url.authority, strerror(code));
        /* A name can have several addresses, of which one listens. */
        conn->address = conn->address->ai_next ? conn->address->ai_next : conn->http->addresses;
    }
    emit_http_close(conn);
    emit_http_again(conn, 0, reason);
    emit_http_turn(conn);
}

static bool emit_http_connect(struct connection *conn)
{
    if (conn->bev) {
        return true;
    }
    conn->bev = bufferevent_socket_new(conn->http->base, -1,
                                       BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!conn->bev) {
        return false;
    }
    bufferevent_setcb(conn->bev, emit_http_on_read, NULL, emit_http_on_event, conn);
    if (bufferevent_enable(conn->bev, EV_READ | EV_WRITE) != 0 ||
        bufferevent_socket_connect(conn->bev, conn->address->ai_addr,
                                   (int)conn->address->ai_addrlen) != 0) {
        emit_http_close(conn);
        return false;
    }
    return true;
}

static void emit_http_send(struct connection *conn)
{
    const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
    const struct http_url *url = &conn->http->url;
    struct emit_slot *slot = &conn->slot;
    const char *key = conn->http->key;

    slot->taken = slot->is_one_by_one ? 1 : slot->count;
    slot->tries++;
    conn->is_busy = true;
    conn->sent_us = timebase_mono_us();
    if (slot->tries == 1) {
        conn->first_sent_us = conn->sent_us;
    }
    if (!emit_http_connect(conn)) {
        emit_http_again(conn, 0, "cannot connect");
        return;
    }
    bufferevent_set_timeouts(conn->bev, &timeout, &timeout); /* counted from now */
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    bool is_batch = slot->taken > 1;
    int wrong =
        evbuffer_add_printf(output,
                            "POST %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: metaops/%s\r\n"
                            "Content-Type: application/%s\r\nContent-Length: %zu\r\n%s%s%s\r\n",
                            url->path, is_batch ? "/batch" : "", url->authority, METAOPS_VERSION,
                            is_batch ? "x-ndjson" : "json", emit_slot_body_bytes(slot),
                            *key ? "Authorization: Bearer " : "", key, *key ? "\r\n" : "") < 0;
    for (size_t i = 0; i < slot->taken; i++) {
        const struct emit_event *event = &slot->events[i];
        wrong |= i > 0 && evbuffer_add(output, "\n", 1) != 0;
        wrong |=
            evbuffer_add_reference(output, slot->text + event->at, event->len, NULL, NULL) != 0;
    }
    if (wrong) {
        emit_http_close(conn);
        emit_http_again(conn, 0, "out of memory");
    }
}

/* Reads one more event into the slot. False when there is none now. */
static bool emit_http_load_one(struct emit_http *http, struct emit_slot *slot)
{
    struct emit_job *job = http->job;
    struct event_line line;
    int64_t due_us = emit_options_due_us(job->options, http->start_us, http->read_count);

    if (http->is_input_over || timebase_mono_us() < due_us) {
        return false;
    }
    enum verdict verdict = event_lines_next(job->lines, false, &line, http->err);
    if (verdict == RETRY) {
        return false;
    }
    if (verdict != OK || (!line.text.ptr && !line.is_too_long)) {
        http->is_input_over = true;
        http->verdict = verdict;
        return false;
    }
    struct emit_place place = {.file = line.file, .line = line.number};
    http->read_count++;
    if (line.is_too_long) {
        emit_report_refused(job->report, place, NULL, -1, "more than ingest.body_bytes_max bytes");
    } else if (emit_slot_add(slot, place, line.text, http->err) != OK) {
        http->is_input_over = true;
        http->verdict = FATAL;
        emit_report_unavailable(job->report, place, "out of memory");
    }
    return true;
}

static void emit_http_load(struct connection *conn)
{
    struct emit_http *http = conn->http;
    struct emit_slot *slot = &conn->slot;
    size_t batch = (size_t)http->job->options->batch;

    if (http->is_given_up || http->held_bytes > HELD_BYTES_MAX) {
        return;
    }
    emit_slot_reset(slot);
    while (slot->count < batch && slot->text_len < BATCH_BYTES_MAX &&
           emit_http_load_one(http, slot)) {
    }
    http->held_bytes += slot->text_len;
}

/* Whatever this connection can do now. */
static void emit_http_turn(struct connection *conn)
{
    struct emit_http *http = conn->http;

    if (conn->is_busy || (conn->is_waiting && timebase_mono_us() < conn->resume_us)) {
        return;
    }
    conn->is_waiting = false;
    if (conn->slot.count == 0) {
        http->held_bytes -= conn->slot.text_len;
        conn->slot.text_len = 0;
        emit_http_load(conn);
    }
    if (conn->slot.count > 0) {
        emit_http_send(conn);
    }
}

static void emit_http_on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct emit_http *http = arg;
    size_t open = 0;
    uint64_t done_bytes;
    uint64_t total_bytes;

    (void)fd;
    (void)what;
    for (int64_t i = 0; i < http->job->options->window; i++) {
        emit_http_turn(&http->connections[i]);
        open += http->connections[i].slot.count;
    }
    event_lines_progress(http->job->lines, &done_bytes, &total_bytes);
    emit_report_progress(http->job->report, done_bytes, total_bytes);
    if (open == 0 && (http->is_input_over || http->is_given_up)) {
        event_base_loopbreak(http->base);
    }
}

static enum verdict emit_http_start(struct emit_http *http, struct err *err)
{
    const struct emit_options *options = http->job->options;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const struct timeval tick = {.tv_usec = options->rate_per_s ? TICK_PACED_US : TICK_US};

    int code = getaddrinfo(http->url.host, http->url.port, &hints, &http->addresses);
    if (code != 0) {
        return err_set(err, FATAL, "emit", "%s: %s", http->url.authority, gai_strerror(code));
    }
    http->base = event_base_new();
    http->connections = calloc((size_t)options->window, sizeof(*http->connections));
    if (http->base) {
        http->tick = event_new(http->base, -1, EV_PERSIST, emit_http_on_tick, http);
    }
    if (!http->connections || !http->tick || event_add(http->tick, &tick) != 0) {
        return err_set(err, FATAL, "emit", "out of memory");
    }
    for (int64_t i = 0; i < options->window; i++) {
        struct connection *conn = &http->connections[i];
        conn->http = http;
        conn->address = http->addresses;
        conn->slot.events = calloc((size_t)options->batch, sizeof(*conn->slot.events));
        if (!conn->slot.events) {
            return err_set(err, FATAL, "emit", "out of memory");
        }
    }
    return OK;
}

static void emit_http_stop(struct emit_http *http)
{
    for (int64_t i = 0; http->connections && i < http->job->options->window; i++) {
        emit_http_close(&http->connections[i]);
        emit_slot_fini(&http->connections[i].slot);
    }
    free(http->connections);
    if (http->tick) {
        event_free(http->tick);
    }
    if (http->base) {
        event_base_free(http->base);
    }
    if (http->addresses) {
        freeaddrinfo(http->addresses);
    }
}

enum verdict emit_http_run(struct emit_job *job, struct err *err)
{
    struct emit_http http = {.job = job, .err = err};
    enum verdict verdict = http_url_parse(job->options->url, &http.url, err);
    if (verdict == OK && http.url.is_tls) {
        verdict = err_set(err, REJECT, "emit", "%s: only http is spoken here, not https",
                          job->options->url);
    }

    if (verdict != OK) {
        return verdict;
    }
    verdict = emit_key_read(&http.key, err);
    if (verdict == OK) {
        verdict = emit_http_start(&http, err);
    }
    if (verdict == OK) {
        http.start_us = timebase_mono_us();
        event_base_dispatch(http.base);
        verdict = http.verdict;
        if (verdict == OK && http.is_given_up) {
            verdict = err_set(err, RETRY, "emit", "%s does not take events; the rest was not sent",
                              http.url.authority);
        }
    }
    emit_http_stop(&http);
    emit_key_free(http.key);
    return verdict;
}
