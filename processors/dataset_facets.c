#include "dataset_facets.h"

#include "schemas/identity.h"

/* Rows repeat what a facet says once for many columns. Their text may be this much longer than the facet:
 * far more than any real one needs, and so little that no event outgrows a transaction. */
#define ROW_TEXT_SHARE 8

/* One facet being read. */
struct reader {
    struct rows *rs;
    const struct json_doc *doc;
    const struct facet_ref *ref;
    int32_t ordinal;
    size_t text_bytes; /* of its rows so far */
    size_t text_bytes_max;
};

/* A string member, decoded; ptr NULL when it is missing or no string. */
static enum verdict member(struct reader *rd, const struct json_value *object, struct str name,
                           struct str *out_text, struct err *err)
{
    const struct json_value *value = json_get(rd->doc, object, name);
    *out_text = (struct str){NULL, 0};
    if (!value || value->type != JSON_STRING) {
        return OK;
    }
    return json_string(rd->doc, value, rd->rs->pr->scratch, out_text, err);
}

/* As member, as display text that outlives the event. */
static enum verdict shown_member(struct reader *rd, const struct json_value *object,
                                 struct str name, struct str *out_text, struct err *err)
{
    struct str text;
    enum verdict verdict = member(rd, object, name, &text, err);
    *out_text = text;
    return verdict == OK && text.ptr ? rows_text(rd->rs, text, out_text, err) : verdict;
}

static const struct json_value *array_member(const struct reader *rd,
                                             const struct json_value *object, struct str name)
{
    const struct json_value *value = json_get(rd->doc, object, name);
    return value && value->type == JSON_ARRAY ? value : NULL;
}

static enum verdict symlink_row(struct reader *rd, const struct json_value *identifier,
                                struct err *err)
{
    struct str namespace_;
    struct str name;
    enum verdict verdict = member(rd, identifier, STR("namespace"), &namespace_, err);
    if (verdict == OK) {
        verdict = member(rd, identifier, STR("name"), &name, err);
    }
    if (verdict != OK || !namespace_.len || !name.len) {
        return verdict;
    }
    struct graph_symlink row = {.event = rd->rs->work->event,
                                .dataset = rd->ref->subject,
                                .other = identity_dataset(namespace_, name)};
    if (id128_eq(row.dataset, row.other)) {
        return OK;
    }
    verdict = rows_text(rd->rs, namespace_, &row.other_namespace, err);
    if (verdict == OK) {
        verdict = rows_text(rd->rs, name, &row.other_name, err);
    }
    if (verdict == OK) {
        verdict = shown_member(rd, identifier, STR("type"), &row.type, err);
    }
    struct graph_symlink *added = verdict == OK ? graph_rows_add(&rd->rs->bt->rows.symlinks) : NULL;
    if (!added) {
        return verdict == OK ? rows_short(err) : verdict;
    }
    *added = row;
    if (!row.type.ptr) {
        added->type = STR("");
    }
    return OK;
}

static enum verdict symlink_rows(struct reader *rd, struct err *err)
{
    const struct json_value *identifiers = array_member(rd, json_root(rd->doc), STR("identifiers"));
    enum verdict verdict = OK;
    for (const struct json_value *each = identifiers ? json_first(rd->doc, identifiers) : NULL;
         verdict == OK && each; each = json_next(rd->doc, identifiers, each)) {
        verdict = symlink_row(rd, each, err);
    }
    return verdict;
}

static enum verdict add_column_edge(struct reader *rd, const struct graph_column_edge *edge,
                                    struct err *err)
{
    size_t text_bytes =
        edge->output_field.len + edge->input_field.len + edge->type.len + edge->subtype.len;
    size_t left_bytes = rd->text_bytes_max - rd->text_bytes;
    if (text_bytes > left_bytes) {
        return OK; /* the facet itself is kept */
    }
    struct graph_column_edge *row = graph_rows_add(&rd->rs->bt->rows.column_edges);
    if (!row) {
        return rows_short(err);
    }
    *row = *edge;
    if (edge->description.len > left_bytes - text_bytes) {
        row->description = (struct str){NULL, 0};
    }
    rd->text_bytes += text_bytes + row->description.len;
    rd->rs->bt->repeated_bytes += text_bytes + row->description.len;
    row->ordinal = rd->ordinal++;
    if (!row->type.ptr) {
        row->type = STR("");
    }
    if (!row->subtype.ptr) {
        row->subtype = STR("");
    }
    return OK;
}

