/* pg_merge.h - rows of one key become one: the rules of sql/upsert_*.sql, in C. Commutative,
 * associative, idempotent. into and row have the same key. */
#ifndef METAOPS_SINKS_PG_MERGE_H
#define METAOPS_SINKS_PG_MERGE_H

#include "schemas/graph_rows.h"

void pg_merge_run(struct graph_run *into, const struct graph_run *row);
void pg_merge_statement(struct graph_statement *into, const struct graph_statement *row);
void pg_merge_dataset(struct graph_node *into, const struct graph_node *row);
void pg_merge_asset_facts(struct graph_asset_facts *into, const struct graph_asset_facts *row);

#endif
