-- Contracts: what is declared of datasets in a file (alerts.contracts_file), and rules for drift, from the same file. A
-- contract that does not hold is an alert at once: worker transactions that say something new of a dataset under a
-- contract judge it; what time breaks (freshness) and what a new file declares is judged by the alerter.
--
-- A contract is judged on what is accepted now: of each facet the latest that writers and dataset events state, whoever
-- says it. So once all events are known the open alerts do not depend on their order; breaks that were over before they
-- were seen leave none.

create table graph.contracts (
    contract_id text primary key,
    namespace text not null,
    name text not null,
    terms jsonb not null,
    declared_at timestamptz not null
);
comment on table graph.contracts is 'What is declared of datasets (view metaops.contracts).';
comment on column graph.contracts.contract_id is 'Its id in the file.';
comment on column graph.contracts.namespace is 'Namespaces of its datasets: LIKE pattern.';
comment on column graph.contracts.name is 'Names of its datasets: LIKE pattern.';
comment on column graph.contracts.terms is 'The contract as it stands in the file.';
comment on column graph.contracts.declared_at is 'Since when it stands there so.';

create table graph.contract_datasets (
    dataset_uuid uuid not null,
    contract_id text not null references graph.contracts on delete cascade,
    accepted jsonb,
    is_declared boolean not null,
    is_stale boolean not null default false,
    look_at timestamptz not null default '-infinity',
    stale_at timestamptz not null default 'infinity',
    failure text,
    primary key (dataset_uuid, contract_id)
);
create index contract_datasets_look on graph.contract_datasets (look_at);
create index contract_datasets_stale on graph.contract_datasets (stale_at);
create index contract_datasets_contract on graph.contract_datasets (contract_id);
comment on table graph.contract_datasets is 'Datasets under contracts; locked, in order, by who judges them.';
comment on column graph.contract_datasets.dataset_uuid is 'The dataset.';
comment on column graph.contract_datasets.contract_id is 'The contract.';
comment on column graph.contract_datasets.accepted is 'Name and digest of each facet by which it was judged; null: not yet.';
comment on column graph.contract_datasets.is_declared is 'A new file has to be judged, not a new event; of freshness, too, while stale_at is over.';
comment on column graph.contract_datasets.is_stale is 'Its freshness is broken.';
comment on column graph.contract_datasets.look_at is 'When the alerter judges it again.';
comment on column graph.contract_datasets.stale_at is 'When its freshness breaks unless what Kafka holds says otherwise; infinity: never, or that is told.';
comment on column graph.contract_datasets.failure is 'Why it could not be judged: null when it could.';

create table graph.drift_rules (
    place integer primary key,
    kinds text[],
    namespace text not null,
    name text not null,
    is_on boolean,
    severity text,
    tier smallint,
    thresholds jsonb
);
comment on table graph.drift_rules is 'What is to become of drift; of several rules that match the last decides (view metaops.drift_rules).';
comment on column graph.drift_rules.place is 'Place in the file.';
comment on column graph.drift_rules.kinds is 'Kinds of alerts; null: all.';
comment on column graph.drift_rules.namespace is 'Namespaces of subjects: LIKE pattern.';
comment on column graph.drift_rules.name is 'Names of subjects: LIKE pattern.';
comment on column graph.drift_rules.is_on is 'False: no alert.';
comment on column graph.drift_rules.severity is 'Severity of the alerts; null: by what changed.';
comment on column graph.drift_rules.tier is '1: a severity more, 3: one less.';
comment on column graph.drift_rules.thresholds is 'Numbers for what is learned, by name.';

-- Views for people -----------------------------------------------------------------------------------------------

create view metaops.contracts as
select c.contract_id, d.namespace, d.name, c.terms, c.declared_at,
    exists (select from graph.alerts a
            where a.subject_uuid = b.dataset_uuid and a.kind = 'contract' and a.detail ->> 'contract' = c.contract_id
                and a.status in ('open', 'acknowledged')) as is_broken
from graph.contracts c
left join graph.contract_datasets b using (contract_id)
left join graph.datasets d using (dataset_uuid);
comment on view metaops.contracts is 'Contracts and the datasets that are under them.';
comment on column metaops.contracts.contract_id is 'Its id in the file.';
comment on column metaops.contracts.namespace is 'Namespace of the dataset; null: there is none yet.';
comment on column metaops.contracts.name is 'Name of the dataset.';
comment on column metaops.contracts.terms is 'The contract as it stands in the file.';
comment on column metaops.contracts.declared_at is 'Since when it stands there so.';
comment on column metaops.contracts.is_broken is 'An alert of kind contract is open.';