static enum verdict transformation_row(struct reader *rd, const struct json_value *transformation,
                                       const struct graph_column_edge *of_input, struct err *err)
{
    struct graph_column_edge edge = {.event = of_input->event,
                                     .output = of_input->output,
                                     .job = of_input->job,
                                     .digest = of_input->digest,
                                     .output_field = of_input->output_field,
                                     .input = of_input->input,
                                     .input_field = of_input->input_field,
                                     .masking = -1};
    enum verdict verdict = shown_member(rd, transformation, STR("type"), &edge.type, err);
    if (verdict == OK) {
        verdict = shown_member(rd, transformation, STR("subtype"), &edge.subtype, err);
    }
    if (verdict == OK) {
        verdict = shown_member(rd, transformation, STR("description"), &edge.description, err);
    }
    const struct json_value *masking = json_get(rd->doc, transformation, STR("masking"));
    if (masking && (masking->type == JSON_TRUE || masking->type == JSON_FALSE)) {
        edge.masking = masking->type == JSON_TRUE;
    }
    return verdict == OK ? add_column_edge(rd, &edge, err) : verdict;
}

/* Before version 1-1-0 of the facet a field had one transformationType for all its inputs. */
static enum verdict old_transformation(struct reader *rd, const struct json_value *owner,
                                       struct graph_column_edge *edge, struct err *err)
{
    struct str type;
    enum verdict verdict = shown_member(rd, owner, STR("transformationType"), &type, err);
    if (verdict == OK && type.ptr && type.len) {
        bool is_known = str_eq(type, STR("IDENTITY")) || str_eq(type, STR("MASKED"));
        edge->type = is_known ? STR("DIRECT") : STR("");
        edge->subtype = str_eq(type, STR("MASKED")) ? STR("TRANSFORMATION") : type;
        edge->masking = str_eq(type, STR("MASKED")) ? 1 : edge->masking;
        verdict =
            shown_member(rd, owner, STR("transformationDescription"), &edge->description, err);
    }
    return verdict;
}

/* One input of an output field or of the whole dataset. edge says what counts when the input has no
 * transformations. */
static enum verdict input_rows(struct reader *rd, const struct json_value *input,
                               struct graph_column_edge edge, struct err *err)
{
    struct str namespace_;
    struct str name;
    struct str field;
    enum verdict verdict = member(rd, input, STR("namespace"), &namespace_, err);
    if (verdict == OK) {
        verdict = member(rd, input, STR("name"), &name, err);
    }
    if (verdict == OK) {
        verdict = member(rd, input, STR("field"), &field, err);
    }
    if (verdict != OK || !namespace_.len || !name.len || !field.ptr) {
        return verdict;
    }
    edge.input = identity_dataset(namespace_, name);
    verdict = rows_text(rd->rs, field, &edge.input_field, err);
    if (verdict == OK) {
        verdict = rows_dataset(rd->rs, namespace_, name, edge.input, false, err);
    }
    const struct json_value *list = array_member(rd, input, STR("transformations"));
    if (verdict == OK && (!list || list->count == 0)) {
        return add_column_edge(rd, &edge, err);
    }
    for (const struct json_value *each = list ? json_first(rd->doc, list) : NULL;
         verdict == OK && each; each = json_next(rd->doc, list, each)) {
        verdict = transformation_row(rd, each, &edge, err);
    }
    return verdict;
}

static enum verdict output_field_rows(struct reader *rd, const struct json_value *key,
                                      struct graph_column_edge edge, struct err *err)
{
    struct str field;
    const struct json_value *inputs = array_member(rd, key + 1, STR("inputFields"));
    enum verdict verdict = json_string(rd->doc, key, rd->rs->pr->scratch, &field, err);
    if (verdict == OK) {
        verdict = rows_text(rd->rs, field, &edge.output_field, err);
    }
    if (verdict == OK) {
        verdict = old_transformation(rd, key + 1, &edge, err);
    }
    for (const struct json_value *each = inputs ? json_first(rd->doc, inputs) : NULL;
         verdict == OK && each; each = json_next(rd->doc, inputs, each)) {
        verdict = input_rows(rd, each, edge, err);
    }
    return verdict;
}

