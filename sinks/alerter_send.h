/* alerter_send.h - brings one message to one receiver, many at once.
 *
 * A message is sent as its receiver wants it, under a key that is the same however often it is sent. One thread; only
 * alerter_send_turn waits. */
#ifndef METAOPS_SINKS_ALERTER_SEND_H
#define METAOPS_SINKS_ALERTER_SEND_H

#include <stdint.h>

#include "alerter_routes.h"
#include "alerter_store.h"
#include "core/err.h"

struct alerter_send;

/* What came of a delivery; valid during the call. */
struct alerter_outcome {
    int64_t outbox_id;
    int attempt;
    int64_t at_us;
    const char *receiver;
    enum verdict verdict;   /* OK: the receiver has it; else try again */
    int64_t retry_after_ms; /* not before; 0: the receiver did not say */
    const char *reason;
};

typedef void (*alerter_send_ended)(void *arg, const struct alerter_outcome *outcome);

/* st must outlive it. */
MUST_CHECK enum verdict alerter_send_open(const struct settings *st, alerter_send_ended on_ended,
                                          void *arg, struct alerter_send **out_send,
                                          struct err *err);

/* on_ended follows once for each, perhaps before this returns. */
void alerter_send_start(struct alerter_send *send, struct alerter_routes *routes,
                        const struct alerter_claim *claim);

/* Waits up to timeout_ms for something to do; fd (-1: none) is a further descriptor to wait for. */
void alerter_send_turn(struct alerter_send *send, int timeout_ms, int fd);

/* Deliveries under way. */
int alerter_send_count(const struct alerter_send *send);

/* What is under way ends without an outcome. NULL is allowed. */
void alerter_send_close(struct alerter_send *send);

#endif
