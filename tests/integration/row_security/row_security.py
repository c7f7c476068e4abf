"""A reader restricted to two namespaces: what it sees, by hand; that nothing with the mark of the hidden world comes out
of any view, table, function, plan, statistic or error, also by conditions that try to look before the policies do;
where walks end; that unrestricted readers and the worker notice nothing; and that it is off before and after."""

import os
import subprocess

import psycopg
from checks import check, end
from events import DATA, HDATA, HID, MARK, VIS, events
from own_pipeline import LIMIT_S, PROGRAM, Pipeline, query
from private_postgres import PrivatePostgres

VIEWS = ["namespaces", "datasets", "dataset_symlinks", "dataset_fields", "dataset_versions", "jobs", "job_versions",
         "runs", "run_inputs", "run_outputs", "edges", "column_lineage", "facets", "events", "minimum_metadata",
         "minimum_metadata_by_owner"]
WALK = "select depth, kind, name, field, via_job_name, path from metaops."


def names(*nodes, field=""):
    return [f"{DATA}/{node}{field}" for node in nodes]


def relations(pipe):
    return [name for (name,) in pipe.query(
        "select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace"
        " where nspname in ('graph', 'metaops') and relkind in ('r', 'p', 'v') order by 1")]


def dump(dsn, view):
    return query(dsn, f"select r::text from metaops.{view} r order by 1")


def look(pipe, dsn):
    check("datasets", [("a", "shared"), ("b", None), ("c", None), ("d", None), ("described", None), ("e", None)], query(
        dsn, "select name, owner from metaops.datasets order by name"))
    check("jobs", [("J1", "team vis"), ("J2", None), ("J3", None)], query(
        dsn, "select name, owner from metaops.jobs order by name"))
    check("namespaces", {(DATA, 6, 0), (VIS, 0, 3)}, set(query(
        dsn, "select namespace, datasets, jobs from metaops.namespaces")))
    check("edges", [("J1", "a", "input"), ("J1", "b", "output"), ("J2", "b", "input"), ("J2", "c", "output"),
                    ("J3", "d", "input"), ("J3", "e", "output")], query(
        dsn, "select job_name, dataset_name, direction from metaops.edges order by 1, 2, 3"))
    check("column lineage", [("b", "x", "a", "x"), ("c", "x", "b", "x"), ("e", "x", "d", "z")], query(
        dsn, "select output_name, output_field, input_name, input_field from metaops.column_lineage order by 1, 2"))
    check("fields that visible jobs and dataset events state", [("a", "x"), ("b", "x"), ("c", "x"), ("c", "y"),
                                                               ("described", "k"), ("e", "x")], query(
        dsn, "select name, field from metaops.dataset_fields order by 1, 2"))
    check("runs, without their hidden parents", [("J1", None), ("J1", None), ("J2", None), ("J3", None)], query(
        dsn, "select job_name, coalesce(parent_run_id, root_run_id, parent_job_name) from metaops.runs order by 1"))
    check("events", [("J1",), ("J1",), ("J2",), ("J3",), (None,)], query(
        dsn, "select job_name from metaops.events order by 1"))
    check("no other name of b", [], query(dsn, "select * from metaops.dataset_symlinks"))
    check("facets that name nothing hidden", [("J1", "ownership"), ("J3", "sql"), ("a", "ownership"), ("a", "schema"),
                                              ("b", "columnLineage"), ("b", "schema"), ("c", "schema"),
                                              ("described", "documentation"), ("described", "schema"),
                                              ("e", "columnLineage"), ("e", "schema")], query(
        dsn, 'select name, facet from metaops.facets order by name collate "C", facet collate "C"'))
    bodies = query(dsn, "select job_name, metaops.event_body(event_id) is not null from metaops.events order by 1, 2")
    check("bodies that name nothing hidden", [("J1", False), ("J1", False), ("J2", False), ("J3", True), (None, True)], bodies)
    check("evidence where the body may be seen", [("/inputs/0",)], query(
        dsn, "select json_pointer from metaops.evidence(%s, 'J3', %s, 'd')", VIS, DATA))