create view metaops.drift_rules as
select place, kinds, namespace, name, is_on, severity, tier, thresholds from graph.drift_rules;
comment on view metaops.drift_rules is 'What is to become of drift; of several rules that match the last decides, each column by itself.';
comment on column metaops.drift_rules.place is 'Place in the file.';
comment on column metaops.drift_rules.kinds is 'Kinds of alerts; null: all.';
comment on column metaops.drift_rules.namespace is 'Namespaces of subjects: LIKE pattern.';
comment on column metaops.drift_rules.name is 'Names of subjects: LIKE pattern.';
comment on column metaops.drift_rules.is_on is 'False: no alert.';
comment on column metaops.drift_rules.severity is 'Severity of the alerts; null: by what changed.';
comment on column metaops.drift_rules.tier is '1: a severity more, 3: one less.';
comment on column metaops.drift_rules.thresholds is 'Numbers for what is learned, by name.';

-- Rules ----------------------------------------------------------------------------------------------------------

-- A pattern with * and ? as LIKE has it.
create function graph.like_of(pattern text) returns text
language sql immutable parallel safe
return translate(regexp_replace(coalesce(pattern, '*'), '([\\%_])', '\\\1', 'g'), '*?', '%_');

create type graph.drift_ruling as (is_on boolean, severity text, tier smallint, thresholds jsonb);
comment on type graph.drift_ruling is 'What the rules say of one subject and kind.';
comment on column graph.drift_ruling.is_on is 'Whether there are alerts.';
comment on column graph.drift_ruling.severity is 'Of which severity; null: by what changed.';
comment on column graph.drift_ruling.tier is '1: a severity more, 3: one less; null or 2: as it is.';
comment on column graph.drift_ruling.thresholds is 'Numbers for what is learned, by name; null: none.';

-- What rules say of one kind and subject: the last that matches, each member by itself. tier: that of its contract.
create function graph.apply_rules(rules graph.drift_rules[], tier smallint, kind text, namespace text, name text)
returns graph.drift_ruling
language plpgsql immutable
as $$
declare
    ruling graph.drift_ruling := row(true, null, tier, null);
    rule graph.drift_rules;
begin
    for rule in
        select r.* from unnest(rules) r
        where (r.kinds is null or apply_rules.kind = any (r.kinds)) and apply_rules.namespace like r.namespace
            and apply_rules.name like r.name
        order by r.place
    loop
        ruling := row(coalesce(rule.is_on, ruling.is_on), coalesce(rule.severity, ruling.severity),
                      coalesce(rule.tier, ruling.tier),
                      nullif(coalesce(ruling.thresholds, '{}') || coalesce(rule.thresholds, '{}'), '{}'));
    end loop;
    return ruling;
end $$;

create function graph.subject_names(subject uuid) returns table (namespace text, name text)
language plpgsql stable parallel safe
as $$
begin
    return query
    select d.namespace, d.name from graph.datasets d where d.dataset_uuid = subject
    union all
    select j.namespace, j.name from graph.jobs j where j.job_uuid = subject
    union all
    select m.namespace, m.name from graph.monitors m where m.monitor_uuid = subject
    union all
    select m.namespace, m.name from graph.models m where m.model_uuid = subject
    union all
    select p.namespace, p.name from graph.deployments p where p.deployment_uuid = subject;
end $$;

-- The rules for a subject; the tier of its contract counts before them.
create function graph.drift_ruling_of(kind text, subject uuid) returns graph.drift_ruling
language plpgsql stable
as $$
declare
    rules constant graph.drift_rules[] := array(select r from graph.drift_rules r);
    contract_tier constant smallint := (
        select min((c.terms ->> 'tier')::smallint)
        from graph.contract_datasets b join graph.contracts c using (contract_id) where b.dataset_uuid = subject);
begin
    if cardinality(rules) = 0 then
        return row(true, null, contract_tier, null)::graph.drift_ruling;
    end if;
    return (select graph.apply_rules(rules, contract_tier, kind, n.namespace, n.name) from graph.subject_names(subject) n);
end $$;

create function graph.ruled_severity(ruling graph.drift_ruling, severity text) returns text
language sql immutable parallel safe
return coalesce(ruling.severity, (array['info', 'warning', 'critical'])[least(3, greatest(1,
    array_position(array['info', 'warning', 'critical'], severity) + case ruling.tier when 1 then 1 when 3 then -1 else 0 end))]);

