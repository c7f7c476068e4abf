"""Every right of the three roles, tried to be exceeded: the worker runs as metaops_writer and lands events and
dead letters with it, but can neither delete, nor change tables, nor read what others sent; metaops_reader reads
views, writes nothing, and no view or function gives it the bytes of a dead letter."""

import psycopg
from checks import check, end
from own_pipeline import Pipeline, database_dsn, query, role_dsn, test_events, wait_until

MARK = "planted-in-a-dead-letter-4711"

# What metaops_writer may do with each table besides inserting, by hand from the statements of sinks/sql.
WRITER_MORE = {
    "datasets": {"select", "update"},
    "runs": {"select", "update"},
    "statements": {"select", "update"},
    "run_io_sets": {"select", "update"},
    "io_sets": {"select"},
    "offsets": {"select", "update"},
    "event_ids": {"select"},
    "key_changes": {"select"},
    "dead_letters": {"select"},
    "audit": {"select"},
    "audit_streams": {"select"},
    "alerts": {"select"},
    "alert_events": {"select"},
    "asset_facts": {"select", "update"},
    "models": {"select", "update"},
    "deployments": {"select", "update"},
    "k8s_objects": {"select", "update"},
    "model_versions": {"select", "update"},
    "model_facts": {"select", "update"},
    "model_artifacts": {"select", "update"},
    "run_marks": {"select"},
    "inference_streams": {"select", "update"},
    "inference_windows": {"select", "update"},
    "inference_tensors": {"select", "update"},
    "inference_versions": {"select", "update"},
    "inference_pairs": {"select", "update"},
    "drift_contents": {"select"},
    "drift_subjects": {"select", "update"},
    "drift_watch": {"select"},
    "drift_facts": {"select"},
    "type_names": {"select"},
    "alert_outbox": {"select", "update", "delete"},
}
# What nobody but the owner reads.
READER_NEVER = ("dead_letters", "event_ids")


def attempt(dsn, statement):
    """ok, or the SQLSTATE of the refusal."""
    try:
        query(dsn, statement)
        return "ok"
    except psycopg.Error as error:
        return error.sqlstate


def refused(dsn, who, statements, states=("42501",)):
    for statement in statements:
        check(f"{who} may not: {statement[:90]}", True, attempt(dsn, statement) in states)


def column_of(pipe, table, update=False):
    """A column the writer's statements read or change."""
    fixed = {"datasets": "confirmed", "event_ids": "event_id", "dead_letters": "letter_id",
             "audit_streams": "topic", "alert_events": "what", "alert_outbox": "what"}
    return fixed.get(table) or pipe.value(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum = 1", f"graph.{table}"
    )


def tables(pipe):
    return [
        name
        for (name,) in pipe.query(
            "select relname from pg_class where relnamespace = 'graph'::regnamespace and relkind in ('r', 'p')"
            " and not relispartition order by 1"
        )
    ]


def try_writer(pipe, dsn):
    known = set(WRITER_MORE) | {
        "jobs", "descriptions", "layouts", "facet_origins", "facets", "symlinks", "edges",
        "column_edges", "events", "body_bases", "refusals", "deployments", "actions", "k8s_states",
    }
    for table in tables(pipe):
        may = WRITER_MORE.get(table, set())
        column = column_of(pipe, table)
        if "delete" not in may:
            refused(dsn, "the writer", [f"delete from graph.{table}"])
        refused(dsn, "the writer", [f"truncate graph.{table}", f"alter table graph.{table} add column x int",
                                    f"drop table graph.{table}"])
        if table not in known:
            continue
        check(f"the writer reads {table}: {'select' in may}", "ok" if "select" in may else "42501",
              attempt(dsn, f"select {column} from graph.{table} limit 1"))
        check(f"the writer changes {table}: {'update' in may}", "ok" if "update" in may else "42501",
              attempt(dsn, f"update graph.{table} set {column} = {column} where false"))
    refused(dsn, "the writer", [
        "select value from graph.dead_letters",
        "select reason from graph.dead_letters",
        "select digests from graph.audit",
        "select changed_by from graph.key_changes",
        "insert into graph.audit_acts values (1, 'erase', now(), 'x', '{}', '')",
        "select graph.audit_act('erase', '{}')",
        "insert into graph.erasures values (gen_random_uuid(), 1)",
        "select graph.erase(array[gen_random_uuid()], 'x')",
        "select graph.unfold_dependents(array[gen_random_uuid()])",
        "select graph.tell_retention('events', now(), 1, false)",
        "select graph.expire_audit(now(), 1, false)",
        "select body from graph.events",
        "select * from graph.facets",
        "select * from metaops.dead_letters",
        "update graph.datasets set name = 'x'",
        "insert into metaops.schema_migrations values ('x', 'y')",
        "select graph.ensure_partitions(1)",
        "select graph.grant_writer()",
        "select graph.grant_reader()",
        # Migrate grants what stands in this table.
        "insert into graph.restricted_readers values ('metaops_writer', '{}')",
        "create table graph.mine (x int)",
        "create table metaops.mine (x int)",
        "create function metaops.mine() returns int language sql as 'select 1'",
        "create schema mine",
        "select * from graph.events_default",
        "insert into graph.events_default select * from graph.events_default",
        "set role metaops_owner",
        "alter role metaops_writer superuser",
        "create role mine",
        "copy (select 1) to program 'true'",
    ])