static enum verdict column_rows(struct reader *rd, struct err *err)
{
    struct graph_column_edge edge = {.event = rd->rs->work->event,
                                     .output = rd->ref->subject,
                                     .job = rd->rs->work->ol.job.id,
                                     .digest = rd->ref->digest,
                                     .masking = -1};
    enum verdict verdict = OK;
    const struct json_value *fields = json_get(rd->doc, json_root(rd->doc), STR("fields"));
    if (fields && fields->type == JSON_OBJECT) {
        for (const struct json_value *key = json_first(rd->doc, fields); verdict == OK && key;
             key = json_next(rd->doc, fields, key + 1)) {
            verdict = output_field_rows(rd, key, edge, err);
        }
    }
    const struct json_value *whole = array_member(rd, json_root(rd->doc), STR("dataset"));
    for (const struct json_value *each = whole ? json_first(rd->doc, whole) : NULL;
         verdict == OK && each; each = json_next(rd->doc, whole, each)) {
        verdict = input_rows(rd, each, edge, err);
    }
    return verdict;
}

/* Which facets have rows, and whose they are: aliases are the dataset's, column lineage is the dataset's
 * and the job's. */
static const struct facet_reader {
    struct str facet;
    bool of_job;
    enum verdict (*rows)(struct reader *rd, struct err *err);
} facet_readers[] = {
    {.facet = {"symlinks", 8}, .rows = symlink_rows},
    {.facet = {"columnLineage", 13}, .of_job = true, .rows = column_rows},
};

/* The id under which these rows are remembered. */
static struct id128 rows_key(const struct facet_reader *reader, const struct facet_ref *ref,
                             struct id128 job)
{
    struct {
        struct id128 subject;
        struct id128 job;
        struct id128 digest;
        char tag;
    } key = {.subject = ref->subject, .digest = ref->digest, .tag = reader->facet.ptr[0]};
    key.job = reader->of_job ? job : key.job;
    return identity_digest((struct str){(const char *)&key, sizeof key});
}

/* Rows are made from the canonical form, so that everything with one digest has the same rows. */
static enum verdict parse_canonical(struct rows *rs, const struct facet_ref *ref, size_t *out_bytes,
                                    struct err *err)
{
    struct str canonical;
    struct json_fault fault;
    enum verdict verdict =
        json_canonical(rs->pr->doc, ref->value, rs->pr->scratch, &canonical, err);
    if (verdict != OK) {
        return verdict;
    }
    char *padded = arena_alloc(rs->pr->scratch, canonical.len + JSON_PADDING_BYTES);
    if (!padded) {
        return rows_short(err);
    }
    memcpy(padded, canonical.ptr, canonical.len);
    memset(padded + canonical.len, 0, JSON_PADDING_BYTES);
    *out_bytes = canonical.len;
    verdict = json_parse(rs->pr->facet_doc, (struct str){padded, canonical.len}, &fault, err);
    return verdict == REJECT ? err_set(err, FATAL, "dataset_facets",
                                       "BUG: canonical JSON is none: %s", fault.reason)
                             : verdict;
}

enum verdict dataset_facets_rows(struct rows *rs, const struct facet_ref *ref, struct err *err)
{
    for (size_t i = 0; i < sizeof facet_readers / sizeof facet_readers[0]; i++) {
        const struct facet_reader *reader = &facet_readers[i];
        if (ref->is_deleted || !str_eq(ref->name, reader->facet)) {
            continue;
        }
        bool is_new;
        struct reader rd = {.rs = rs, .doc = rs->pr->facet_doc, .ref = ref};
        enum verdict verdict =
            rows_once(rs, rows_key(reader, ref, rs->work->ol.job.id), &is_new, err);
        if (verdict == OK && is_new) {
            verdict = parse_canonical(rs, ref, &rd.text_bytes_max, err);
            rd.text_bytes_max *= ROW_TEXT_SHARE;
            verdict = verdict == OK ? reader->rows(&rd, err) : verdict;
        }
        return verdict;
    }
    return OK;
}