create function graph.resolve_alert(alert uuid) returns void
language plpgsql
as $$
begin
    update graph.alerts a set status = 'resolved'
    where a.alert_id = alert and a.status in ('open', 'acknowledged');
    if found then
        perform graph.tell_alert(alert, 'resolved');
    end if;
end $$;

-- An alert as the rules want it. What is upstream and open may explain it (graph.upstream_cause), which is asked here of what
-- is told to nobody, and before a message goes out of all else (graph.attach_symptoms); when it opens again it may
-- be something else than at first.
create function graph.raise_alert(alert uuid, kind text, severity text, subject_kind smallint, subject uuid, field text,
                                  title text, detail jsonb, downstream jsonb, event_time timestamptz, run uuid,
                                  is_past boolean, cause uuid, aspect smallint default null) returns void
language plpgsql
as $$
declare
    ruling constant graph.drift_ruling := graph.drift_ruling_of(kind, subject);
    explained_by uuid := cause;
begin
    if not ruling.is_on then
        perform graph.resolve_alert(alert);
        return;
    end if;
    if not is_past then
        if explained_by is null and not graph.is_news(event_time) then
            explained_by := graph.upstream_cause(alert, kind, subject, detail, event_time, run);
        end if;
        update graph.alerts a set cause = explained_by
        where a.alert_id = alert and a.status = 'resolved' and a.cause is distinct from explained_by;
    end if;
    perform graph.put_alert(alert, kind, graph.ruled_severity(ruling, severity), subject_kind, subject, field, title,
                            detail, downstream, event_time, run, is_past, explained_by, aspect);
end $$;

-- Opens alerts that are not there yet, as the rules want them: all at once, told in their order. What is upstream is asked for
-- none of them: they are over, or news, of which that is asked before a message goes out.
create function graph.open_alerts(alerts graph.alerts[]) returns void
language plpgsql
as $$
declare
    has_rules constant boolean := exists (select from graph.drift_rules);
    opened uuid[];
begin
    with ruled as materialized (
        select n.*, case when has_rules or exists (select from graph.contract_datasets b where b.dataset_uuid = n.subject_uuid offset 0)
            then graph.drift_ruling_of(n.kind, n.subject_uuid) end as ruling
        from unnest(alerts) n
    ), opened as (
        insert into graph.alerts
        select r.alert_id, r.kind, graph.ruled_severity(r.ruling, r.severity), r.status, r.subject_kind, r.subject_uuid, r.field,
            r.title, r.detail, r.downstream, r.opened_at, r.last_seen_at, r.event_time, r.run_uuid, r.occurrences, r.cause, r.aspect
        from ruled r
        where (r.ruling).is_on is distinct from false
        on conflict do nothing
        returning alert_id, status
    )
    select array_agg(o.alert_id) into opened from opened o where o.status = 'open';
    if opened is not null then
        perform graph.tell_alerts(opened, 'opened');
    end if;
end $$;

-- Judging a contract ---------------------------------------------------------------------------------------------

create type graph.stated_fact as (name text, digest uuid, content jsonb, at timestamptz, run uuid);
comment on type graph.stated_fact is 'A facet of a dataset as it is accepted now.';
comment on column graph.stated_fact.name is 'Name of the facet; empty: only when the dataset was stated last.';
comment on column graph.stated_fact.digest is 'The facet (graph.facets).';
comment on column graph.stated_fact.content is 'What it says; null: it was taken back.';
comment on column graph.stated_fact.at is 'Since which event it is so.';
comment on column graph.stated_fact.run is 'The run of that event.';

