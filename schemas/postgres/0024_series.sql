-- Series of numbers that runs tell: rows, bytes, shares, times. Of each a state of fixed size is kept (sinks/series_model.h):
-- what is usual, and the newest few points. States of what the same runs tell of the same thing share a row: one lock, one new
-- version for a run. A worker locks the rows of a batch in the order of their ids, reads them, adds the points of events that
-- are new, and writes them back in the same transaction.

create table graph.series (
    series_uuid uuid primary key,
    group_uuid uuid not null,
    job_uuid uuid not null,
    dataset_uuid uuid,
    direction smallint not null,
    metric smallint not null,
    field text,
    accepted_run uuid,
    sensitivity real,
    history_min integer
);
create index series_group on graph.series (group_uuid);
comment on table graph.series is 'Numbers that runs tell, and what people and rules say of them (view metaops.series).';
comment on column graph.series.series_uuid is 'Digest of what the series is about.';
comment on column graph.series.group_uuid is
    'Where its state is stored, with those that the same runs tell of the same thing: the run, a dataset, or a column.';
comment on column graph.series.job_uuid is 'The job whose runs tell it.';
comment on column graph.series.dataset_uuid is 'The dataset that is measured; null: the run itself.';
comment on column graph.series.direction is '0: as the job reads it, 1: as it writes it, 2: the run itself.';
comment on column graph.series.metric is
    '1 seconds between writes, 2 seconds that a run takes, 3 rows, 4 bytes, 5 files, 6 share of assertions that hold; of a column: 7 share of nulls, 8 of distinct values, 9 least, 10 largest, 11 mean, 1000 + n quantile n/1000.';
comment on column graph.series.field is 'The column, when it is about one.';
comment on column graph.series.accepted_run is
    'What this run began is expected, which the next point shall show; of gaps any id: the gap that is open. Null: nothing new is expected.';
comment on column graph.series.sensitivity is 'Limits are divided by it (rules); null: 1.';
comment on column graph.series.history_min is 'Points below which nothing is judged (rules); null: 14.';

create table graph.series_states (
    group_uuid uuid primary key,
    is_written boolean not null,
    has_orders boolean not null default true,
    missing smallint not null default 0,
    last_at timestamptz,
    late_at timestamptz,
    stale_at timestamptz,
    states bytea
) with (fillfactor = 50, toast_tuple_target = 8160); -- room for a new version of each row of a page: no index is touched
alter table graph.series_states alter states set storage external;
create index series_states_written on graph.series_states (group_uuid) where is_written;
comment on table graph.series_states is 'How the series of a group stand: what every run changes.';
comment on column graph.series_states.group_uuid is 'The group (graph.series).';
comment on column graph.series_states.is_written is 'It is about a dataset that the job writes: seconds between writes are among them.';
comment on column graph.series_states.has_orders is
    'graph.series may have accepted runs or limits that whoever adds the next point has to read; so it is of new groups.';
comment on column graph.series_states.missing is 'Told of the next write: 0 nothing is missing, 1 late, 2 stale.';
comment on column graph.series_states.last_at is 'Event time of the newest write.';
comment on column graph.series_states.late_at is 'When the next one is late.';
comment on column graph.series_states.stale_at is 'When it has been missing for long.';
comment on column graph.series_states.states is 'Of each series the newest points and what was learned (sinks/series_group.h).';

-- A number of eight bytes in network order.
create function graph.bigint_at(bytes bytea, at integer) returns bigint
language sql immutable parallel safe
return ('x' || encode(substring(bytes from at + 1 for 8), 'hex'))::bit(64)::bigint;

-- An IEEE 754 double in network order; null: no number.
create function graph.double_at(bytes bytea, at integer) returns double precision
language plpgsql immutable parallel safe
as $$
declare
    bits constant bigint := graph.bigint_at(bytes, at);
    exponent constant integer := (bits >> 52) & 2047;
    fraction constant double precision := (bits & 4503599627370495) / 4503599627370496.0::double precision;
