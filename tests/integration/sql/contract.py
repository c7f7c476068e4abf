"""The names that analysts rely on: views, their first columns in order, functions, and a comment on each."""

from sqltest import check, end, rows

VIEWS = {
    "namespaces": "namespace",
    "datasets": "namespace name confirmed owner description tags last_written_at last_run_id last_rows"
                " last_bytes",
    "dataset_symlinks": "namespace name other_namespace other_name type",
    "dataset_fields": "namespace name",
    "dataset_versions": "namespace name",
    "jobs": "namespace name",
    "job_versions": "namespace name",
    "runs": "run_id job_namespace job_name state started_at ended_at duration_ms parent_run_id root_run_id"
            " nominal_start nominal_end error_message",
    "run_inputs": "run_id",
    "run_outputs": "run_id",
    "edges": "job_namespace job_name dataset_namespace dataset_name direction first_seen last_seen runs",
    "column_lineage": "output_namespace output_name output_field input_namespace input_name input_field type"
                      " subtype masking job_namespace job_name first_seen last_seen",
    "facets": "",
    "events": "event_id event_time received_at kind event_type run_id job_namespace job_name producer source"
              " principal redactions",
    "dead_letters": "",
    "offsets": "",
}
FUNCTIONS = {
    "upstream": "namespace name max_depth as_of seen_since kind",
    "downstream": "namespace name max_depth as_of seen_since kind",
    "column_upstream": "namespace name field max_depth as_of seen_since",
    "column_downstream": "namespace name field max_depth as_of seen_since",
    "evidence": "job_namespace job_name dataset_namespace dataset_name field",
    "find": "text",
    "graph_checksum": "",
    "event_body": "event_id",
}

for view, wanted in VIEWS.items():
    columns = [row["attname"] for row in rows(
        "select attname from pg_attribute where attnum > 0 and not attisdropped"
        f" and attrelid = to_regclass('metaops.{view}') order by attnum")]
    check(f"first columns of {view}", columns[:len(wanted.split())], wanted.split())
    check(f"{view} exists", bool(columns), True)

for function, wanted in FUNCTIONS.items():
    names = [row["names"] for row in rows(
        "select array_to_string(proargnames[1:pronargs], ' ') as names from pg_proc"
        f" where pronamespace = 'metaops'::regnamespace and proname = '{function}'")]
    check(f"parameters of {function}", [name or "" for name in names], [wanted])

node = [row["attname"] for row in rows(
    "select attname from pg_attribute where attrelid = 'metaops.lineage_node'::regclass order by attnum")]
check("columns of a walk", node,
      "depth kind namespace name field via_job_namespace via_job_name path".split())
evidence = rows("select array_to_string(proargnames[pronargs + 1:], ' ') as names from pg_proc"
                " where pronamespace = 'metaops'::regnamespace and proname = 'evidence'")
check("columns of evidence", evidence[0]["names"],
      "event_id event_time run_id producer principal topic partition kafka_offset json_pointer body")

check("relations without a comment", rows(
    "select c.oid::regclass::text as name from pg_class c where relnamespace in"
    " ('metaops'::regnamespace, 'graph'::regnamespace) and relkind in ('r', 'v', 'p')"
    " and not relispartition and relname <> 'schema_migrations'"
    " and obj_description(c.oid, 'pg_class') is null order by 1"), [])
check("columns without a comment", rows(
    "select c.oid::regclass || '.' || a.attname as name from pg_class c join pg_attribute a on attrelid = c.oid"
    " where relnamespace in ('metaops'::regnamespace, 'graph'::regnamespace)"
    " and relkind in ('r', 'v', 'p', 'c') and not relispartition and relname <> 'schema_migrations'"
    " and attnum > 0 and not attisdropped and col_description(c.oid, attnum) is null order by 1"), [])
check("functions for analysts without a comment", rows(
    "select proname from pg_proc where pronamespace = 'metaops'::regnamespace"
    " and obj_description(oid, 'pg_proc') is null order by 1"), [])

# The reader can use all of it, but not the bytes of dead letters.
for view in VIEWS:
    check(f"the reader sees {view}", rows(
        f"select has_table_privilege('metaops_reader', 'metaops.{view}', 'select') as may"), [{"may": True}])
check("the reader sees no bytes of dead letters", rows(
    "select has_table_privilege('metaops_reader', 'graph.dead_letters', 'select')"
    " or has_any_column_privilege('metaops_reader', 'graph.dead_letters', 'select') as may"), [{"may": False}])
check("the reader writes nothing", rows(
    "select c.relname from pg_class c where relnamespace in ('metaops'::regnamespace, 'graph'::regnamespace)"
    " and relkind in ('r', 'v', 'p')"
    " and has_table_privilege('metaops_reader', c.oid, 'insert, update, delete, truncate')"), [])
end("contract")