def try_reader(pipe, dsn):
    for table in tables(pipe):
        refused(dsn, "the reader",
                [f"insert into graph.{table} default values", f"delete from graph.{table}", f"truncate graph.{table}",
                 f"drop table graph.{table}"], ("42501", "25006"))
    writable = f"{dsn}?options=-cdefault_transaction_read_only%3Doff"
    refused(writable, "the reader that calls itself writable", [
        "update graph.jobs set name = 'x'",
        "delete from graph.runs",
        "delete from metaops.dead_letters",
        "insert into metaops.offsets (topic) values ('x')",
        "create table metaops.mine (x int)",
        "create view graph.mine as select * from graph.dead_letters",
        "select graph.ensure_partitions(1)",
        "select graph.grant_reader()",
        "set role metaops_writer",
        "set role metaops_owner",
        "alter role metaops_reader superuser",
    ], ("42501", "55000"))
    refused(dsn, "the reader", [f"select * from graph.{table}" for table in READER_NEVER] + [
        "select value from graph.dead_letters", "select octet_length(value) from graph.dead_letters",
        "select count(*) from graph.dead_letters", "table graph.events_default",
    ])


def search_mark(pipe, dsn):
    """Every row of everything the reader can select, as text, and what the functions make of the letter's id."""
    hexed = MARK.encode().hex()
    views = [
        name
        for (name,) in pipe.query(
            "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = relnamespace"
            " where nspname in ('graph', 'metaops') and relkind in ('r', 'p', 'v', 'm') order by 1"
        )
    ]
    seen = []
    for name in views:
        found = attempt(dsn, f"select 1 from {name} limit 1")
        if found == "ok":
            seen.append(name)
            text = str(query(dsn, f"select r::text from {name} r"))
            check(f"no bytes of a dead letter in {name}", False, MARK in text or hexed in text)
    check("the reader sees the view of dead letters", True, "metaops.dead_letters" in seen)
    letter = query(dsn, "select letter_id from metaops.dead_letters")[0][0]
    check("event_body gives no dead letter", [(None,)], query(dsn, "select metaops.event_body(%s)", letter))
    check("find finds none", [], query(dsn, "select * from metaops.find(%s)", MARK))


def main():
    with Pipeline("roles", 3) as pipe:
        worker = pipe.worker()
        lines = test_events()[:120]
        pipe.emit(lines)
        pipe.produce(pipe.topic, [(0, None, MARK.encode())])
        pipe.wait_stored()
        check("a worker that is only the writer lands events", True, pipe.value("select count(*) from metaops.events") > 100)
        wait_until("the dead letter", lambda: pipe.value("select count(*) from metaops.dead_letters") == 1)
        check("it is the writer", "metaops_writer", pipe.value(
            "select usename from pg_stat_activity where datname = current_database() and application_name like 'metaops sink%' limit 1"))
        writer, reader = role_dsn("writer", pipe.database), role_dsn("reader", pipe.database)
        try_writer(pipe, writer)
        try_reader(pipe, reader)
        search_mark(pipe, reader)
        check("the owner sees the bytes", [(MARK.encode(),)], query(pipe.dsn, "select value from graph.dead_letters"))
        check("the reader walks", True, len(query(reader, """
            select 1 from metaops.edges e, metaops.downstream(e.dataset_namespace, e.dataset_name) limit 1""")) == 1)
        check("the reader unpacks events", True, query(reader, """
            select bool_and(metaops.event_body(event_id) is not null) from (select event_id from metaops.events limit 50) e""")[0][0])
        check("a wrong password opens nothing", True, attempt(
            reader.replace(reader.split(":")[2].split("@")[0], "wrong"), "select 1") is None)
        check("the worker is as before", True, worker.runs())
    end()


main()