def walks(dsn):
    check("upstream: through a visible job to a hidden table, one row", [
        (1, "dataset", "b", None, "J2", names("c", "b")), (2, "dataset", "a", None, "J1", names("c", "b", "a")),
        (1, "hidden", None, None, "J2", names("c"))], query(dsn, WALK + "upstream(%s, 'c')", DATA))
    check("downstream: by a visible job, and by hidden ones", [
        (1, "dataset", "b", None, "J1", names("a", "b")), (2, "dataset", "c", None, "J2", names("a", "b", "c")),
        (2, "hidden", None, None, "J2", names("a", "b")),
        (3, "hidden", None, None, None, names("a", "b", "c"))], query(dsn, WALK + "downstream(%s, 'a')", DATA))
    check("nothing beyond: d is reached by a hidden job alone", [(1, "hidden", None, None, None, names("d"))], query(
        dsn, WALK + "upstream(%s, 'd')", DATA))
    check("a depth that ends before it says nothing of it", [(1, "dataset", "b", None, "J1", names("a", "b"))], query(
        dsn, WALK + "downstream(%s, 'a', 1)", DATA))
    check("from a job", [(1, "dataset", "c", None, "J2", [f"{VIS}/J2", f"{DATA}/c"]), (1, "hidden", None, None, "J2", [f"{VIS}/J2"]),
                         (2, "hidden", None, None, None, [f"{VIS}/J2", f"{DATA}/c"])], query(
        dsn, WALK + "downstream(%s, 'J2', kind => 'job')", VIS))
    check("columns up", [(1, "dataset", "b", "x", "J2", names("c", "b", field="#x")),
                         (2, "dataset", "a", "x", "J1", names("c", "b", "a", field="#x"))], query(
        dsn, WALK + "column_upstream(%s, 'c', 'x')", DATA))
    check("columns up to a hidden one", [(1, "hidden", None, None, "J2", names("c", field="#y"))], query(
        dsn, WALK + "column_upstream(%s, 'c', 'y')", DATA))
    check("columns down to a hidden job", [(1, "hidden", None, None, None, names("c", field="#x"))], query(
        dsn, WALK + "column_downstream(%s, 'c', 'x')", DATA))
    check("a hidden start is as one that is not there", [], query(dsn, WALK + "downstream(%s, %s)", HDATA, f"{MARK}-x"))
    check("at a time before all", [], query(dsn, WALK + "downstream(%s, 'a', as_of => '2020-01-01')", DATA))


def lineage(pipe, dsn):
    done = subprocess.run([PROGRAM, "lineage", DATA, "a", "--down"], capture_output=True, text=True, timeout=LIMIT_S,
                          env={**pipe.environment, "METAOPS_POSTGRES_CONNINFO": dsn})
    check("metaops lineage shows what is seen", (0, True, False), (
        done.returncode, "J2" in done.stdout and "c" in done.stdout, MARK in done.stdout + done.stderr))
    check("and says that it goes on", True, "2 ways lead on to what this role may not see" in done.stderr)


def attempt(connection, statement, *parameters):
    """All that comes back: rows, notices, error, as text."""
    notices = []
    connection.add_notice_handler(lambda note: notices.append(note.message_primary))
    try:
        cursor = connection.execute(statement, parameters or None)
        rows = str(cursor.fetchall()) if cursor.description else ""
        return "ok", rows + str(notices)
    except psycopg.Error as error:
        return error.sqlstate, str(error) + str(error.diag.message_detail) + str(notices)


def search(pipe, dsn, what, statement, *parameters):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create function pg_temp.leak(text) returns boolean language plpgsql cost 0.0000001 as"
                           " $$ begin raise notice '%', $1; return true; end $$")
        connection.execute("create function pg_temp.stop(text) returns boolean language plpgsql cost 0.0000001 as"
                           " $$ begin return $1::int > 0; end $$")
        state, text = attempt(connection, statement, *parameters)
        check(f"{what}: nothing hidden ({state})", False, MARK in text)
        return state


