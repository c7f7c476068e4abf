/* mlserver_answer.h - what MLServer answers about itself and its models, in the words of server_report.h. Pure functions.
 *
 * Whatever a server sends is taken as far as it can be used: REJECT says that an answer as a whole cannot. Bodies are followed
 * by JSON_PADDING_BYTES. Texts lie in the body or in arena; JSON texts have the form that a report has. */
#ifndef METAOPS_INGEST_MLSERVER_ANSWER_H
#define METAOPS_INGEST_MLSERVER_ANSWER_H

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"
#include "schemas/server_report.h"

/* GET /v2: name, version and extensions. */
struct mlserver_self {
    struct str name; /* empty: not said */
    struct str version;
    struct str extensions; /* JSON array */
};
MUST_CHECK enum verdict mlserver_answer_self(struct json_doc *doc, struct str body,
                                             struct arena *arena, struct mlserver_self *out_self,
                                             struct err *err);

/* POST /v2/repository/index: every version of every model, in the order of their names and versions, each once. */
MUST_CHECK enum verdict mlserver_answer_index(struct json_doc *doc, struct str body,
                                              struct arena *arena, struct server_model **out_models,
                                              uint32_t *out_count, struct err *err);

/* GET /v2/models/MODEL: fills in what the model is. What it calls versions are those of libraries where they have a slash;
 * versions of the model they are not, whatever they look like. What is filled in lies in arena. REJECT too when it is about
 * another model. */
MUST_CHECK enum verdict mlserver_answer_model(struct json_doc *doc, struct str body,
                                              struct arena *arena, struct server_model *inout_model,
                                              struct err *err);

#endif
