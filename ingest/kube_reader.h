/* kube_reader.h - follows one resource of Kubernetes: lists it, watches it from there on, and publishes what it is told.
 *
 * A watch that ends goes on at the revision that was told last; one that is too old (410, 400), or that tells what is no event,
 * lists again, and publishes what is new and what is gone. An object that cannot be read is a dead letter and hides no other. What
 * failed is tried again after a time that grows to half a minute, or after what the server asks for (kube_pace.h); a
 * resource that the cluster does not have, every 10 minutes. One thread.
 *
 * The first list of a process publishes everything: what is stored already is the same event. What vanished before it, while no
 * process watched, is not published, because nobody knows then that it was there: it stays as it was seen last, unless audit
 * events tell its end. */
#ifndef METAOPS_INGEST_KUBE_READER_H
#define METAOPS_INGEST_KUBE_READER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct kube_api;
struct kube_outbox;
struct kube_reader;
struct kube_resource;
struct settings;

/* What it needs; all of it must outlive it. */
struct kube_reader_needs {
    const struct settings *st;
    const struct kube_api *api;
    const struct kube_resource *resource;
    struct kube_outbox *box;
    const atomic_bool *is_stopping;
};

/* NULL when memory is short. */
struct kube_reader *kube_reader_new(const struct kube_reader_needs *needs);

/* Runs until *is_stopping. */
void kube_reader_run(struct kube_reader *reader);

/* When it went round last, of timebase_mono_us, and whether it is watching now. Any thread. */
int64_t kube_reader_turned_us(const struct kube_reader *reader);
bool kube_reader_is_watching(const struct kube_reader *reader);

/* NULL is allowed. */
void kube_reader_free(struct kube_reader *reader);

#endif
