#include "alerter_send.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerter_kafka.h"
#include "alerter_message.h"
#include "alerter_sign.h"
#include "core/http_multi.h"
#include "core/settings.h"
#include "core/timebase.h"

#define WHERE "alerter"
#define HEADER_BYTES 160
#define RETRY_AFTER_S_MAX 86400

struct alerter_send {
    const struct settings *st;
    alerter_send_ended on_ended;
    void *arg;
    struct http_multi *multi;
    struct alerter_kafka *kafka; /* NULL: not needed yet */
    struct delivery *deliveries;
    int count;
};

struct delivery {
    struct delivery *next;
    struct alerter_send *send;
    struct alerter_routes *routes; /* which keep the receiver */
    struct alerter_receiver *receiver;
    int64_t outbox_id;
    int attempt;
    int64_t at_us;
    char *body;
};

static void delivery_free(struct delivery *dl)
{
    if (dl) {
        dl->receiver->in_flight--;
        alerter_routes_drop(dl->routes);
        free(dl->body);
        free(dl);
    }
}

static void unlink_delivery(struct delivery *dl)
{
    struct delivery **link = &dl->send->deliveries;
    while (*link != dl) {
        link = &(*link)->next;
    }
    *link = dl->next;
    dl->send->count--;
}

static void delivery_end(struct delivery *dl, enum verdict verdict, long retry_after_s,
                         const char *reason)
{
    struct alerter_send *send = dl->send;
    long wait_s = retry_after_s < RETRY_AFTER_S_MAX ? retry_after_s : RETRY_AFTER_S_MAX;
    struct alerter_outcome outcome = {.outbox_id = dl->outbox_id,
                                      .attempt = dl->attempt,
                                      .at_us = dl->at_us,
                                      .receiver = dl->receiver->name,
                                      .verdict = verdict,
                                      .retry_after_ms = 1000 * wait_s,
                                      .reason = reason};

    unlink_delivery(dl);
    send->on_ended(send->arg, &outcome);
    delivery_free(dl);
}

static void on_record(void *request_arg, enum verdict verdict, const char *reason)
{
    delivery_end(request_arg, verdict, 0, reason);
}

static void on_answer(void *request_arg, const struct http_multi_answer *answer)
{
    delivery_end(request_arg, answer->verdict, answer->retry_after_s, answer->text);
}

enum verdict alerter_send_open(const struct settings *st, alerter_send_ended on_ended, void *arg,
                               struct alerter_send **out_send, struct err *err)
{
    struct alerter_send *send = calloc(1, sizeof *send);
    if (!send) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    send->st = st;
    send->on_ended = on_ended;
    send->arg = arg;
    enum verdict verdict = http_multi_open(on_answer, &send->multi, err);
    if (verdict != OK) {
        free(send);
        return verdict;
    }
    *out_send = send;
    return OK;
}

static struct delivery *delivery_new(struct alerter_send *send, struct alerter_routes *routes,
                                     struct alerter_receiver *receiver,
                                     const struct alerter_claim *claim)
{
    struct delivery *dl = calloc(1, sizeof *dl);
    if (dl) {
        *dl = (struct delivery){.next = send->deliveries,
                                .send = send,
                                .routes = alerter_routes_use(routes),
                                .receiver = receiver,
                                .outbox_id = claim->msg.outbox_id,
                                .attempt = claim->attempt,
                                .at_us = claim->msg.at_us};
        receiver->in_flight++;
        send->deliveries = dl;
        send->count++;
    }
    return dl;
}

static char *body_of(enum alerter_type type, const struct alerter_message *msg)
{
    switch (type) {
    case ALERTER_CLOUDEVENTS:
        return alerter_message_cloud_event(msg);
    case ALERTER_SLACK:
        return alerter_message_slack(msg);
    case ALERTER_ALERTMANAGER:
        return alerter_message_alertmanager(msg);
    default:
        return alerter_message_plain(msg);
    }
}

/* The headers of one request. */
struct headers {
    char lines[5][HEADER_BYTES];
    char signature[ALERTER_SIGN_BYTES + HEADER_BYTES];
    const char *list[8];
};