begin
    return case when exponent = 2047 then null when exponent = 0 then 0 -- smaller ones are none that anybody measures
        else (case when bits < 0 then -1 else 1 end) * (1 + fraction) * 2::double precision ^ (exponent - 1023) end;
end $$;

create type graph.series_entry as (
    metric smallint, points integer, last_at timestamptz, last_value double precision, expected double precision,
    spread double precision, score real
);
comment on type graph.series_entry is 'How a series stands.';
comment on column graph.series_entry.metric is 'As in graph.series.';
comment on column graph.series_entry.points is 'How many runs have told it.';
comment on column graph.series_entry.last_at is 'Event time of the newest point.';
comment on column graph.series_entry.last_value is 'The newest number.';
comment on column graph.series_entry.expected is 'What it was expected to be; of writes: seconds to the next one.';
comment on column graph.series_entry.spread is 'One robust standard deviation, in the number''s own unit.';
comment on column graph.series_entry.score is 'By how many of them the newest was off; null: too young to tell.';

-- The entries of a group (sinks/series_group.h).
create function graph.series_entries(states bytea) returns setof graph.series_entry
language plpgsql immutable parallel safe
as $$
declare
    at integer := 0;
begin
    while at + 48 <= octet_length(states) loop
        return next (
            get_byte(states, at) * 256 + get_byte(states, at + 1), graph.bigint_at(states, at + 4) >> 32,
            'epoch'::timestamptz + graph.bigint_at(states, at + 8) * interval '1 microsecond',
            graph.double_at(states, at + 16), graph.double_at(states, at + 24), graph.double_at(states, at + 32),
            graph.double_at(states, at + 40))::graph.series_entry;
        at := at + 48 + get_byte(states, at + 2) * 256 + get_byte(states, at + 3);
    end loop;
end $$;

create view graph.series_now as
select s.*, e.points, e.last_at, e.last_value, e.expected, e.spread, e.score, g.missing,
    case when s.metric = 1 then g.late_at end as late_at, case when s.metric = 1 then g.stale_at end as stale_at
from graph.series s
join graph.series_states g using (group_uuid)
cross join lateral graph.series_entries(g.states) e
where e.metric = s.metric;
comment on view graph.series_now is 'Series and how they stand.';
comment on column graph.series_now.series_uuid is 'The series.';
comment on column graph.series_now.group_uuid is 'The group that its state is stored with.';
comment on column graph.series_now.job_uuid is 'The job whose runs tell it.';
comment on column graph.series_now.dataset_uuid is 'The dataset that is measured; null: the run itself.';
comment on column graph.series_now.direction is 'As in graph.series.';
comment on column graph.series_now.metric is 'As in graph.series.';
comment on column graph.series_now.field is 'The column, when it is about one.';
comment on column graph.series_now.accepted_run is 'What is expected that the state does not show yet.';
comment on column graph.series_now.sensitivity is 'Limits are divided by it; null: 1.';
comment on column graph.series_now.history_min is 'Points below which nothing is judged; null: 14.';
comment on column graph.series_now.points is 'How many runs have told it.';
comment on column graph.series_now.last_at is 'Event time of the newest point.';
comment on column graph.series_now.last_value is 'The newest number.';
comment on column graph.series_now.expected is 'What it was expected to be; of writes: seconds to the next one.';
comment on column graph.series_now.spread is 'One robust standard deviation.';
comment on column graph.series_now.score is 'By how many of them the newest was off.';
comment on column graph.series_now.missing is 'Of writes, told: 0 nothing is missing, 1 late, 2 stale.';
comment on column graph.series_now.late_at is 'Of writes: when the next one is late.';
comment on column graph.series_now.stale_at is 'Of writes: when it has been missing for long.';