def try_to_break(pipe, dsn):
    opened = []
    for name in relations(pipe):
        if search(pipe, dsn, name, f"select r::text from {name} r") == "ok":
            opened.append(name)
            search(pipe, dsn, f"{name}, a condition that looks", f"select count(*) from {name} r where pg_temp.leak(r::text)")
            search(pipe, dsn, f"{name}, a condition that fails", f"select count(*) from {name} r where pg_temp.stop(r::text)")
            search(pipe, dsn, f"{name}, its plan", f"explain (analyze, verbose) select * from {name}")
    never = {"graph.dead_letters", "graph.event_ids", "graph.body_bases", "graph.offsets", "metaops.dead_letters",
             "metaops.offsets", "metaops.api_keys", "metaops.key_changes", "metaops.refusals", "metaops.emitters", "metaops.gaps"}
    check("what is no part of the graph is closed", set(), never & set(opened))
    check("all views of the graph are open", set(), {f"metaops.{view}" for view in VIEWS} - set(opened))
    for table, column in (("jobs", "name"), ("datasets", "namespace"), ("statements", "producer"), ("runs", "error_message")):
        search(pipe, dsn, f"{table}, a leaky condition", f"select 1 from graph.{table} where pg_temp.leak({column})")
        search(pipe, dsn, f"{table}, a cast that fails", f"select {column}::int from graph.{table}")
        search(pipe, dsn, f"{table}, its order", f"select {column} from graph.{table} where {column} >= 'zz' order by {column}")
    check("bodies cannot be selected", "42501", search(pipe, dsn, "events.body", "select body from graph.events"))
    check("nor by all columns", "42501", search(pipe, dsn, "events.*", "select * from graph.events"))
    search(pipe, dsn, "statistics", "select * from pg_stats where schemaname = 'graph'")
    for needle in (MARK, MARK[:4], "s", "owner", "x"):
        search(pipe, dsn, f"find {needle}", "select * from metaops.find(%s)", needle)
    ids = [number for (number,) in pipe.query("select event_id from graph.events")]
    search(pipe, dsn, "every event's body", "select metaops.event_body(n) from unnest(%s::uuid[]) n", ids)
    for (job, dataset, space) in ((f"{MARK}-H1", "c", DATA), (f"{MARK}-H2", f"{MARK}-x", HDATA), ("J2", f"{MARK}-in", HDATA)):
        for field in (None, "x"):
            search(pipe, dsn, f"evidence {job}", "select * from metaops.evidence(%s, %s, %s, %s, %s)",
                   VIS if job == "J2" else HID, job, space, dataset, field)
    hidden = [number for (number,) in pipe.query("select dataset_uuid from graph.datasets where namespace = %s", HDATA)]
    check("asking what lies behind a hidden one gives nothing", [], query(
        dsn, "select * from graph.hidden_behind(current_user, %s::uuid[], null, null, true, null, null)", hidden))
    digests = [number for (number,) in pipe.query("select digest from graph.facets")]
    search(pipe, dsn, "facets by digest", "select content from graph.facets where digest = any (%s::uuid[])", digests)
    for call in ("graph.namespaces_of('metaops_owner')", "graph.namespaces_of('postgres')", "graph.namespaces_of('other')",
                 "graph.sees_description('metaops_owner', gen_random_uuid())",
                 "graph.restricted_body('metaops_owner', gen_random_uuid())",
                 "metaops.restrict_reader('restricted', '{%s}')" % HDATA, "metaops.release_reader('restricted')",
                 "graph.apply_row_security()", "graph.grant_reader()"):
        check(f"may not: {call[:60]}", "42501", search(pipe, dsn, call, f"select {call}"))
    for statement in ("set role metaops_reader", "set row_security = off; select * from graph.jobs",
                      "alter table graph.jobs disable row level security", "drop policy restricted on graph.jobs",
                      f"insert into graph.restricted_readers values ('restricted', '{{{HDATA}}}')",
                      "update graph.restricted_readers set namespaces = '{}'", "delete from graph.jobs"):
        check(f"may not: {statement[:60]}", "42501", search(pipe, dsn, statement, statement))
    check("its own list is all it sees of lists", [("restricted",)], query(
        dsn, "select role::text from graph.restricted_readers"))


