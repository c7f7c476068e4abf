-- What the rules would have told over the history that is stored. Exact drift is a function of the stored statements, so
-- it is judged again, and so are contracts; what was learned from series is taken as it was raised. Who would
-- have been hit is taken from the graph as it is now.

create function graph.contracts_of(document jsonb) returns setof graph.contracts
language sql immutable parallel safe
begin atomic
    select t ->> 'id', graph.like_of(t ->> 'namespace'), graph.like_of(t ->> 'name'), t, '-infinity'::timestamptz
    from jsonb_array_elements(document -> 'contracts') t;
end;

create type graph.backtest_alert as (
    kind text, subject uuid, severity text, title text, at timestamptz, run uuid, fact text, changes jsonb
);
comment on type graph.backtest_alert is 'An alert that the history gives.';
comment on column graph.backtest_alert.kind is 'Kind of alert.';
comment on column graph.backtest_alert.subject is 'Dataset or job.';
comment on column graph.backtest_alert.severity is 'How bad, before the rules.';
comment on column graph.backtest_alert.title is 'What changed.';
comment on column graph.backtest_alert.at is 'Time of the event that showed it first.';
comment on column graph.backtest_alert.run is 'The run of that event.';
comment on column graph.backtest_alert.fact is 'In which respect.';
comment on column graph.backtest_alert.changes is 'The difference.';

create function graph.backtest_drift(since timestamptz) returns setof graph.backtest_alert
language plpgsql
as $$
begin
    return query
    with due as (
        select s.aspect, array_agg(s.subject_uuid) as subjects from graph.drift_subjects s
        where (s.contents > 1 or s.aspect in (6, 9)) and s.contents <= 1000
        group by s.aspect
    )
    select c.kind, c.subject_uuid, graph.drift_severity(c.kind, c.changes, coalesce(hit.nodes, '[]')),
        graph.drift_title(c.changes), c.at, c.run, c.fact, c.changes
    from due d
    cross join lateral graph.changes_of(d.subjects, d.aspect, case when d.aspect in (1, 2, 7)
        then array(select s from graph.drift_said(d.subjects, d.aspect) s) end) c
    cross join lateral (select array_agg(x ->> 'field') as fields from jsonb_array_elements(c.changes) x
                        where c.kind = 'schema' and x ->> 'change' in ('removed', 'retyped')) lost
    left join lateral (
        select graph.drift_downstream(c.subject_uuid, lost.fields) as nodes
        where lost.fields is not null or c.changes @? '$[*] ? (@.to == "dropped" || @.what == "outcome")') hit on true
    where c.at >= since;
end $$;

-- Each version of each facet that a contract is about; when a facet was never stated, the first statement.
create function graph.backtest_contract(contract graph.contracts, dataset uuid, since timestamptz)
returns setof graph.backtest_alert
language plpgsql stable
as $$
begin
    return query
    with said as materialized (
        select s.first_at, s.first_run, graph.slot_digest(s.descriptions, i.ordinal) as description_id
        from graph.io_sets i join graph.statements s using (io_id)
        where i.dataset_uuid = dataset and i.direction in (1, 2)
    ), versions as (
        select distinct on (w.clause, w.facet, d.digest) w.clause, w.facet, s.first_at as at, s.first_run as run,
            case when not f.deleted then f.content end as content
        from said s
        join graph.descriptions d using (description_id)
        join graph.facets f using (digest)
        join graph.wanted_facets(contract.terms) w on w.facet = d.name
        where d.name <> 'schema' or f.deleted or exists (select from graph.schema_fields(f.content))
        order by w.clause, w.facet, d.digest, s.first_at, s.first_run
    ), judged as (
        select v.* from versions v
        union all
        select w.clause, w.facet, s.first_at, s.first_run, null
        from graph.wanted_facets(contract.terms) w
        cross join (select * from said order by first_at, first_run limit 1) s
        where not exists (select from versions v where v.facet = w.facet)
    ), broken as (
        select j.at, j.run, j.clause, case when j.clause <> 'minimum' then graph.clause_breaks(j.clause, contract.terms, j.content)
            when j.content is null then jsonb_build_array(graph.broken('facet', to_jsonb(j.facet), '"nobody states it"'))
            else '[]' end as changes
        from judged j
    )
    select 'contract', dataset, coalesce(contract.terms ->> 'severity', 'warning'), graph.contract_title(b.changes), b.at, b.run,
        b.clause, b.changes
    from broken b where b.changes <> '[]' and b.at >= since;
