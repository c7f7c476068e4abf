/* mlserver_look.h - one look at a server of MLServer over HTTP: is it ready, what does it say of itself, which versions of
 * models has it in which state, and what are these. Blocks; one thread. */
#ifndef METAOPS_INGEST_MLSERVER_LOOK_H
#define METAOPS_INGEST_MLSERVER_LOOK_H

#include <stdatomic.h>

#include "core/http_client.h"
#include "ingest/mlserver_answer.h"

/* How to ask, and what the answers are read with. */
struct mlserver_asker {
    const char *url; /* without a slash at its end */
    const char *ca_file;
    long timeout_ms; /* of each answer */
    struct json_doc *doc;
    struct arena *arena;       /* what is seen lies here */
    _Atomic int64_t *asked_us; /* when the latest question was put, by the clock that never jumps */
    bool (*is_ended)(const void *arg); /* from then on nothing is asked */
    const void *arg;
};

struct mlserver_look {
    const char *state; /* of the server: SERVER_IS_... */
    char reason[128];  /* the same words for the same trouble; empty: none */
    bool has_self;     /* self is meant */
    bool has_index;    /* models are meant */
    struct mlserver_self self;
    struct server_model *models;
    uint32_t count;
    struct http_client_answer answers[2]; /* the texts of these */
};

/* A look without what the models are. RETRY when memory is short, the certificates of ca_file cannot be used or nothing is asked
 * any more: that says nothing of the server, and nothing is seen. Free with mlserver_look_fini. */
MUST_CHECK enum verdict mlserver_look(const struct mlserver_asker *asker,
                                      struct mlserver_look *out_look, struct err *err);

/* Asks what those of models are that are ready; of which no usable answer comes stay as they are. Begins with the one at
 * *inout_first, which is set to the first one that is not asked because it is until_us (by the clock that never jumps): so
 * those that hang keep no other from its turn for ever. */
void mlserver_look_describe(const struct mlserver_asker *asker, struct server_model *models,
                            uint32_t count, int64_t until_us, uint32_t *inout_first);

void mlserver_look_fini(struct mlserver_look *look);

#endif
