/* kube_reader_impl.h - what the files of a reader share: kube_reader.c, which watches, kube_list.c, which lists, and kube_tell.c, by which
 * both tell. */
#ifndef METAOPS_INGEST_KUBE_READER_IMPL_H
#define METAOPS_INGEST_KUBE_READER_IMPL_H

#include "core/arena.h"
#include "core/http_stream.h"
#include "ingest/kube_api.h"
#include "ingest/kube_known.h"
#include "ingest/kube_outbox.h"
#include "ingest/kube_pace.h"
#include "ingest/kube_reader.h"
#include "ingest/kube_resource.h"
#include "ingest/kube_stream.h"
#include "ingest/line_cutter.h"

#define KUBE_READER_REVISION_BYTES 256
#define KUBE_READER_ARENA_BYTES ((size_t)1 << 20)
#define KUBE_READER_PATH_BYTES 96
#define KUBE_READER_OBJECTS_MAX 200000
#define KUBE_READER_PAGE_OBJECTS 100

struct kube_reader {
    struct kube_reader_needs needs;
    struct kube_known *known;
    struct json_doc *doc;
    struct arena *arena;
    struct line_cutter lines; /* of a watch */
    struct byte_buffer page;  /* of a list */
    int page_objects;         /* fewer after a page was too large, until a list is whole */
    int pages;                /* of this list */
    char revision[KUBE_READER_REVISION_BYTES]; /* to go on from; empty: list first */
    char url[KUBE_API_URL_BYTES];
    char token[KUBE_API_TOKEN_BYTES];
    char failure[sizeof(((struct err *)0)->text)]; /* told last; empty: all is well */
    struct kube_pace pace;
    int64_t asked_wait_s; /* by the server, of what failed */
    bool has_news;        /* this watch told something */
    bool has_nonsense;    /* this watch told what is no event */
    bool is_overfull;     /* more objects than are known by name */
    bool is_too_old;      /* the revision is */
    bool is_missing;      /* the resource is */
    bool is_short;        /* memory is */
    bool is_over;         /* an error ended the watch; it is in failure_now */
    struct err failure_now;
    atomic_bool is_watching;
    _Atomic int64_t turned_us;
};

/* Asks for reader->url. RETRY with the reason: there was no answer, or one that says something else than 200. */
MUST_CHECK enum verdict kube_reader_ask(struct kube_reader *reader, long timeout_ms,
                                        bool (*on_bytes)(void *arg, long status, struct str bytes),
                                        bool *out_is_cut, struct err *err);

/* Waits for room in the outbox; false when the reader is to stop first. */
bool kube_reader_wait_for_room(struct kube_reader *reader);

/* What became of an object of reader->doc. False: nothing more can be told, because the reader is to stop or memory is short. */
bool kube_tell_object(struct kube_reader *reader, enum kube_watch_change change,
                      const struct json_value *object);

/* A dead letter. The same. */
bool kube_tell_refuse(struct kube_reader *reader, const char *reason);

/* It is told at this revision, or refused for good; at_us as that of kube_known_put. */
void kube_tell_know(struct kube_reader *reader, const struct kube_watch_names *names,
                    int64_t at_us);

/* It is gone, and only its names are left to be told. False as kube_tell_object. */
bool kube_tell_gone(struct kube_reader *reader, const struct kube_watch_names *names);

/* To go on from there. */
void kube_reader_keep(struct kube_reader *reader, struct str revision);

/* Lists all objects, tells what is new and what is gone, and keeps the revision of the list. RETRY with the reason. */
MUST_CHECK enum verdict kube_list_run(struct kube_reader *reader, struct err *err);

#endif