end $$;

create function graph.backtest_freshness(contract graph.contracts, dataset uuid, since timestamptz)
returns setof graph.backtest_alert
language plpgsql stable
as $$
declare
    max_age constant interval := (contract.terms #>> '{freshness,value}')::float8 * ('1 '
        || case contract.terms #>> '{freshness,unit}' when 's' then 'second' when 'm' then 'minute' when 'h' then 'hour'
            else 'day' end)::interval;
begin
    return query
    with writes as (
        select e.event_time as at, lead(e.event_time, 1, now()) over (order by e.event_time) as next_at
        from graph.io_sets i join graph.statements s using (io_id) join graph.events e using (statement_id)
        where i.dataset_uuid = dataset and i.direction = 1 and upper(e.event_type) = 'COMPLETE'
            and e.event_time >= since - max_age
    )
    select 'contract', dataset, coalesce(contract.terms ->> 'severity', 'warning'), 'not written', w.at + max_age, null::uuid,
        'freshness', '[]'::jsonb
    from writes w where w.next_at > w.at + max_age and w.at + max_age >= since;
end $$;

-- Everything since a time, each alert with what would have become of it: told, attached (one of the same run explains it) or
-- off. document: a file of contracts and rules; null: those that are loaded.
create function graph.drift_backtest(since timestamptz, document jsonb)
returns table (kind text, severity text, namespace text, name text, owners jsonb, at timestamptz, title text, fate text)
language plpgsql
as $$
declare
    rules constant graph.drift_rules[] := case when document is null then array(select r from graph.drift_rules r)
        else array(select r from graph.rules_of(document) r) end;
    contracts constant graph.contracts[] := case when document is null then array(select c from graph.contracts c)
        else array(select c from graph.contracts_of(document) c) end;
begin
    return query
    with bound as materialized (
        select c as contract, c.terms, d.dataset_uuid
        from unnest(contracts) c join graph.datasets d on d.namespace like c.namespace and d.name like c.name
    ), alerts as materialized (
        select * from graph.backtest_drift(since)
        union all
        select a.* from bound b cross join lateral graph.backtest_contract(b.contract, b.dataset_uuid, since) a
        union all
        select a.* from bound b cross join lateral graph.backtest_freshness(b.contract, b.dataset_uuid, since) a
        where b.terms ? 'freshness'
        union all
        select a.kind, a.subject_uuid, a.severity, a.title, a.event_time, a.run_uuid, a.detail ->> 'fact', a.detail -> 'changes'
        from graph.alerts a
        where a.aspect is null and a.kind <> 'contract' and a.event_time >= since
    ), ruled as materialized (
        select a.*, n.namespace as in_namespace, n.name as of_name, graph.drift_rank(a.kind) as place,
            graph.apply_rules(rules, (select min((b.terms ->> 'tier')::smallint) from bound b where b.dataset_uuid = a.subject),
                              a.kind, n.namespace, n.name) as ruling
        from alerts a cross join lateral graph.subject_names(a.subject) n
    ), grouped as (
        select r.*, min(r.place) filter (where (r.ruling).is_on) over (partition by r.run) as first_place,
            case when r.fact in ('engine', 'emitter') then lag(r.at) over (
                partition by r.kind, r.fact, r.changes, r.in_namespace, (r.ruling).is_on order by r.at, r.subject) end as same_at
        from ruled r
    )
    select g.kind, graph.ruled_severity(g.ruling, g.severity), g.in_namespace, g.of_name, o.owners, g.at, g.title,
        case when not (g.ruling).is_on then 'off'
            when g.run is not null and g.first_place < g.place or g.same_at > g.at - interval '1 day' then 'attached'
            else 'told' end
    from grouped g
    left join graph.owners_of(array(select distinct r.subject from ruled r)) o on o.subject_uuid = g.subject;
end $$;
revoke execute on function graph.drift_backtest(timestamptz, jsonb) from public;
