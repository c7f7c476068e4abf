/* door.h - who may bring what into the gateway: the one check of every route that takes events.
 *
 * A route is made safe by two lines: its `admit` is a function that calls door_admit, and each event
 * passes door_pass before it is published (publish_event does that). door_admit judges the request
 * by its head, before any of its body is read: the key (Authorization: Bearer), its state, its rate
 * and quotas. door_pass judges an event once it is known where it belongs.
 *
 * Scope. A key with patterns may write to the namespaces that they cover: that of the job of a run
 * or job event, that of the dataset of a dataset event. Not judged are the datasets that a job reads
 * and writes (those of others are read legitimately, and warehouses are written together), and the
 * parent that an event names; a run id is as unguessable as its sender makes it.
 *
 * ingest.auth says whether a sender without a key comes in: see door_guard.h. A key that is shown is
 * always judged, except with none. A verified client certificate comes in without a key and may
 * write everywhere. The principal of an event is the key's id, or cert: and the certificate's name.
 *
 * Until the topic of keys was read to its end nothing can be said of a key: 503 with Retry-After,
 * never 401, and so again when that topic was made anew. Once read, keys stay known while Kafka is
 * away. A topic of several partitions is not read: its records have no order. Any thread. */
#ifndef METAOPS_INGEST_DOOR_H
#define METAOPS_INGEST_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/http_server.h"

struct door;
struct key;
struct mlflow_keys;
struct refusal_entry;
struct settings;

/* Longest principal, NUL included. */
#define DOOR_PRINCIPAL_BYTES 262

/* Who sends a request. */
struct visitor {
    struct key *key;                      /* NULL: none was shown */
    char principal[DOOR_PRINCIPAL_BYTES]; /* empty: nobody was asked */
};

/* Begins to read the keys in the background; with ingest.auth = none there is nothing to read. st
 * must outlive the door. FATAL for bad settings. */
MUST_CHECK enum verdict door_open(const struct settings *st, struct door **out_door,
                                  struct err *err);

/* For http_route.admit. Keeps what it found in the request, for door_visitor. */
bool door_admit(struct door *door, struct http_request *request, struct http_refusal *out_refusal);

/* Who sent an admitted request. */
void door_visitor(const struct http_request *request, struct visitor *out_visitor);

/* Judges one event and takes it off the key's limits. False with out_refusal: 401 (revoked
 * meanwhile), 403, 429 with Retry-After, all counted; 503 with Retry-After when the keys are being
 * read again. */
bool door_pass(struct door *door, const struct visitor *visitor, struct str namespace_,
               size_t body_bytes, struct http_refusal *out_refusal);

/* False while keys are needed and not known; then why (size bytes). */
bool door_is_ready(struct door *door, char *reason, size_t size);

/* The secrets of MLflow's webhooks; NULL when no signature is asked for. */
const struct mlflow_keys *door_mlflow_keys(const struct door *door);

/* Moves the counts of refusals into entries; returns how many. Call again while it fills them. */
size_t door_take_refusals(struct door *door, struct refusal_entry *entries, size_t max);

/* Takes over the limits of keys without limits of their own; for service_part.reload. OK always. */
enum verdict door_reload(void *door, const struct settings *fresh, struct err *err);

/* Refreshes the gauges of keys. */
void door_measure(struct door *door);

/* After the last request was answered. Blocks up to about 3 s. NULL is allowed. */
void door_close(struct door *door);

#endif