static enum verdict fill_headers(struct headers *hd, const struct delivery *dl,
                                 const struct alerter_message *msg, struct err *err)
{
    char key[ALERTER_MESSAGE_KEY_BYTES];
    char signature[ALERTER_SIGN_BYTES];
    int64_t now_s = timebase_wall_us() / 1000000;
    size_t count = 0;

    alerter_message_key(msg, key);
    hd->list[count++] = dl->receiver->type == ALERTER_CLOUDEVENTS
                            ? "Content-Type: application/cloudevents+json; charset=UTF-8"
                            : "Content-Type: application/json";
    snprintf(hd->lines[0], HEADER_BYTES, "Idempotency-Key: %s", key);
    snprintf(hd->lines[1], HEADER_BYTES, "Metaops-Outbox-Id: %" PRId64, msg->outbox_id);
    snprintf(hd->lines[2], HEADER_BYTES, "Metaops-What: %s", msg->what);
    snprintf(hd->lines[3], HEADER_BYTES, "webhook-id: %s", key);
    snprintf(hd->lines[4], HEADER_BYTES, "webhook-timestamp: %" PRId64, now_s);
    for (size_t i = 0; i < 5; i++) {
        hd->list[count++] = hd->lines[i];
    }
    if (dl->receiver->sign.count > 0) {
        enum verdict verdict =
            alerter_sign_write(&dl->receiver->sign, key, now_s, str_view(dl->body), signature, err);
        if (verdict != OK) {
            return verdict;
        }
        snprintf(hd->signature, sizeof hd->signature, "webhook-signature: %s", signature);
        hd->list[count++] = hd->signature;
    }
    hd->list[count] = NULL;
    return OK;
}

static enum verdict post(struct delivery *dl, const struct alerter_message *msg, struct err *err)
{
    struct headers hd;

    dl->body = body_of(dl->receiver->type, msg);
    if (!dl->body) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    enum verdict verdict = fill_headers(&hd, dl, msg, err);
    if (verdict != OK) {
        return verdict;
    }
    struct http_multi_request request = {.url = dl->receiver->url,
                                         .body = str_view(dl->body),
                                         .headers = hd.list,
                                         .ca_file = dl->receiver->ca_file,
                                         .timeout_ms =
                                             (long)dl->send->st->alerts.request_timeout_ms,
                                         .is_guarded = dl->receiver->is_guarded};
    return http_multi_send(dl->send->multi, &request, dl, err);
}

static enum verdict print(struct delivery *dl, const struct alerter_message *msg, struct err *err)
{
    dl->body = alerter_message_line(msg);
    if (!dl->body) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    if (fputs(dl->body, stdout) == EOF || fflush(stdout) != 0) {
        clearerr(stdout);
        return err_set(err, RETRY, WHERE, "writing to stdout failed");
    }
    delivery_end(dl, OK, 0, "");
    return OK;
}

static enum verdict publish(struct delivery *dl, const struct alerter_message *msg, struct err *err)
{
    struct alerter_send *send = dl->send;
    enum verdict verdict =
        send->kafka ? OK : alerter_kafka_open(send->st, on_record, &send->kafka, err);
    return verdict == OK ? alerter_kafka_send(send->kafka, msg, dl, err) : verdict;
}

static enum verdict send_by_type(struct delivery *dl, const struct alerter_message *msg,
                                 struct err *err)
{
    switch (dl->receiver->type) {
    case ALERTER_KAFKA:
        return publish(dl, msg, err);
    case ALERTER_STDOUT:
        return print(dl, msg, err);
    default:
        return post(dl, msg, err);
    }
}

void alerter_send_start(struct alerter_send *send, struct alerter_routes *routes,
                        const struct alerter_claim *claim)
{
    struct err err = {.text = ""};
    struct alerter_receiver *receiver = alerter_routes_find(routes, claim->receiver);
    struct delivery *dl = receiver ? delivery_new(send, routes, receiver, claim) : NULL;

    /* Without memory the claim runs out, and the message is claimed again. */
    if (dl && send_by_type(dl, &claim->msg, &err) != OK) {
        delivery_end(dl, RETRY, 0, err.text);
    }
}

void alerter_send_turn(struct alerter_send *send, int timeout_ms, int fd)
{
    int fds[] = {fd, alerter_kafka_fd(send->kafka)};
    http_multi_turn(send->multi, timeout_ms, fds, 2);
    alerter_kafka_turn(send->kafka);
}

int alerter_send_count(const struct alerter_send *send)
{
    return send->count;
}

void alerter_send_close(struct alerter_send *send)
{
    if (!send) {
        return;
    }
    http_multi_close(send->multi);
    alerter_kafka_close(send->kafka);
    while (send->deliveries) {
        struct delivery *dl = send->deliveries;
        unlink_delivery(dl);
        delivery_free(dl);
    }
    free(send);
}
