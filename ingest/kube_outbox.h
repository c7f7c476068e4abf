/* kube_outbox.h - what a watch of one resource has told and Kafka has not confirmed yet, bounded: it is handed to publish, and
 * again until it is confirmed. What can never be published becomes a dead letter. One thread. */
#ifndef METAOPS_INGEST_KUBE_OUTBOX_H
#define METAOPS_INGEST_KUBE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "schemas/kube_watch.h"

struct kube_outbox;
struct kube_resource;
struct publish;
struct settings;

/* st, publish and resource must outlive it. At most that many records, of that many bytes together; a larger one alone. NULL
 * when memory is short. */
struct kube_outbox *kube_outbox_new(const struct settings *st, struct publish *publish,
                                    const struct kube_resource *resource, size_t slots_max,
                                    size_t bytes_max);

bool kube_outbox_has_room(const struct kube_outbox *box);

/* What became of an object, whose text is copied; even when there is no room. A time that the object does not say is that of the
 * clock, but none before not_before_us. False: memory is short. */
bool kube_outbox_put(struct kube_outbox *box, enum kube_watch_change change, struct str object,
                     int64_t not_before_us);

/* Something was told that cannot be used: a dead letter without its value, of which nobody knows what is secret. False: memory
 * is short. */
bool kube_outbox_refuse(struct kube_outbox *box, const char *reason);

/* Lets go what is confirmed, and now and then sends again what is not. */
void kube_outbox_turn(struct kube_outbox *box);

/* How many, and their bytes, are not confirmed yet. Any thread. */
size_t kube_outbox_count(const struct kube_outbox *box);
size_t kube_outbox_bytes(const struct kube_outbox *box);

/* After publish_stop: until then publish may still call back. NULL is allowed. */
void kube_outbox_free(struct kube_outbox *box);

#endif