-- Of each facet that writers and dataset events state the latest, and which event made it so: the first of it, unless
-- another one was said in between.
create function graph.stated_facts(dataset uuid) returns setof graph.stated_fact
language plpgsql stable set join_collapse_limit = 1
as $$
begin
    return query
    with statements as materialized (
        select s.first_at, s.first_run, s.last_at, s.last_by,
            graph.slot_digest(s.descriptions, i.ordinal) as description_id
        from graph.io_sets i join graph.statements s using (io_id)
        where i.dataset_uuid = dataset and i.direction in (1, 2)
        order by s.last_at desc, s.last_by desc limit 1000
    ), versions as materialized (
        select d.name, d.digest, min(s.first_at) as first_at,
            (array_agg(s.first_run order by s.first_at, s.first_run))[1] as first_run, max(s.last_at) as last_at,
            (array_agg(s.last_by order by s.last_at desc, s.last_by desc))[1] as last_by
        from statements s join graph.descriptions d using (description_id)
        group by d.name, d.digest
    ), latest as (
        select distinct on (v.name) v.*, case when not f.deleted then f.content end as content
        from versions v join graph.facets f using (digest)
        where v.name <> 'schema' or f.deleted or exists (select from graph.schema_fields(f.content))
        order by v.name, v.last_at desc, v.last_by desc, v.digest desc
    )
    select l.name, l.digest, l.content, case when o.last_at > l.first_at then l.last_at else l.first_at end,
        case when o.last_at > l.first_at then graph.run_of(l.last_by, l.last_at) else l.first_run end
    from latest l
    cross join lateral (select max(v.last_at) as last_at from versions v
                        where v.name = l.name and v.digest <> l.digest) o
    union all
    (select '', null, null, s.last_at, graph.run_of(s.last_by, s.last_at)
     from statements s order by s.last_at desc, s.last_by desc limit 1);
end $$;

create function graph.is_type_kept(promised text, found text) returns boolean
language sql stable parallel safe
return found is null or graph.canonical_type(found) = graph.canonical_type(promised)
    or promised !~ '\(' and regexp_replace(graph.canonical_type(found), '\(.*', '') = graph.canonical_type(promised);