create function graph.metric_name(metric smallint) returns text
language sql immutable parallel safe
return case when metric > 1000 then 'quantile ' || (metric - 1000) / 1000.0::real
    else (array['gap_seconds', 'duration_seconds', 'rows', 'bytes', 'files', 'passed_share', 'null_share', 'distinct_share',
                'min', 'max', 'mean'])[metric] end;

-- The kind of alert that a series raises.
create function graph.metric_kind(metric smallint) returns text
language sql immutable parallel safe
return case when metric = 1 then 'freshness' when metric = 2 then 'behaviour' when metric <= 5 then 'volume'
    else 'quality' end;

create view metaops.series as
select s.series_uuid as series_id, graph.metric_kind(s.metric) as kind, coalesce(d.namespace, j.namespace) as namespace,
    coalesce(d.name, j.name) as name, s.field, graph.metric_name(s.metric) as metric,
    s.points as observations, s.last_value, s.expected, s.spread, s.score as last_score, s.last_at as last_event_time,
    j.namespace as job_namespace, j.name as job_name,
    case s.direction when 0 then 'input' when 1 then 'output' end as direction, s.late_at, s.stale_at,
    coalesce(s.sensitivity, 1) as sensitivity, coalesce(s.history_min, 14) as history_min
from graph.series_now s
join graph.jobs j using (job_uuid)
left join graph.datasets d using (dataset_uuid)
where s.points > 0;
comment on view metaops.series is 'Numbers that runs tell and what is usual for each: what learned drift is judged by.';
comment on column metaops.series.series_id is 'The series; the same in every store.';
comment on column metaops.series.kind is 'Kind of alert that it raises: freshness, behaviour, volume or quality.';
comment on column metaops.series.namespace is 'Namespace of the dataset, or of the job.';
comment on column metaops.series.name is 'Name of the dataset, or of the job.';
comment on column metaops.series.field is 'The column, when it is about one.';
comment on column metaops.series.metric is
    'gap_seconds (between writes), duration_seconds, rows, bytes, files, passed_share (assertions that hold), null_share, distinct_share, min, max, mean or a quantile.';
comment on column metaops.series.observations is 'How many runs have told it. Nothing is judged below history_min.';
comment on column metaops.series.last_value is 'The newest number.';
comment on column metaops.series.expected is 'What it was expected to be; of gap_seconds: seconds to the next write.';
comment on column metaops.series.spread is 'One robust standard deviation, in the number''s own unit.';
comment on column metaops.series.last_score is 'By how many of them the newest was off; null: too young to tell.';
comment on column metaops.series.last_event_time is 'Event time of the newest point.';
comment on column metaops.series.job_namespace is 'Namespace of the job whose runs tell it.';
comment on column metaops.series.job_name is 'Name of that job.';
comment on column metaops.series.direction is 'input: as the job reads the dataset, output: as it writes it; null: the run itself.';
comment on column metaops.series.late_at is 'Of gap_seconds: when the next write is late.';
comment on column metaops.series.stale_at is 'Of gap_seconds: when it has been missing for long.';
comment on column metaops.series.sensitivity is 'Limits are divided by it: more of it, more alerts (rules).';
comment on column metaops.series.history_min is 'Observations below which nothing is judged (rules).';

-- What becomes of an alert of a series: it opens (1), is seen again (2), is over (3), was over before it was known (4), or
-- was none, as a run that came late shows (5).
create type graph.series_finding as (
    series_uuid uuid, what smallint, run uuid, at timestamptz, good_run uuid, good_at timestamptz,
    value double precision, expected double precision, spread double precision, score real
);
comment on type graph.series_finding is 'Something to tell about a series.';
comment on column graph.series_finding.series_uuid is 'The series.';
comment on column graph.series_finding.what is '1 off, 2 still off, 3 back, 4 was off and is back, 5 was never off.';
comment on column graph.series_finding.run is 'The first run that was off.';
comment on column graph.series_finding.at is 'Event time of that.';
comment on column graph.series_finding.good_run is 'The last run before it.';
comment on column graph.series_finding.good_at is 'Event time of that.';
comment on column graph.series_finding.value is 'What the first run that was off told.';
comment on column graph.series_finding.expected is 'What was expected.';
comment on column graph.series_finding.spread is 'One robust standard deviation.';
comment on column graph.series_finding.score is 'By how many it was off.';

