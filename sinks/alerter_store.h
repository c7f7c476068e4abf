/* alerter_store.h - the outbox and the deliveries, as the alerter sees them.
 *
 * Every function is one short transaction and blocks for it; several alerters may work on the same rows. RETRY when
 * the database is away: the next call connects anew. What a lost answer leaves undone is done again by somebody
 * when the claim runs out, so a receiver may be told twice, never not at all. One thread. */
#ifndef METAOPS_SINKS_ALERTER_STORE_H
#define METAOPS_SINKS_ALERTER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "alerter_message.h"
#include "alerter_routes.h"
#include "core/err.h"

struct alerter_store;
struct settings;

/* Borrowed text, valid during the call that gives it. */
struct alerter_claim {
    struct alerter_message msg;
    const char *receiver;
    int attempt; /* from 1 */
};

/* Does not connect yet; st must outlive it. */
MUST_CHECK enum verdict alerter_store_open(const struct settings *st,
                                           struct alerter_store **out_store, struct err *err);

/* Connects when there is no connection, and listens. */
MUST_CHECK enum verdict alerter_store_connect(struct alerter_store *store, struct err *err);

/* To wait for notifications; -1: not connected. */
int alerter_store_socket(const struct alerter_store *store);

bool alerter_store_was_notified(struct alerter_store *store);

/* Gives new messages their deliveries. out_is_more: there may be further ones. */
MUST_CHECK enum verdict alerter_store_route(struct alerter_store *store,
                                            const struct alerter_routes *routes, bool *out_is_more,
                                            struct err *err);

/* Claims what is due, as much as each receiver has room for, and calls each. out_is_more: a receiver's room was used
 * up. */
MUST_CHECK enum verdict
alerter_store_claim(struct alerter_store *store, const struct alerter_routes *routes,
                    void (*each)(void *arg, const struct alerter_claim *claim), void *arg,
                    bool *out_is_more, struct err *err);

MUST_CHECK enum verdict alerter_store_done(struct alerter_store *store, int64_t outbox_id,
                                           const char *receiver, struct err *err);

/* again_ms below 0: given up. */
MUST_CHECK enum verdict alerter_store_failed(struct alerter_store *store, int64_t outbox_id,
                                             const char *receiver, int attempt, const char *why,
                                             int64_t again_ms, struct err *err);

/* Makes what stands in the file of contracts at path what holds; out_changed: contracts that are new, other or gone. */
MUST_CHECK enum verdict alerter_store_load_contracts(struct alerter_store *store, const char *path,
                                                     int *out_changed, struct err *err);

/* Judges drift that workers had no time for (graph.judge_drift), for about 35 ms; blocks meanwhile. *out_is_left: there may be
 * more. */
MUST_CHECK enum verdict alerter_store_judge(struct alerter_store *store, bool *out_is_left,
                                            struct err *err);

/* Topics whose ends have to be known before writes that seem to be missing can be told, with commas between: malloc'd, the
 * caller's; NULL: none seems to be. */
MUST_CHECK enum verdict alerter_store_missing_topics(struct alerter_store *store, char **out_topics,
                                                     struct err *err);

/* Raises alerts for writes that are missing (graph.judge_missing), a hundred at most; *out_count is how many. ends: those of
 * the topics (alerter_ends.h); *out_behind_ms: by how much what is stored lies behind them. */
MUST_CHECK enum verdict alerter_store_missing(struct alerter_store *store, const char *cluster,
                                              const char *ends, int64_t *out_count,
                                              int64_t *out_behind_ms, struct err *err);

/* Takes away what is left of messages that all have; counts what is not delivered, and what was given up. */
MUST_CHECK enum verdict alerter_store_tidy(struct alerter_store *store, int64_t *out_pending,
                                           int64_t *out_given_up, struct err *err);

/* NULL is allowed. */
void alerter_store_close(struct alerter_store *store);

#endif
