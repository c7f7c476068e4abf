#include "alerter_send.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http_multi.h"
#include "core/settings.h"

#define WHERE "alerter"
#define HEADER_BYTES 160
#define RETRY_AFTER_S_MAX 86400

struct alerter_send {
    const struct settings *st;
    alerter_send_ended on_ended;
    void *arg;
    struct http_multi *multi;
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
                                .outbox_id = claim->outbox_id,
                                .attempt = claim->attempt,
                                .at_us = claim->at_us};
        receiver->in_flight++;
        send->deliveries = dl;
        send->count++;
    }
    return dl;
}

static enum verdict post(struct delivery *dl, const struct alerter_claim *claim, struct err *err)
{
    char key[HEADER_BYTES];
    char id[HEADER_BYTES];
    char what[HEADER_BYTES];
    const char *headers[] = {"Content-Type: application/json", key, id, what, NULL};

    dl->body = strdup(claim->alert);
    if (!dl->body) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    snprintf(key, sizeof key, "Idempotency-Key: %" PRId64 "-%s", claim->outbox_id, claim->alert_id);
    snprintf(id, sizeof id, "Metaops-Outbox-Id: %" PRId64, claim->outbox_id);
    snprintf(what, sizeof what, "Metaops-What: %s", claim->what);
    struct http_multi_request request = {.url = dl->receiver->url,
                                         .body = str_view(dl->body),
                                         .headers = headers,
                                         .timeout_ms =
                                             (long)dl->send->st->alerts.request_timeout_ms};
    return http_multi_send(dl->send->multi, &request, dl, err);
}

void alerter_send_start(struct alerter_send *send, struct alerter_routes *routes,
                        const struct alerter_claim *claim)
{
    struct err err = {.text = ""};
    struct alerter_receiver *receiver = alerter_routes_find(routes, claim->receiver);
    struct delivery *dl = receiver ? delivery_new(send, routes, receiver, claim) : NULL;

    /* Without memory the claim runs out, and the message is claimed again. */
    if (dl && post(dl, claim, &err) != OK) {
        delivery_end(dl, RETRY, 0, err.text);
    }
}

void alerter_send_turn(struct alerter_send *send, int timeout_ms, int fd)
{
    http_multi_turn(send->multi, timeout_ms, &fd, 1);
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
    while (send->deliveries) {
        struct delivery *dl = send->deliveries;
        unlink_delivery(dl);
        delivery_free(dl);
    }
    free(send);
}