create function graph.series_alert(series uuid, run uuid) returns uuid
language sql immutable parallel safe
return md5(concat_ws('|', 'series', series, run))::uuid;

-- A number as people read it.
create function graph.short_number(value double precision) returns text
language sql immutable parallel safe
return case when abs(value) >= 1e15 then value::text else trim_scale(round(value::numeric,
    case when abs(value) >= 100 then 0 when abs(value) >= 1 then 2 else 4 end))::text end;

create function graph.series_title(s graph.series_now, name text, f graph.series_finding) returns text
language sql stable parallel safe
return case when s.metric = 1 then format('%s: %s, last written %s, expected after %s', name,
        case s.missing when 2 then 'stale' else 'late' end, to_char(s.last_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'),
        date_trunc('second', make_interval(secs => f.expected)))
    else format('%s: %s%s is %s, expected %s', name, replace(graph.metric_name(s.metric), '_', ' '),
        ' of ' || s.field, graph.short_number(f.value), graph.short_number(f.expected)) end;

-- How bad: data that is all but gone, or missing for long, where somebody reads it.
create function graph.series_severity(s graph.series_now, f graph.series_finding, is_read boolean) returns text
language sql stable parallel safe
return case
    when s.metric = 2 then 'info'
    when is_read and s.metric = 1 and s.missing = 2 then 'critical'
    when is_read and s.direction = 1 and s.metric in (3, 4) and f.value < 0.1 * f.expected then 'critical'
    else 'warning' end;

-- An open alert of the same run that explains this one, as exact drift comes before volume and volume before the rest.
-- What is upstream explains, too: graph.upstream_cause.
create function graph.series_cause(alert uuid, run uuid) returns uuid
language plpgsql stable
as $$
begin
    return (
        select a.alert_id
        from graph.alerts a
        where a.run_uuid = run and a.status in ('open', 'acknowledged') and a.alert_id <> alert and a.cause is null
        order by array_position(array['schema', 'consistency', 'topology', 'stewardship', 'behaviour', 'code', 'environment',
                                      'freshness', 'volume'], a.kind), a.event_time, a.alert_id
        limit 1);
end $$;

create function graph.raise_series_one(alert uuid, s graph.series_now, f graph.series_finding) returns void
language plpgsql
as $$
declare
    is_dataset constant boolean := s.dataset_uuid is not null;
    subject constant uuid := coalesce(s.dataset_uuid, s.job_uuid);
    namespace text;
    name text;
    hit jsonb := '[]';
    detail jsonb;
begin
    if is_dataset then
        select d.namespace, d.name into namespace, name from graph.datasets d where d.dataset_uuid = s.dataset_uuid;
    else
        select j.namespace, j.name into namespace, name from graph.jobs j where j.job_uuid = s.job_uuid;
    end if;
    if f.what <> 4 then
        hit := graph.drift_downstream(subject, case when s.field is not null then array[s.field] end);
    end if;
    detail := jsonb_strip_nulls(jsonb_build_object(
        'metric', graph.metric_name(s.metric), 'observed', f.value, 'expected', f.expected, 'spread', f.spread,
        'score', round(f.score::numeric, 1), 'since', f.at, 'series_id', s.series_uuid,
        'changes', jsonb_build_array(jsonb_build_object('change', 'changed', 'what', graph.metric_name(s.metric),
                                                        'from', f.expected, 'to', f.value)),
        'last_good_run', (select graph.run_name(r.run_id, r.run_uuid) from graph.runs r where r.run_uuid = f.good_run),
        'last_good_at', f.good_at, 'principal', graph.principal_of(f.run, f.at),
        'owners', (select nullif(o.owners, '[]') from graph.owners_of(array[subject]) o),
        'sql', format('select * from metaops.series where series_id = %L', s.series_uuid)))
        || coalesce((select a.actor from graph.drift_actors(array[f.run], array[f.at]) a), '{}');
    perform graph.raise_alert(alert, graph.metric_kind(s.metric), graph.series_severity(s, f, hit <> '[]'),
        case when is_dataset then 3 else 2 end::smallint, subject, s.field,
        graph.series_title(s, name, f), detail, hit, f.at, f.run, f.what = 4,
        case when s.metric <> 1 then graph.series_cause(alert, f.run) end);
end $$;

-- It is over, or never was.
create function graph.end_series_alert(alert uuid, never_was boolean) returns void
language plpgsql
as $$
declare
    was graph.alerts;
begin
    select * into was from graph.alerts a where a.alert_id = alert for update;
    if was.status in ('open', 'acknowledged') then
        update graph.alerts a set status = 'resolved' where a.alert_id = alert;
        perform graph.tell_alert(alert, 'resolved');
    end if;
    if never_was and not graph.is_news(was.event_time, was.opened_at)
            and was.status in ('open', 'acknowledged', 'resolved') then
        delete from graph.alert_events e where e.alert_id = alert;
        delete from graph.alerts a where a.alert_id = alert;
    end if;
end $$;

-- What workers found, in order. What cannot be told stops no event.
create function graph.raise_series(findings graph.series_finding[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
as $$
declare
    f graph.series_finding;
    s graph.series_now;
begin
    foreach f in array findings loop
        begin
            if f.what in (1, 4) then
                select * into s from graph.series_now x where x.series_uuid = f.series_uuid;
                perform graph.raise_series_one(graph.series_alert(s.series_uuid, f.run), s, f);
            elsif f.what = 2 then
                update graph.alerts a set last_seen_at = now()
                where a.alert_id = graph.series_alert(f.series_uuid, f.run) and a.status <> 'resolved';
            else
                perform graph.end_series_alert(graph.series_alert(f.series_uuid, f.run), f.what = 5);
            end if;
        exception when others then
            if graph.may_go_better(sqlstate) or sqlstate like '55%' then
                raise;
            end if;
            raise warning 'an alert of series % cannot be told: %', f.series_uuid, sqlerrm;
        end;
    end loop;
end $$;

-- How far what Kafka holds is stored: all that it had at that time is. ends: of each partition topic, partition, low and high, as
-- they were asked now.
create function graph.stored_to(cluster text, ends jsonb) returns timestamptz
language sql stable
begin atomic
    select least(now(), min(case when e.low = e.high or o.next_offset >= e.high then now()
                                else coalesce(to_timestamp(o.last_timestamp_ms / 1000.0), '-infinity') end))
    from jsonb_to_recordset(ends) e (topic text, partition integer, low bigint, high bigint)
    left join graph.offsets o on o.cluster_id = cluster and o.topic = e.topic and o.partition = e.partition;
end;

-- The group's dataset was to be written by then, and was not; nobody was told, or only that it is late.
create function graph.is_missing(g graph.series_states, stored_to timestamptz) returns boolean
language sql stable
return g.is_written and (g.missing = 0 and g.late_at <= stored_to and graph.is_news(g.late_at)
    or g.missing = 1 and g.stale_at <= stored_to and graph.is_news(g.stale_at));

create function graph.missing_series(stored_to timestamptz) returns setof uuid
language sql stable
begin atomic
    select g.group_uuid from graph.series_states g where g.is_written and graph.is_missing(g, stored_to);
end;

-- Writes that are missing: late, then stale, and not in Kafka, to be stored yet. One session at a time; old ones are history.
-- The alert is about the dataset since the run that wrote last, and over when it is written again.
create function graph.judge_missing(most integer, stored_to timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
as $$
declare
    late uuid;
    told integer := 0;
begin
    if not pg_try_advisory_xact_lock(hashtext('metaops.judge_missing')) then
        return 0;
    end if;
    for late in
        select g.group_uuid from graph.series_states g
        where g.group_uuid in (select m from graph.missing_series(judge_missing.stored_to) m)
        order by g.group_uuid limit most for update skip locked
    loop
        update graph.series_states g set missing = g.missing + 1
        where g.group_uuid = late and graph.is_missing(g, judge_missing.stored_to);
        continue when not found; -- written while the others were told
        perform graph.raise_missing(s)
        from graph.series_now s where s.group_uuid = late and s.metric = 1;
        told := told + 1;
    end loop;
    return told;
end $$;

create function graph.raise_missing(s graph.series_now) returns void
language plpgsql
as $$
declare
    at constant timestamptz := case s.missing when 1 then s.late_at else s.stale_at end;
    last_run constant uuid := (select r.run_uuid from graph.runs r
                               where r.job_uuid = s.job_uuid and r.ended_at = s.last_at and r.state = 2
                               order by r.run_uuid limit 1);
begin
    perform graph.raise_series_one(graph.series_alert(s.series_uuid, graph.missing_run(s)), s,
        (s.series_uuid, 1, null, at, last_run, s.last_at, extract(epoch from at - s.last_at), s.expected, s.spread,
         null)::graph.series_finding);
end $$;

-- Stands for the run that has not come.
create function graph.missing_run(s graph.series_now) returns uuid
language sql immutable parallel safe
return md5(concat_ws('|', 'missing', s.series_uuid, extract(epoch from s.last_at)))::uuid;

-- What was missing has come: alerts of these series are over.
create function graph.end_missing(series uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off
as $$
declare
    s graph.series_now;
begin
    for s in select * from graph.series_now x where x.series_uuid = any (series) and x.missing > 0 order by x.series_uuid loop
        perform graph.end_series_alert(graph.series_alert(s.series_uuid, graph.missing_run(s)), false);
    end loop;
end $$;

-- What the alert told is expected, and what it explains: workers that add the next points take them as the new baseline.
-- Locked as workers do: groups of series in order, then alerts.
create function graph.accept_series(alert uuid) returns void
language plpgsql
as $$
declare
    groups constant uuid[] := array(
        select s.group_uuid
        from graph.alerts a join graph.series s on s.series_uuid = (a.detail ->> 'series_id')::uuid
        where a.alert_id = accept_series.alert or a.cause = accept_series.alert and a.status in ('open', 'acknowledged'));
begin
    perform from graph.series_states g where g.group_uuid = any (groups) order by g.group_uuid for update;
    update graph.series s set accepted_run = coalesce(a.run_uuid, s.series_uuid)
    from graph.alerts a, graph.series_states g
    where s.series_uuid = (a.detail ->> 'series_id')::uuid and g.group_uuid = s.group_uuid
        and (a.alert_id = accept_series.alert or a.cause = accept_series.alert and a.status in ('open', 'acknowledged'))
        and (s.metric <> 1 or g.missing > 0);
    update graph.series_states g set has_orders = true where g.group_uuid = any (groups);
end $$;

revoke execute on function graph.raise_series(graph.series_finding[]),
    graph.stored_to(text, jsonb), graph.judge_missing(integer, timestamptz), graph.end_missing(uuid[]),
    graph.accept_series(uuid) from public;

insert into graph.role_rights values
    ('metaops_writer', 'graph.series', 'insert, select, update'),
    ('metaops_writer', 'graph.series_states', 'insert, select, update'),
    ('metaops_writer', 'function graph.raise_series(graph.series_finding[])', 'execute'),
    ('metaops_writer', 'function graph.stored_to(text, jsonb)', 'execute'),
    ('metaops_writer', 'function graph.judge_missing(integer, timestamptz)', 'execute'),
    ('metaops_writer', 'function graph.end_missing(uuid[])', 'execute');