-- Where a schema is not what terms promise.
create function graph.schema_breaks(terms jsonb, content jsonb) returns jsonb
language plpgsql stable
as $$
begin
    return (
    with promised as (
        select p.value ->> 'name' as field, p.value ->> 'physicalType' as type,
            coalesce((p.value ->> 'required')::boolean, true) as is_required, p.ordinality as place
        from jsonb_array_elements(terms #> '{schema,properties}') with ordinality p
    ), found as (
        select f.name as field, f.type, f.ordinal from graph.schema_fields(content) f
    ), breaks as (
        select 1 as part, p.place, jsonb_build_object('change', 'broken', 'what', 'column', 'field', p.field,
            'promised', coalesce(p.type, 'a column'), 'found', 'no such column') as change
        from promised p
        where p.is_required and not exists (select from found f where f.field = p.field)
        union all
        select 2, p.place, jsonb_build_object('change', 'broken', 'what', 'column', 'field', p.field, 'promised', p.type,
            'found', f.type)
        from promised p join found f using (field)
        where not graph.is_type_kept(p.type, f.type)
        union all
        select 3, f.ordinal, jsonb_strip_nulls(jsonb_build_object('change', 'broken', 'what', 'column', 'field', f.field,
            'promised', 'no such column', 'found', coalesce(f.type, 'a column')))
        from found f
        where terms #> '{schema,additionalProperties}' = 'false'
            and not exists (select from promised p where p.field = f.field or starts_with(f.field, p.field || '.'))
    )
    select coalesce(jsonb_agg(b.change order by b.part, b.place), '[]') from breaks b);
end $$;

create type graph.contract_break as (clause text, changes jsonb, at timestamptz, run uuid);
comment on type graph.contract_break is 'A clause of a contract, and where it is broken.';
comment on column graph.contract_break.clause is 'schema, owner, documentation, minimum or freshness.';
comment on column graph.contract_break.changes is 'What was promised and what was found, each place of its own; empty: it holds.';
comment on column graph.contract_break.at is 'Time of the event that showed it.';
comment on column graph.contract_break.run is 'The run of that event.';

create function graph.broken(what text, promised jsonb, found jsonb) returns jsonb
language sql immutable parallel safe
return jsonb_build_object('change', 'broken', 'what', what, 'promised', promised, 'found', found);

create function graph.owner_names(content jsonb) returns jsonb
language sql immutable parallel safe
return (select coalesce(jsonb_agg(distinct o ->> 'name'), '[]')
        from jsonb_path_query(content, 'lax $.owners[*]') o where o ->> 'name' is not null);

-- One clause: terms, and the fact that it is about (null: nobody states it).
create function graph.clause_breaks(clause text, terms jsonb, content jsonb) returns jsonb
language plpgsql stable
as $$
declare
    owners jsonb;
begin
    case clause
    when 'schema' then
        if content is null then
            return jsonb_build_array(graph.broken('schema', '"a schema"', '"none"'));
        end if;
        return graph.schema_breaks(terms, content);
    when 'owner' then
        owners := graph.owner_names(content);
        if owners <> '[]' and (jsonb_typeof(terms -> 'owner') = 'boolean' or owners ? (terms ->> 'owner')) then
            return '[]';
        end if;
        return jsonb_build_array(graph.broken('owner',
            case when jsonb_typeof(terms -> 'owner') = 'boolean' then '"an owner"' else terms -> 'owner' end,
            case when owners = '[]' then '"none"' else owners end));
    when 'documentation' then
        if btrim(coalesce(content ->> 'description', '')) <> '' then
            return '[]';
        end if;
        return jsonb_build_array(graph.broken('documentation', '"a description"', '"none"'));
    end case;
end $$;

-- Facets that terms are about, and the clause that is.
create function graph.wanted_facets(terms jsonb) returns table (clause text, facet text)
language sql immutable parallel safe
begin atomic
    select w.clause, w.facet
    from (values ('schema', 'schema'), ('owner', 'ownership'), ('documentation', 'documentation')) w (clause, facet)
    where terms ? w.clause and terms -> w.clause <> 'false'
    union all
    select 'minimum', m from jsonb_array_elements_text(terms -> 'minimum') m;
end;

-- What became of each clause that facets decide; nothing is judged before anything is stated of the dataset.
create function graph.contract_breaks(terms jsonb, facts graph.stated_fact[]) returns setof graph.contract_break
language plpgsql stable
as $$
begin
    return query
    with seen as (
        select f.at, f.run from unnest(facts) f where f.name = ''
    ), wanted as (
        select w.clause, w.facet, f.content, coalesce(f.at, seen.at) as at, case when f.at is null then seen.run else f.run end as run
        from graph.wanted_facets(terms) w cross join seen left join unnest(facts) f on f.name = w.facet
    )
    select w.clause, graph.clause_breaks(w.clause, terms, w.content), w.at, w.run
    from wanted w where w.clause <> 'minimum'
    union all
    select w.clause, coalesce(jsonb_agg(graph.broken('facet', to_jsonb(w.facet), '"nobody states it"') order by w.facet)
            filter (where w.content is null), '[]'), max(w.at), (array_agg(w.run order by w.at desc, w.run))[1]
    from wanted w where w.clause = 'minimum'
    group by w.clause;
end $$;

create function graph.plain_text(value jsonb) returns text
language sql immutable parallel safe
return case jsonb_typeof(value) when 'array' then (select string_agg(v, ', ') from jsonb_array_elements_text(value) v)
    else value #>> '{}' end;

create function graph.contract_title(changes jsonb) returns text
language plpgsql immutable parallel safe
as $$
begin
    return (select string_agg(concat_ws(' ', c ->> 'what', c ->> 'field') || ': '
                || graph.plain_text(c -> 'promised') || ' promised, ' || graph.plain_text(c -> 'found') || ' found',
                '; ' order by n)
        from jsonb_array_elements(changes) with ordinality x (c, n) where n <= 3)
    || case when jsonb_array_length(changes) > 3 then format(' and %s more', jsonb_array_length(changes) - 3) else '' end;
end $$;

-- Opens, keeps or resolves the alert of one clause. What a new file declares is told now, however old the event is that
-- shows it.
create function graph.raise_contract(contract graph.contracts, dataset uuid, broken graph.contract_break, is_declared boolean)
returns void
language plpgsql
as $$
declare
    alert constant uuid := md5(concat_ws('|', 'contract', dataset, contract.contract_id, broken.clause))::uuid;
    subject graph.datasets;
    hit jsonb;
begin
    if broken.changes = '[]' then
        perform graph.resolve_alert(alert);
        return;
    elsif exists (select from graph.alerts a where a.alert_id = alert and a.status <> 'resolved'
                      and a.detail -> 'changes' = broken.changes) then
        return; -- nothing new about it
    end if;
    select * into subject from graph.datasets d where d.dataset_uuid = dataset;
    hit := graph.drift_downstream(dataset, null);
    perform graph.raise_alert(alert, 'contract', coalesce(contract.terms ->> 'severity', 'warning'), 3::smallint, dataset,
        case when jsonb_array_length(broken.changes) = 1 then broken.changes -> 0 ->> 'field' end,
        format('%s: contract %s broken: %s', subject.name, contract.contract_id, graph.contract_title(broken.changes)),
        jsonb_strip_nulls(jsonb_build_object('fact', broken.clause, 'contract', contract.contract_id, 'changes', broken.changes,
            'owners', (select o.owners from graph.owners_of(array[dataset]) o),
            'principal', graph.principal_of(broken.run, broken.at),
            'sql', format('select * from metaops.contracts where namespace = %L and name = %L', subject.namespace, subject.name)))
            || coalesce((select a.actor from graph.drift_actors(array[broken.run], array[broken.at]) a), '{}'),
        hit, case when is_declared then now() else coalesce(broken.at, now()) end, broken.run, false, null);
end $$;

create function graph.last_written_at(dataset uuid) returns timestamptz
language sql stable parallel safe
return (select max(s.written_at) from graph.io_sets i join graph.statements s using (io_id)
        where i.dataset_uuid = dataset and i.direction = 1);

-- Freshness: no COMPLETE event that writes the dataset for so long. Never written counts from the declaration on.
create function graph.freshness_break(contract graph.contracts, dataset uuid) returns graph.contract_break
language plpgsql stable
as $$
declare
    written_at constant timestamptz := graph.last_written_at(dataset);
    stale_at constant timestamptz := coalesce(written_at, contract.declared_at)
        + (contract.terms #>> '{freshness,value}')::float8 * ('1 ' || case contract.terms #>> '{freshness,unit}'
            when 's' then 'second' when 'm' then 'minute' when 'h' then 'hour' else 'day' end)::interval;
begin
    return row('freshness', case when stale_at > now() then '[]'::jsonb else jsonb_build_array(graph.broken('freshness',
            to_jsonb(format('written within %s %s', contract.terms #>> '{freshness,value}', contract.terms #>> '{freshness,unit}')),
            to_jsonb(coalesce('last written ' || to_char(written_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                              'never written')))) end,
        stale_at, null)::graph.contract_break;
end $$;

-- One dataset under one contract, locked by the caller. That its freshness broke is told only as far as stored_to: the write
-- may be in Kafka, and not stored yet.
create function graph.judge_contract(bound graph.contract_datasets, stored_to timestamptz) returns void
language plpgsql
as $$
<<judged>>
declare
    facts constant graph.stated_fact[] := array(select f from graph.stated_facts(bound.dataset_uuid) f);
    contract graph.contracts;
    broken graph.contract_break;
    fresh graph.contract_break;
    is_stale boolean := false;
    stale_at timestamptz := 'infinity';
begin
    select * into contract from graph.contracts c where c.contract_id = bound.contract_id;
    for broken in select * from graph.contract_breaks(contract.terms, facts) loop
        perform graph.raise_contract(contract, bound.dataset_uuid, broken, bound.is_declared);
    end loop;
    if contract.terms ? 'freshness' then
        fresh := graph.freshness_break(contract, bound.dataset_uuid);
        is_stale := fresh.changes <> '[]' and (bound.is_stale or fresh.at <= stored_to);
        stale_at := case when is_stale then 'infinity' else fresh.at end;
        if is_stale or fresh.changes = '[]' then
            perform graph.raise_contract(contract, bound.dataset_uuid, fresh, bound.is_declared);
        end if;
    end if;
    update graph.contract_datasets b set
        accepted = (select coalesce(jsonb_object_agg(w.facet, f.digest), '{}')
                    from graph.wanted_facets(contract.terms) w left join unnest(facts) f on f.name = w.facet),
        is_declared = bound.is_declared and judged.stale_at <= now(), is_stale = judged.is_stale,
        stale_at = judged.stale_at, failure = null,
        look_at = case when judged.is_stale then now() + interval '1 minute' else 'infinity' end
    where b.dataset_uuid = bound.dataset_uuid and b.contract_id = bound.contract_id;
end $$;

-- What cannot be judged is noted, and stops no event.
create function graph.try_contract(bound graph.contract_datasets, stored_to timestamptz default '-infinity') returns void
language plpgsql
as $$
begin
    perform graph.judge_contract(bound, stored_to);
exception when others then
    if graph.may_go_better(sqlstate) then
        raise;
    end if;
    update graph.contract_datasets b set failure = left(sqlerrm, 500), look_at = 'infinity', stale_at = 'infinity', accepted = null
    where b.dataset_uuid = bound.dataset_uuid and b.contract_id = bound.contract_id;
end $$;

-- Within the transaction of events: statements of theirs. Datasets that are new come under the contracts that name
-- them; one is judged when it is stated and something is said that differs from what it was judged by, or when
-- it was stale.
create function graph.judge_contracts(statements uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    bound graph.contract_datasets;
begin
    lock table graph.contracts in row share mode; -- a file that is being loaded sees this transaction's datasets, or is seen
    if not exists (select from graph.contracts) then
        return;
    end if;
    insert into graph.contract_datasets (dataset_uuid, contract_id, is_declared)
    select d.dataset_uuid, c.contract_id, false
    from graph.datasets d join graph.contracts c on d.namespace like c.namespace and d.name like c.name
    where d.xmin = pg_current_xact_id()::xid and d.dataset_uuid in (
        select i.dataset_uuid from graph.statements s join graph.io_sets i using (io_id)
        where s.statement_id = any (statements))
    order by 1, 2
    on conflict do nothing;
    for bound in
        select b.* from graph.contract_datasets b
        where b.dataset_uuid in (
            select i.dataset_uuid
            from graph.statements s join graph.io_sets i using (io_id)
            join graph.contract_datasets o on o.dataset_uuid = i.dataset_uuid
            where s.statement_id = any (statements) and i.direction in (1, 2)
                and (o.accepted is null or o.is_stale and s.written_at is not null
                     or exists (select from graph.descriptions d
                                where d.description_id = graph.slot_digest(s.descriptions, i.ordinal)
                                    and o.accepted ? d.name and o.accepted ->> d.name is distinct from d.digest::text)))
        order by b.dataset_uuid, b.contract_id for update
    loop
        perform graph.try_contract(bound);
    end loop;
end $$;

-- What a new file made due, and what is stale, for about as long as budget. True: something may be left.
create function graph.judge_due_contracts(budget interval) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    until constant timestamptz := clock_timestamp() + budget;
    bound graph.contract_datasets;
begin
    for bound in
        select b.* from graph.contract_datasets b where b.look_at <= now()
        order by b.look_at, b.dataset_uuid, b.contract_id limit 1000 for update skip locked
    loop
        perform graph.try_contract(bound);
        if clock_timestamp() > until then
            return true;
        end if;
    end loop;
    return exists (select from graph.contract_datasets b where b.look_at <= now());
end $$;

-- Freshness that seems to be broken.
create function graph.stale_contracts(stored_to timestamptz) returns setof graph.contract_datasets
language sql stable
begin atomic
    select * from graph.contract_datasets b where b.stale_at <= stored_to;
end;

-- Freshness that is broken, and not by what is to be stored yet (graph.stored_to).
create function graph.judge_stale_contracts(most integer, stored_to timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    bound graph.contract_datasets;
    judged integer := 0;
begin
    for bound in
        select b.* from graph.contract_datasets b
        where (b.dataset_uuid, b.contract_id) in
            (select s.dataset_uuid, s.contract_id from graph.stale_contracts(judge_stale_contracts.stored_to) s)
        order by b.stale_at, b.dataset_uuid, b.contract_id limit most for update skip locked
    loop
        perform graph.try_contract(bound, stored_to);
        judged := judged + 1;
    end loop;
    return judged;
end $$;

-- Topics whose ends have to be known before what seems to be missing can be told; none: nothing seems to be.
create function graph.missing_topics() returns setof text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select distinct o.topic from graph.offsets o
    where exists (select from graph.missing_series(now())) or exists (select from graph.stale_contracts(now()))
        or exists (select from graph.served_watch w where w.look_at <= now());
end $$;

-- Loading a file -------------------------------------------------------------------------------------------------

-- Rules of a file, without loading it.
create function graph.rules_of(document jsonb) returns setof graph.drift_rules
language sql immutable parallel safe
begin atomic
    select r.ordinality::integer, (select array_agg(k) from jsonb_array_elements_text(r.value -> 'kinds') k),
        graph.like_of(r.value ->> 'namespace'), graph.like_of(r.value ->> 'name'), (r.value ->> 'enabled')::boolean,
        r.value ->> 'severity', (r.value ->> 'tier')::smallint, r.value -> 'thresholds'
    from jsonb_array_elements(document -> 'rules') with ordinality r;
end;

-- What thresholds of rules make of this series, or of all: those of which they make something else.
create function graph.ruled_series(only_one uuid)
returns table (series_uuid uuid, group_uuid uuid, sensitivity real, history_min integer)
language sql stable
begin atomic
    with subjects as materialized (
        select distinct graph.metric_kind(s.metric) as kind, coalesce(s.dataset_uuid, s.job_uuid) as subject
        from graph.series s where only_one is null or s.series_uuid = only_one
    ), ruled as materialized (
        select b.kind, b.subject, (r.ruling).thresholds
        from subjects b cross join lateral (select graph.drift_ruling_of(b.kind, b.subject) as ruling) r
    )
    select s.series_uuid, s.group_uuid, (r.thresholds ->> 'sensitivity')::real, (r.thresholds ->> 'history_min')::integer
    from graph.series s
    join ruled r on r.kind = graph.metric_kind(s.metric) and r.subject = coalesce(s.dataset_uuid, s.job_uuid)
    where (only_one is null or s.series_uuid = only_one)
        and (s.sensitivity, s.history_min) is distinct from
            ((r.thresholds ->> 'sensitivity')::real, (r.thresholds ->> 'history_min')::integer);
end;

-- Locked in the order in which workers lock them.
create function graph.rule_all_series() returns void
language plpgsql
as $$
declare
    groups constant uuid[] := array(select distinct r.group_uuid from graph.ruled_series(null) r);
begin
    perform from graph.series_states g where g.group_uuid = any (groups) order by g.group_uuid for update;
    with ruled as ( -- with those that came since
        update graph.series s set sensitivity = r.sensitivity, history_min = r.history_min
        from graph.ruled_series(null) r where s.series_uuid = r.series_uuid
        returning s.group_uuid
    )
    update graph.series_states g set has_orders = true where g.group_uuid in (select r.group_uuid from ruled r);
end $$;

create function graph.rule_new_series() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from graph.drift_rules r where r.thresholds is not null) then
        update graph.series s set sensitivity = r.sensitivity, history_min = r.history_min
        from graph.ruled_series(new.series_uuid) r where s.series_uuid = r.series_uuid;
    end if;
    return null;
end $$;
create trigger rule_new_series after insert on graph.series for each row execute function graph.rule_new_series();

create function graph.load_rules(rules jsonb) returns void
language plpgsql
as $$
declare
    had_thresholds constant boolean := exists (select from graph.drift_rules r where r.thresholds is not null);
begin
    delete from graph.drift_rules;
    insert into graph.drift_rules select * from graph.rules_of(jsonb_build_object('rules', rules));
    if had_thresholds or exists (select from graph.drift_rules r where r.thresholds is not null) then
        perform graph.rule_all_series();
    end if;
    perform graph.resolve_alert(a.alert_id) from graph.alerts a
    where a.status in ('open', 'acknowledged') and not (graph.drift_ruling_of(a.kind, a.subject_uuid)).is_on;
end $$;

-- Makes what stands in the file what holds, and takes back what is told of what holds no longer. Returns how many contracts
-- are new, other or gone.
create function graph.load_contracts(document jsonb) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    changed text[];
begin
    lock table graph.contracts in exclusive mode;
    changed := array(
        select coalesce(c.contract_id, t.value ->> 'id')
        from graph.contracts c
        full join jsonb_array_elements(document -> 'contracts') t on t.value ->> 'id' = c.contract_id
        where c.terms is distinct from t.value);
    delete from graph.contracts c where c.contract_id = any (changed);
    insert into graph.contracts
    select t.value ->> 'id', graph.like_of(t.value ->> 'namespace'), graph.like_of(t.value ->> 'name'), t.value, now()
    from jsonb_array_elements(document -> 'contracts') t where t.value ->> 'id' = any (changed);
    insert into graph.contract_datasets (dataset_uuid, contract_id, is_declared)
    select d.dataset_uuid, c.contract_id, true
    from graph.contracts c join graph.datasets d on d.namespace like c.namespace and d.name like c.name
    where c.contract_id = any (changed);
    perform graph.resolve_alert(a.alert_id)
    from graph.alerts a
    left join graph.contract_datasets b on b.dataset_uuid = a.subject_uuid and b.contract_id = a.detail ->> 'contract'
    left join graph.contracts c using (contract_id)
    where a.kind = 'contract' and a.detail ? 'contract' and a.status in ('open', 'acknowledged')
        and coalesce(c.terms -> (a.detail ->> 'fact'), 'false') = 'false';
    perform graph.load_rules(coalesce(document -> 'rules', '[]'));
    return cardinality(changed);
end $$;

revoke execute on function graph.judge_contracts(uuid[]), graph.judge_due_contracts(interval),
    graph.judge_stale_contracts(integer, timestamptz), graph.missing_topics(), graph.load_contracts(jsonb) from public;
insert into graph.role_rights values
    ('metaops_writer', 'function graph.missing_topics()', 'execute'),
    ('metaops_writer', 'function graph.judge_stale_contracts(integer, timestamptz)', 'execute'),
    ('metaops_writer', 'function graph.judge_contracts(uuid[])', 'execute'),
    ('metaops_writer', 'function graph.judge_due_contracts(interval)', 'execute'),
    ('metaops_writer', 'function graph.load_contracts(jsonb)', 'execute');