def settings_of(pipe):
    return pipe.query("select count(*) filter (where relrowsecurity), count(*) filter (where 'security_invoker=true' = any (reloptions)),"
                      " count(*) filter (where relname like 'statements%' and relkind = 'i') from pg_class"
                      " where relnamespace in ('graph'::regnamespace, 'metaops'::regnamespace)")[0]


def main():
    with PrivatePostgres() as server:
        os.environ["METAOPS_DSN"] = server.dsn("metaops_owner")
        server.superuser("create role restricted login", "create role member login in role restricted", "create role other login",
                         "create role spy login in role metaops_reader")
        with Pipeline("row-security", 2) as pipe:
            pipe.worker()
            pipe.emit(events())
            pipe.produce(pipe.topic, [(0, None, f"{MARK} letter".encode())])
            pipe.wait_stored()
            reader, dsn = server.dsn("metaops_reader", pipe.database), server.dsn("restricted", pipe.database)
            before = {view: dump(reader, view) for view in VIEWS}
            off = settings_of(pipe)
            check("off by default", (0, 0), off[:2])
            server.superuser("alter role restricted set statement_timeout = '20s'")

            pipe.query("select metaops.restrict_reader('restricted', %s)", [DATA, VIS])
            pipe.query("select metaops.restrict_reader('other', %s)", [HDATA, HID])
            named = [pipe.value(f"select count(*)::int from graph.{rows}") for rows in ("row_rules", "row_views")]
            check("on: policies on all tables of the graph, views with the rights of who asks", (*named, off[2] + 3),
                  settings_of(pipe))
            look(pipe, dsn)
            lineage(pipe, dsn)
            walks(dsn)
            try_to_break(pipe, dsn)
            check("a member of the role sees as much", dump(dsn, "edges"), dump(server.dsn("member", pipe.database), "edges"))
            check("the other one sees the other world", [(f"{MARK}-H1",), (f"{MARK}-H2",), (f"{MARK}-dag",)], query(
                server.dsn("other", pipe.database), "select name from metaops.jobs order by name collate \"C\""))
            for view in VIEWS:
                check(f"a reader who is not restricted sees the same {view}", before[view], dump(reader, view))
            check("and members of its role too", before["jobs"], dump(server.dsn("spy", pipe.database), "jobs"))
            for role in ("metaops_reader", "spy", "metaops_writer", "metaops_owner"):
                try:
                    pipe.query(f"select metaops.restrict_reader('{role}', '{{}}')")
                    check(f"{role} cannot be restricted", "an error", "none")
                except psycopg.errors.InvalidParameterValue:
                    check(f"{role} cannot be restricted", True, True)

            pipe.query("alter view metaops.jobs reset (security_invoker)")
            pipe.run("migrate")
            check("migrate puts back what a replaced view lost", [("J1",), ("J2",), ("J3",)], query(dsn, "select name from metaops.jobs order by 1"))
            more = [line.replace(b"2026-03-01", b"2026-03-02") for line in events()]
            pipe.emit(more)
            pipe.wait_stored()
            check("the worker writes on", 2 * len(events()), pipe.value("select count(*) from metaops.events"))
            check("and the new is as hidden", 10, query(dsn, "select count(*) from metaops.events")[0][0])

            pipe.query("select metaops.restrict_reader('restricted', %s)", [DATA])
            check("another list counts at once", ([], 6), (
                query(dsn, "select name from metaops.jobs"), query(dsn, "select count(*) from metaops.datasets")[0][0]))
            pipe.query("select metaops.restrict_reader('restricted', '{}')")
            check("an empty one too", [], query(dsn, "select name from metaops.datasets"))
            pipe.query("select metaops.release_reader('restricted')")
            with psycopg.connect(dsn, autocommit=True) as connection:
                check("released: nothing can be read", "42501", attempt(connection, "select * from metaops.jobs")[0])
            pipe.query("select metaops.release_reader('other')")
            check("off after the last one", off, settings_of(pipe))
            check("the reader reads on", True, len(dump(reader, "jobs")) > 3)
    end()


main()
