-- Drift that can be seen at once: what is said of a subject now against what was said of it before. Nothing is stored for it
-- per event. A statement (graph.statements) already tells from when to when it was said; where two statements say
-- different things of one subject in one respect, the subject is judged anew from all that is known of it. So the judgement
-- is a function of the set of events: order, duplicates and number of workers make no difference.
--
-- The judgement of one fact (a schema, an owner, a commit), for each producer family by itself. Every value in canonical
-- form has an earliest and a latest event time. The value with the latest is accepted; that with the earliest was the
-- baseline; each other one was a change, from the value that was said last before it came. A change is open while
-- something of it still holds in what is accepted now; else it is history, which is kept and told to nobody.

alter table graph.statements add column first_run uuid, add column environment uuid;
comment on column graph.statements.environment is 'What is said of what ran it (graph.descriptions); null: nothing.';
comment on column graph.statements.first_run is 'The run of the earliest event with this content; null: no run event.';

create table graph.drift_contents (
    subject_uuid uuid not null,
    aspect smallint not null,
    content_id uuid not null,
    added_in xid8 not null default pg_current_xact_id(),
    primary key (subject_uuid, aspect, content_id)
);
create index drift_contents_added on graph.drift_contents (added_in);
comment on table graph.drift_contents is 'What was ever said of a subject in one respect, by digest.';
comment on column graph.drift_contents.subject_uuid is 'Dataset or job.';
comment on column graph.drift_contents.aspect is
    '1: what writers and dataset events state of a dataset, 2: what is said of a job, 3: datasets that the runs of a job name, 4: writers of a dataset, 5: its readers, 6: failures of a job, 7: what runs a job, 8: who owns it.';
comment on column graph.drift_contents.content_id is 'Digest of the facets that are compared (1, 2), io set (3), job (4, 5), run (6), description (7) or facet (8).';
comment on column graph.drift_contents.added_in is 'The transaction that added it: what is new is found without marks, which would leave dead rows.';

create table graph.drift_subjects (
    subject_uuid uuid not null,
    aspect smallint not null,
    contents integer not null,
    due_in xid8,
    failure text,
    primary key (subject_uuid, aspect)
);
create index drift_subjects_due on graph.drift_subjects (due_in, aspect, subject_uuid) where due_in is not null;
comment on table graph.drift_subjects is 'Locked by who judges a subject.';
comment on column graph.drift_subjects.subject_uuid is 'Dataset or job.';
comment on column graph.drift_subjects.aspect is 'As in graph.drift_contents.';
comment on column graph.drift_subjects.contents is 'How many different contents there are.';
comment on column graph.drift_subjects.due_in is 'The transaction that made it due: it judges, or the alerter does soon after it. Null: it is judged.';
comment on column graph.drift_subjects.failure is 'Why the last judgement could not be made: null when it was.';

create table graph.drift_watch (
    watched_id uuid not null,
    subject_uuid uuid not null,
    aspect smallint not null,
    is_settled boolean not null,
    first_at timestamptz not null,
    primary key (watched_id, subject_uuid, aspect)
);
create index drift_watch_subject on graph.drift_watch (subject_uuid, aspect);
comment on table graph.drift_watch is 'Whose events may change a judgement that was made.';
comment on column graph.drift_watch.watched_id is 'Statement or job.';
comment on column graph.drift_watch.subject_uuid is 'The subject that was judged.';
comment on column graph.drift_watch.aspect is 'As in graph.drift_contents.';
comment on column graph.drift_watch.is_settled is 'Only an earlier event changes anything. False: every event may.';
comment on column graph.drift_watch.first_at is 'The earliest event time when it was judged.';

create table graph.drift_facts (
    aspect smallint not null,
    fact text not null,
    facet text not null,
    kind text not null,
    primary key (aspect, fact)
);
comment on table graph.drift_facts is 'Which facets are compared, and what kind of drift a difference is.';
comment on column graph.drift_facts.aspect is 'As in graph.drift_contents.';
comment on column graph.drift_facts.fact is 'What is compared of the facet.';
comment on column graph.drift_facts.facet is 'Name of the facet.';
comment on column graph.drift_facts.kind is 'Kind of alert.';
insert into graph.drift_facts values
    (1, 'schema', 'schema', 'schema'), (1, 'ownership', 'ownership', 'stewardship'), (1, 'tags', 'tags', 'stewardship'),
    (1, 'documentation', 'documentation', 'stewardship'),
    (1, 'lifecycle', 'lifecycleStateChange', 'stewardship'),
    (2, 'sql', 'sql', 'code'), (2, 'source', 'sourceCode', 'code'), (2, 'commit', 'sourceCodeLocation', 'code'),
    (2, 'job type', 'jobType', 'code'),
    (2, 'ownership', 'ownership', 'stewardship'), (2, 'tags', 'tags', 'stewardship'),
    (2, 'documentation', 'documentation', 'stewardship'),
    (7, 'engine', 'processing_engine', 'environment'), (7, 'emitter', 'processing_engine', 'behaviour');

create table graph.drift_forms (
    digest uuid not null,
    fact text not null,
    form jsonb,
    primary key (digest, fact)
);
comment on table graph.drift_forms is 'Facets in the form in which they are compared, made when they are compared first.';
comment on column graph.drift_forms.digest is 'The facet (graph.facets).';
comment on column graph.drift_forms.fact is 'What is compared of it.';
comment on column graph.drift_forms.form is 'The form; null: it says nothing.';

create table graph.type_names (
    name text primary key,
    canonical text not null
);
comment on table graph.type_names is 'Spellings of types that mean the same.';
comment on column graph.type_names.name is 'As engines write it, in lower case, without arguments.';
comment on column graph.type_names.canonical is 'What it is compared as.';
insert into graph.type_names values
    ('tinyint', 'int8'), ('byte', 'int8'), ('int8_t', 'int8'),
    ('smallint', 'int16'), ('short', 'int16'), ('int2', 'int16'),
    ('int', 'int32'), ('integer', 'int32'), ('int4', 'int32'), ('mediumint', 'int32'), ('serial', 'int32'),
    ('bigint', 'int64'), ('long', 'int64'), ('int8', 'int64'), ('int64', 'int64'), ('bigserial', 'int64'),
    ('real', 'float32'), ('float4', 'float32'), ('float', 'float32'),
    ('double', 'float64'), ('double precision', 'float64'), ('float8', 'float64'), ('float64', 'float64'),
    ('decimal', 'decimal'), ('numeric', 'decimal'), ('number', 'decimal'),
    ('varchar', 'text'), ('character varying', 'text'), ('char', 'text'), ('character', 'text'), ('bpchar', 'text'),
    ('nvarchar', 'text'), ('text', 'text'), ('string', 'text'), ('clob', 'text'),
    ('bool', 'boolean'), ('boolean', 'boolean'),
    ('timestamp', 'timestamp'), ('timestamp without time zone', 'timestamp'), ('timestamp_ntz', 'timestamp'),
    ('datetime', 'timestamp'),
    ('timestamptz', 'timestamptz'), ('timestamp with time zone', 'timestamptz'), ('timestamp_ltz', 'timestamptz'),
    ('date', 'date'), ('time', 'time'), ('time without time zone', 'time'),
    ('binary', 'binary'), ('bytea', 'binary'), ('varbinary', 'binary'), ('blob', 'binary'), ('bytes', 'binary'),
    ('json', 'json'), ('jsonb', 'json'), ('variant', 'json'), ('uuid', 'uuid');

-- A type without its spelling: "VARCHAR(10)" is text(10), "int4" is int32. What is not known stays as it is.
create function graph.canonical_type(type text) returns text
language plpgsql stable parallel safe
as $$
begin
    return (select coalesce(n.canonical, t.base) || case when n.canonical in ('int8', 'int16', 'int32', 'int64') then ''
            else coalesce(replace(t.arguments, ' ', ''), '') end
        from (select btrim(lower(regexp_replace(regexp_replace(type, '\s*\([^()]*\)', ''), '\s+', ' ', 'g'))) as base,
                  substring(type from '\([^()]*\)') as arguments) t
        left join graph.type_names n on n.name = t.base);
end $$;

-- The fields of a schema facet in order, each name once, with canonical types. Most types are known as they are spelled.
create function graph.schema_form(content jsonb) returns jsonb
language plpgsql stable parallel safe
as $$
begin
    return (
        select jsonb_agg(jsonb_build_object('field', f.name, 'type', coalesce(n.canonical, graph.canonical_type(f.type)))
                         order by f.ordinal)
        from (select distinct on (x.name) x.* from graph.schema_fields(content) x order by x.name, x.ordinal) f
        left join graph.type_names n on n.name = lower(f.type));
end $$;

-- SQL without what differs from run to run: comments, literals and lists of them, white space, letters' case.
create function graph.sql_fingerprint(query text) returns text
language plpgsql immutable parallel safe
as $$
begin
    return (
    with bare as (
        select regexp_replace(query, '--[^\n]*|/\*([^*]|\*+[^*/])*\*+/', ' ', 'g') as q
    ), plain as (
        select regexp_replace(regexp_replace(q, '''([^'']|'''')*''', '?', 'g'), '\m[0-9][0-9a-z_.:-]*', '?', 'gi') as q
        from bare
    )
    select btrim(lower(regexp_replace(regexp_replace(q, '\?(\s*,\s*\?)+', '?', 'g'), '\s+', ' ', 'g')), ' ;') from plain);
end $$;

-- A facet as it is compared; null: it says nothing. A deleted one is an empty list.
create function graph.drift_form(fact text, content jsonb, deleted boolean) returns jsonb
language plpgsql stable parallel safe
as $$
begin
    if deleted then
        return '[]';
    elsif fact = 'schema' then
        return graph.schema_form(content);
    elsif fact = 'ownership' then
        return (select coalesce(jsonb_agg(distinct jsonb_build_object('what', 'owner', 'value', o ->> 'name')), '[]')
                from jsonb_path_query(content, 'lax $.owners[*]') o where o ->> 'name' is not null);
    elsif fact = 'tags' then
        return (select coalesce(jsonb_agg(distinct jsonb_strip_nulls(jsonb_build_object('what', 'tag',
                    'field', t ->> 'field', 'value', case when t ->> 'value' is null or t ->> 'value' = 'true'
                        then t ->> 'key' else (t ->> 'key') || '=' || (t ->> 'value') end))), '[]')
                from jsonb_path_query(content, 'lax $.tags[*]') t where t ->> 'key' is not null);
    elsif fact in ('sql', 'source') and (content ->> 'query' like '%***%' or content ->> 'sourceCode' like '%***%') then
        return null; -- masked
    end if;
    return case fact
        when 'documentation' then to_jsonb(nullif(btrim(content ->> 'description'), ''))
        when 'lifecycle' then to_jsonb(case upper(content ->> 'lifecycleStateChange') when 'DROP' then 'dropped'
            when 'RENAME' then 'renamed' else 'live' end)
        when 'sql' then to_jsonb(nullif(graph.sql_fingerprint(content ->> 'query'), ''))
        when 'source' then to_jsonb(nullif(btrim(content ->> 'sourceCode'), ''))
        when 'commit' then to_jsonb(coalesce(content ->> 'version', content ->> 'tag', content ->> 'branch'))
        when 'job type' then jsonb_build_object('integration', content ->> 'integration',
            'type', content ->> 'jobType', 'processing', content ->> 'processingType')
        when 'engine' then to_jsonb(concat_ws(' ', lower(content ->> 'name'), content ->> 'version'))
        when 'emitter' then to_jsonb(content ->> 'openlineageAdapterVersion') end;
end $$;

-- What changes from one schema to another: added, removed and retyped fields (a nested one only when its parent stays), or
-- that the order of those that stay is another. A removed and an added field of one type at one place may be a
-- renamed one: that is a guess, and said to be.
create function graph.schema_changes(was jsonb, is_now jsonb) returns setof jsonb
language plpgsql immutable parallel safe
as $$
begin
    return query
    with fields as materialized (
        select coalesce(w.field, i.field) as field, w.type as was_type, i.type as now_type, w.n as was_n, i.n as now_n
        from (select f ->> 'field' as field, f ->> 'type' as type, n
              from jsonb_array_elements(was) with ordinality x (f, n)) w
        full join (select f ->> 'field' as field, f ->> 'type' as type, n
                   from jsonb_array_elements(is_now) with ordinality x (f, n)) i using (field)
    ), changes as (
        select 1 as part, r.was_n as n, jsonb_strip_nulls(jsonb_build_object('change', 'removed', 'field', r.field,
            'type', r.was_type, 'renamed_to_guess', (select o.field from fields o
                where o.now_n = r.was_n and o.now_type = r.was_type and o.was_n is null))) as change
        from fields r
        where r.now_n is null
            and not exists (select from fields p where p.now_n is null and starts_with(r.field, p.field || '.'))
        union all
        select 2, r.now_n, jsonb_strip_nulls(jsonb_build_object('change', 'added', 'field', r.field, 'type', r.now_type))
        from fields r
        where r.was_n is null
            and not exists (select from fields p where p.was_n is null and starts_with(r.field, p.field || '.'))
        union all
        select 3, r.now_n, jsonb_build_object('change', 'retyped', 'field', r.field, 'from', r.was_type, 'to', r.now_type)
        from fields r
        where r.was_type <> r.now_type
        union all
        select 4, 0, jsonb_build_object('change', 'reordered')
        where (select array_agg(r.now_n order by r.was_n) <> array_agg(r.now_n order by r.now_n)
               from fields r where r.was_n is not null and r.now_n is not null)
    )
    select c.change from changes c order by c.part, c.n;
end $$;

-- What changes from one form of a facet to another.
create function graph.drift_changes(fact text, was jsonb, is_now jsonb) returns setof jsonb
language plpgsql immutable parallel safe
as $$
declare
    before constant jsonb := case when jsonb_typeof(was) = 'array' then was else '[]' end;
    after constant jsonb := case when jsonb_typeof(is_now) = 'array' then is_now else '[]' end;
begin
    if was = is_now then
        return;
    elsif fact = 'schema' then
        return query select * from graph.schema_changes(was, is_now);
    elsif fact in ('ownership', 'tags') then
        return query
        select '{"change": "removed"}'::jsonb || e from jsonb_array_elements(before) e
        where not after @> jsonb_build_array(e)
        union all
        select '{"change": "added"}'::jsonb || e from jsonb_array_elements(after) e
        where not before @> jsonb_build_array(e);
    else
        return next jsonb_build_object('change', 'changed', 'what', fact, 'from', was, 'to', is_now);
    end if;
end $$;

-- Every value of the one type is a value of the other.
create function graph.is_widening(was text, is_now text) returns boolean
language sql immutable parallel safe
return (was, is_now) in (('int8', 'int16'), ('int8', 'int32'), ('int8', 'int64'), ('int16', 'int32'), ('int16', 'int64'),
    ('int32', 'int64'), ('float32', 'float64'), ('int8', 'float64'), ('int16', 'float64'), ('int32', 'float64'),
    ('date', 'timestamp')) or is_now = 'text' and was like 'text(%';

-- Readers' rules of Avro and Protobuf registries (BACKWARD: a new reader reads old data; FORWARD: an old reader reads
-- new data) for a table whose columns may be null: an added column is FULL, a removed one is missed by old readers,
-- a widened type by them too, any other retyped one by both.
create function graph.schema_compatibility(changes jsonb) returns text
language plpgsql immutable parallel safe
as $$
begin
    return (select case
        when bool_or(c ->> 'change' = 'retyped' and not graph.is_widening(c ->> 'from', c ->> 'to')) then 'NONE'
        when bool_or(c ->> 'change' in ('removed', 'retyped')) then 'BACKWARD'
        else 'FULL' end
    from jsonb_array_elements(changes) c);
end $$;

-- Judging --------------------------------------------------------------------------------------------------------

-- The newest 1,000 statements about each subject: what changes with every run is no fact.
create function graph.drift_statements(subjects uuid[], aspect smallint)
returns table (subject_uuid uuid, statement_id uuid, first_at timestamptz, first_run uuid, last_at timestamptz, last_by uuid,
               description_id uuid)
language plpgsql stable
as $$
begin
    if aspect = 1 then
        return query
        select u, s.*
        from unnest(subjects) u
        cross join lateral (
            select s.statement_id, s.first_at, s.first_run, s.last_at, s.last_by,
                graph.slot_digest(s.descriptions, i.ordinal)
            from graph.io_sets i join graph.statements s using (io_id)
            where i.dataset_uuid = u and i.direction in (1, 2)
            order by 4 desc limit 1000
        ) s;
    else
        return query
        select u, s.*
        from unnest(subjects) u
        cross join lateral (
            select s.statement_id, s.first_at, s.first_run, s.last_at, s.last_by,
                case drift_statements.aspect when 2 then s.job_description else s.environment end
            from graph.statements s
            where s.job_uuid = u
            order by 4 desc limit 1000
        ) s;
    end if;
end $$;

-- What is said of a subject, a row for each statement and fact that says something.
create type graph.drift_saying as (
    subject_uuid uuid, statement_id uuid, fact text, kind text, family text, form jsonb, first_at timestamptz,
    first_run uuid, last_at timestamptz, last_by uuid
);
comment on type graph.drift_saying is 'One fact, as one statement tells it.';
comment on column graph.drift_saying.subject_uuid is 'Of whom.';
comment on column graph.drift_saying.statement_id is 'The statement.';
comment on column graph.drift_saying.fact is 'What is said (graph.drift_facts).';
comment on column graph.drift_saying.kind is 'Kind of alert.';
comment on column graph.drift_saying.family is 'Who says it: the producer without versions.';
comment on column graph.drift_saying.form is 'What it says, in the form in which it is compared.';
comment on column graph.drift_saying.first_at is 'Earliest event time of the statement.';
comment on column graph.drift_saying.first_run is 'The run of that event.';
comment on column graph.drift_saying.last_at is 'Latest event time of the statement.';
comment on column graph.drift_saying.last_by is 'That event.';

create function graph.drift_said(subjects uuid[], aspect smallint) returns setof graph.drift_saying
language plpgsql
as $$
begin
    insert into graph.drift_forms (digest, fact, form)
    select distinct on (d.digest, k.fact) d.digest, k.fact, graph.drift_form(k.fact, c.content, c.deleted)
    from (select distinct s.description_id from graph.drift_statements(subjects, aspect) s) s
    join graph.descriptions d using (description_id)
    join graph.drift_facts k on k.aspect = drift_said.aspect and k.facet = d.name
    join graph.facets c using (digest)
    where not exists (select from graph.drift_forms f where f.digest = d.digest and f.fact = k.fact)
    order by d.digest, k.fact
    on conflict do nothing;
    return query
    select s.subject_uuid, s.statement_id, k.fact, k.kind, d.family, f.form, s.first_at, s.first_run, s.last_at, s.last_by
    from graph.drift_statements(subjects, aspect) s
    join graph.descriptions d using (description_id)
    join graph.drift_facts k on k.aspect = drift_said.aspect and k.facet = d.name
    join graph.drift_forms f on f.digest = d.digest and f.fact = k.fact
    where f.form is not null;
end $$;

create type graph.drift_watched as (subject_uuid uuid, watched_id uuid, is_settled boolean, first_at timestamptz);
comment on type graph.drift_watched is 'Whose events may change a judgement.';
comment on column graph.drift_watched.subject_uuid is 'Who was judged.';
comment on column graph.drift_watched.watched_id is 'Statement or job.';
comment on column graph.drift_watched.is_settled is 'Only an earlier event changes anything. False: every event may.';
comment on column graph.drift_watched.first_at is 'The earliest event time there is now.';

create type graph.drift_change as (
    subject_uuid uuid, fact text, kind text, family text, is_now jsonb, changes jsonb, is_past boolean,
    at timestamptz, run uuid, last_good_by uuid, last_good_at timestamptz
);
comment on type graph.drift_change is 'A change of one fact: what becomes an alert.';
comment on column graph.drift_change.subject_uuid is 'Of whom.';
comment on column graph.drift_change.fact is 'What changed.';
comment on column graph.drift_change.kind is 'Kind of alert.';
comment on column graph.drift_change.family is 'Who says it: the producer without versions; or empty.';
comment on column graph.drift_change.is_now is 'What is said: the change''s name.';
comment on column graph.drift_change.changes is 'The difference, as people are told of it.';
comment on column graph.drift_change.is_past is 'Nothing of it holds in what is accepted now.';
comment on column graph.drift_change.at is 'Time of the event that showed it first.';
comment on column graph.drift_change.run is 'The run of that event.';
comment on column graph.drift_change.last_good_by is 'The last event before it that said otherwise.';
comment on column graph.drift_change.last_good_at is 'Its time.';

-- The run that a run is part of, at the top.
create function graph.root_of(run uuid) returns uuid
language plpgsql stable parallel safe
as $$
begin
    return (select coalesce(r.root_uuid, r.parent_uuid, r.run_uuid) from graph.runs r where r.run_uuid = run);
end $$;

create function graph.run_of(event uuid, at timestamptz) returns uuid
language plpgsql stable parallel safe
as $$
begin
    return (select e.run_uuid from graph.events e where e.event_id = event and e.event_time = at limit 1);
end $$;

-- The changes of every fact among what was said. Joins of sets of any size: hashed.
create function graph.drift_of(sayings graph.drift_saying[]) returns setof graph.drift_change
language plpgsql stable set enable_hashjoin = on set enable_nestloop = off
as $$
begin
    return query
    with said as materialized (
        select subject_uuid, fact, kind, family, form, min(first_at) as first_at,
            (array_agg(first_run order by first_at, first_run))[1] as first_run,
            max(last_at) as last_at, (array_agg(last_by order by last_at desc, last_by desc))[1] as last_by
        from unnest(sayings)
        group by subject_uuid, fact, kind, family, form
    ), ranked as materialized (
        select *, row_number() over (fact order by first_at, form) as place,
            array_agg(last_at) over (fact order by first_at, form rows unbounded preceding) as last_ats,
            first_value(form) over (fact order by last_at desc, last_by desc, form desc) as accepted
        from said
        window fact as (partition by subject_uuid, fact, family)
    ), changes as (
        select n.*, w.form as was, w.first_run as was_first_run, w.last_by as good_by, w.last_at as good_at
        from (
            select r.*, (select p.place from unnest(r.last_ats[:r.place - 1]) with ordinality p (last_at, place)
                         order by least(p.last_at, r.first_at) desc, p.last_at desc, p.place desc limit 1) as before
            from ranked r
        ) n
        join ranked w on w.subject_uuid = n.subject_uuid and w.fact = n.fact and w.family = n.family and w.place = n.before
    ), told as (
        select c.*, (select jsonb_agg(x) from graph.drift_changes(c.fact, c.was, c.form) x) as changes from changes c
    )
    select subject_uuid, fact, kind, family, form, t.changes,
        form <> accepted and not exists (
            select from jsonb_array_elements(t.changes) c
            where coalesce((select jsonb_agg(x) from graph.drift_changes(t.fact, t.was, t.accepted) x), '[]')
                @> jsonb_build_array(c)),
        first_at, first_run, good_by, good_at
    from told t
    where t.changes is not null
        -- One run may say several things of a job, by turns.
        and (kind <> 'code' or graph.root_of(first_run) is distinct from graph.root_of(was_first_run)
             and graph.root_of(first_run) is distinct from graph.root_of(graph.run_of(good_by, good_at)));
end $$;

-- Two producers that state another type of one field, as of what each said last.
create function graph.disagreements_of(sayings graph.drift_saying[]) returns setof graph.drift_change
language plpgsql stable
as $$
begin
    if not exists (select from unnest(sayings) s where s.fact = 'schema' group by s.subject_uuid
                   having min(s.family) <> max(s.family)) then
        return;
    end if;
    return query
    with latest as materialized (
        select distinct on (subject_uuid, family) subject_uuid, family, form, first_at, first_run, last_at, last_by
        from unnest(sayings)
        where fact = 'schema'
        order by subject_uuid, family, last_at desc, last_by desc, form desc
    ), fields as (
        select l.subject_uuid, l.family, l.first_at, l.first_run, f ->> 'field' as field,
            regexp_replace(f ->> 'type', '\(.*', '') as type
        from latest l cross join lateral jsonb_array_elements(l.form) f
        where f ->> 'type' is not null
    ), pairs as (
        select a.subject_uuid, a.family, b.family as other,
            jsonb_agg(jsonb_build_object('change', 'differs', 'field', a.field, 'from', a.type, 'to', b.type)
                      order by a.field) as changes,
            max(b.first_at) as first_at, (array_agg(b.first_run))[1] as first_run
        from fields a
        join fields b on b.subject_uuid = a.subject_uuid and b.field = a.field and b.type <> a.type
            and (b.first_at, b.family) > (a.first_at, a.family)
        group by a.subject_uuid, a.family, b.family
    )
    select subject_uuid, 'producers', 'consistency', other, to_jsonb(family), changes, false, first_at, first_run,
        null::uuid, null::timestamptz
    from pairs;
end $$;

-- A name without what differs from day to day: partitions, dates, numbers of runs.
create function graph.name_pattern(name text) returns text
language sql immutable parallel safe
return regexp_replace(name, '[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+', '#', 'g');

-- The inputs that runs of a job name: since when, and by which run first.
create function graph.inputs_of(job uuid)
returns table (dataset_uuid uuid, namespace text, name text, pattern text, first_at timestamptz, first_run uuid,
               last_at timestamptz)
language sql stable
begin atomic
    select i.dataset_uuid, d.namespace, d.name, d.namespace || '/' || graph.name_pattern(d.name), min(s.first_at),
        (array_agg(s.first_run order by s.first_at, s.first_run))[1], max(s.last_at)
    from graph.statements s
    join graph.io_sets i using (io_id)
    join graph.datasets d using (dataset_uuid)
    where s.job_uuid = job and s.kind = 1 and i.direction = 0
    group by i.dataset_uuid, d.namespace, d.name;
end;

-- Runs of a job that completed behind a time, and name datasets but not this one; 2 at most.
create function graph.runs_without(job uuid, dataset uuid, since timestamptz)
returns table (run_uuid uuid, at timestamptz)
language sql stable
begin atomic
    select e.run_uuid, min(e.event_time)
    from graph.statements s join graph.events e using (statement_id)
    where s.job_uuid = job and s.written_at > since and e.event_time > since and upper(e.event_type) = 'COMPLETE'
        and s.io_id is not null
        and not exists (select from graph.run_io_sets r join graph.io_sets i using (io_id)
                        where r.run_uuid = e.run_uuid and i.dataset_uuid = dataset and i.direction = 0)
    group by e.run_uuid
    order by 2, 1 limit 2;
end;

-- New inputs of a job (those of its first run that named any are the baseline), and inputs that two completed runs in a row
-- did without. Another day's partition is no other dataset.
create function graph.input_drift_of(job uuid) returns setof graph.drift_change
language sql stable
begin atomic
    with inputs as materialized (
        select i.*, min(i.first_at) over (partition by i.pattern) as pattern_first,
            max(i.last_at) over (partition by i.pattern) as pattern_last,
            first_value(i.first_run) over (order by i.first_at, i.first_run) as base_run
        from graph.inputs_of(job) i
    ), vanished as materialized (
        select i.*, w.run_uuid, w.at
        from inputs i
        cross join lateral (select array_agg(r.run_uuid order by r.at, r.run_uuid) as runs,
                                array_agg(r.at order by r.at, r.run_uuid) as times
                            from graph.runs_without(job, i.dataset_uuid, i.pattern_last) r) r
        cross join lateral (select r.runs[2] as run_uuid, r.times[2] as at) w
        where cardinality(r.runs) = 2 and i.last_at = i.pattern_last
    )
    select row(job, 'inputs', 'topology', '', to_jsonb(i.dataset_uuid), jsonb_build_array(jsonb_build_object(
                   'change', 'added', 'what', 'input', 'value', i.namespace || '/' || i.name)),
               exists (select from vanished v where v.dataset_uuid = i.dataset_uuid), i.first_at, i.first_run, null,
               null)::graph.drift_change
    from inputs i
    where i.first_at = i.pattern_first and i.first_run is not null
        and graph.root_of(i.first_run) is distinct from graph.root_of(i.base_run)
    union all
    select row(job, 'inputs', 'topology', 'vanished', to_jsonb(i.dataset_uuid),
               jsonb_build_array(jsonb_build_object('change', 'removed', 'what', 'input', 'value',
                                                    i.namespace || '/' || i.name)),
               false, i.at, i.run_uuid, null, i.last_at)::graph.drift_change
    from vanished i;
end;

-- Statements of a job to look at again: those with an input that has vanished, and those of whole runs without an input that
-- has not.
create function graph.watch_inputs(job uuid)
returns setof graph.drift_watched
language sql stable
begin atomic
    with inputs as materialized (
        select i.dataset_uuid, i.pattern,
            (select count(*) from graph.runs_without(job, i.dataset_uuid, i.last_at)) = 2 as is_gone
        from graph.inputs_of(job) i
    ), named as materialized (
        select distinct s.statement_id, i.dataset_uuid, n.pattern
        from graph.statements s
        join graph.io_sets i on i.io_id = s.io_id and i.direction = 0
        join inputs n on n.dataset_uuid = i.dataset_uuid
        where s.job_uuid = job
    )
    select job, s.statement_id, not exists (
            select from inputs i
            where i.is_gone and exists (select from named n
                                        where n.statement_id = s.statement_id and n.dataset_uuid = i.dataset_uuid)
                or not i.is_gone and s.written_at is not null and not exists (
                    select from named n where n.statement_id = s.statement_id and n.pattern = i.pattern)),
        s.first_at
    from graph.statements s
    where s.job_uuid = job and s.io_id is not null;
end;

-- Jobs that write a dataset (aspect 4) or read it (5), each as the run at the top of its first run shows it: a new one
-- beside those that were there is a shadow writer or a new reader. Readers of the first day are the baseline: a platform
-- that begins to send would tell of each.
create function graph.neighbour_drift_of(dataset uuid, aspect smallint) returns setof graph.drift_change
language sql stable
begin atomic
    with jobs as materialized (
        select s.job_uuid, min(s.first_at) as first_at, (array_agg(s.first_run order by s.first_at, s.first_run))[1] as run
        from graph.io_sets i join graph.statements s using (io_id)
        where i.dataset_uuid = dataset and s.kind = 1
            and i.direction = case neighbour_drift_of.aspect when 4 then 1 else 0 end
        group by s.job_uuid
    ), tops as materialized (
        select coalesce(r.job_uuid, j.job_uuid) as top, min(j.first_at) as first_at,
            (array_agg(j.job_uuid order by j.first_at, j.job_uuid))[1] as job_uuid,
            (array_agg(j.run order by j.first_at, j.run))[1] as run
        from jobs j left join graph.runs r on r.run_uuid = graph.root_of(j.run)
        group by 1
    )
    select row(dataset, case neighbour_drift_of.aspect when 4 then 'writers' else 'readers' end, 'topology', '',
               to_jsonb(t.top), jsonb_build_array(jsonb_build_object('change', 'added', 'what',
                   case neighbour_drift_of.aspect when 4 then 'writer' else 'reader' end, 'value',
                   j.namespace || '/' || j.name)),
               false, t.first_at, t.run, null, null)::graph.drift_change
    from tops t join graph.jobs j on j.job_uuid = t.job_uuid
    where t.first_at > (select min(e.first_at) from tops e)
        + case neighbour_drift_of.aspect when 4 then interval '0' else interval '1 day' end;
end;

-- An earlier event of one of the jobs may tell who came first.
create function graph.watch_neighbours(dataset uuid, aspect smallint)
returns setof graph.drift_watched
language sql stable
begin atomic
    select dataset, s.job_uuid, true, min(s.first_at)
    from graph.io_sets i join graph.statements s using (io_id)
    where i.dataset_uuid = dataset and s.kind = 1
        and i.direction = case watch_neighbours.aspect when 4 then 1 else 0 end
    group by s.job_uuid;
end;

-- A job that fails after it had completed; over with the next run that completes.
create function graph.failures_of(job uuid) returns setof graph.drift_change
language sql stable
begin atomic
    with failures as (
        select r.run_uuid, r.ended_at, r.error_message
        from graph.drift_contents c join graph.runs r on r.run_uuid = c.content_id
        where c.subject_uuid = job and c.aspect = 6 and r.state in (3, 4) and r.ended_at is not null
    ), good as (
        select max(s.written_at) as last_at from graph.statements s where s.job_uuid = job
    ), bad as (
        -- The first failure behind the last success; when there is none, the last failure.
        select f.*, g.last_at as good_at
        from failures f cross join good g
        where exists (select from graph.runs o where o.job_uuid = job and o.state = 2 and o.ended_at < f.ended_at)
        order by (f.ended_at > g.last_at) desc, case when f.ended_at > g.last_at then f.ended_at end,
            f.ended_at desc, f.run_uuid limit 1
    )
    select row(job, 'runs', 'behaviour', '', 'true', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
                   'change', 'changed', 'what', 'outcome', 'from', 'COMPLETED', 'to', 'FAILED',
                   'error', left(b.error_message, 1000)))),
               b.good_at > b.ended_at, b.ended_at, b.run_uuid, null, b.good_at)::graph.drift_change
    from bad b;
end;

-- Any event of a job may end its failing, or tell that it worked before.
create function graph.watch_failures(job uuid)
returns setof graph.drift_watched
language sql stable
begin atomic
    select job, job, false, 'infinity'::timestamptz
    where not exists (select from graph.failures_of(job) f where f.is_past);
end;

-- Statements of which something else was said too: settled are those that say what is accepted.
create function graph.watch_said(sayings graph.drift_saying[])
returns setof graph.drift_watched
language plpgsql stable
as $$
begin
    return query
    select s.subject_uuid, s.statement_id, bool_and(s.form = s.accepted), min(s.first_at)
    from (
        select d.*, first_value(d.form) over (fact order by d.last_at desc, d.last_by desc, d.form desc) as accepted,
            min(d.form::text) over fact <> max(d.form::text) over fact as is_contested
        from unnest(sayings) d
        window fact as (partition by d.subject_uuid, d.fact, d.family)
    ) s
    where s.is_contested
    group by s.subject_uuid, s.statement_id;
end $$;

-- What an alert tells beside the change --------------------------------------------------------------------------

-- What was said of subjects last, by each producer family, in facets of a name.
create function graph.latest_facets(subjects uuid[], facet text)
returns table (subject_uuid uuid, last_at timestamptz, content jsonb)
language plpgsql stable
as $$
begin
    if cardinality(subjects) = 0 then
        return;
    end if;
    return query
    select l.id, l.last_at, c.content
    from (
        select distinct on (s.id, d.family) s.id, d.digest, s.last_at
        from (
            select i.id, n.description_id, max(n.last_at) as last_at
            from (select distinct u as id from unnest(subjects) u) i
            cross join lateral (
                select s.last_at, graph.slot_digest(s.descriptions, o.ordinal) as description_id
                from graph.io_sets o join graph.statements s using (io_id)
                where o.dataset_uuid = i.id
                union all
                select s.last_at, s.job_description from graph.statements s where s.job_uuid = i.id
                order by 1 desc limit 100
            ) n
            group by 1, 2
        ) s
        join graph.descriptions d using (description_id)
        where d.name = facet
        order by s.id, d.family, s.last_at desc, d.digest desc
    ) l
    join graph.facets c using (digest)
    where not c.deleted;
end $$;

-- Where all ever said the same, that is it; else what was said last.
create function graph.owners_of(subjects uuid[]) returns table (subject_uuid uuid, owners jsonb)
language plpgsql stable
as $$
begin
    return query
    with said as materialized (
        select u.id, array(select c.content_id from graph.drift_contents c
                           where c.subject_uuid = u.id and c.aspect = 8 limit 2) as facets
        from (select distinct x as id from unnest(subjects) x) u
    ), facets as (
        select s.id, f.content
        from said s join graph.facets f on f.digest = s.facets[1]
        where cardinality(s.facets) = 1 and not f.deleted
        union all
        select l.subject_uuid, l.content
        from graph.latest_facets(array(select s.id from said s where cardinality(s.facets) > 1), 'ownership') l
    )
    select f.id, jsonb_agg(distinct o ->> 'name')
    from facets f
    cross join lateral jsonb_path_query(f.content, 'lax $.owners[*]') o
    where o ->> 'name' is not null
    group by f.id;
end $$;

-- What is made of fields of a dataset, where lineage of columns is known, else of all of it; or by a job. With the jobs
-- between; rows without one are other names.
create function graph.drift_reach(subject uuid, fields text[])
returns table (depth integer, job_uuid uuid, dataset_uuid uuid, field text)
language plpgsql stable
as $$
begin
    if cardinality(fields) > 0 and exists (select from graph.column_edges e where e.input_uuid = subject) then
        return query
        with recursive reach (depth, job_uuid, dataset_uuid, field) as (
            select 0, null::uuid, subject, f from unnest(fields) f
            union
            select n.* from reach r
            cross join lateral (
                select r.depth + 1, e.job_uuid, e.output_uuid, e.output_field
                from graph.column_edges e
                where r.depth < 5 and e.input_uuid = r.dataset_uuid and (r.field is null or e.input_field = r.field)
                union all
                select r.depth, null, s.other_uuid, r.field from graph.symlinks s where s.dataset_uuid = r.dataset_uuid
                union all
                select r.depth, null, s.dataset_uuid, r.field from graph.symlinks s where s.other_uuid = r.dataset_uuid
            ) n
        )
        select * from reach;
    else
        return query
        with recursive reach (depth, job_uuid, dataset_uuid, field) as (
            select 0, null::uuid, subject, null::text
            union
            select n.* from reach r
            cross join lateral (
                select r.depth + 1, i.job_uuid, o.dataset_uuid, null::text
                from graph.edges i left join graph.edges o on o.job_uuid = i.job_uuid and o.direction = 1
                where r.depth < 3 and i.dataset_uuid = r.dataset_uuid and i.direction = 0
                union all
                select 1, o.job_uuid, o.dataset_uuid, null
                from graph.edges o where r.depth = 0 and o.job_uuid = r.dataset_uuid and o.direction = 1
                union all
                select r.depth, null, s.other_uuid, null from graph.symlinks s where s.dataset_uuid = r.dataset_uuid
                union all
                select r.depth, null, s.dataset_uuid, null from graph.symlinks s where s.other_uuid = r.dataset_uuid
            ) n
        )
        select * from reach;
    end if;
end $$;

-- The nearest that is hit, 50 at most, with its owners.
create function graph.drift_downstream(subject uuid, fields text[]) returns jsonb
language plpgsql stable
as $$
begin
    return (
    with reach as materialized (
        select * from graph.drift_reach(subject, fields)
    ), hit as (
        select min(r.depth) as depth, 'dataset' as kind, d.dataset_uuid as id, d.namespace, d.name, r.field
        from reach r join graph.datasets d using (dataset_uuid)
        where r.job_uuid is not null and d.dataset_uuid <> subject
        group by d.dataset_uuid, r.field
        union all
        select min(r.depth), 'job', j.job_uuid, j.namespace, j.name, null
        from reach r join graph.jobs j using (job_uuid)
        where j.job_uuid <> subject
        group by j.job_uuid
    ), nearest as materialized (
        select * from hit order by depth, kind, namespace, name, field limit 50
    )
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', n.kind, 'namespace', n.namespace,
        'name', n.name, 'field', n.field, 'depth', n.depth, 'owners', o.owners))
        order by n.depth, n.kind, n.namespace, n.name, n.field), '[]')
    from nearest n
    left join graph.owners_of(array(select id from nearest)) o on o.subject_uuid = n.id);
end $$;

-- Who did it: the runs, their jobs, the commits of their code.
create function graph.drift_actors(runs uuid[]) returns table (run_uuid uuid, actor jsonb)
language plpgsql stable
as $$
begin
    return query
    with known as materialized (
        select r.run_uuid, r.run_id, r.job_uuid, j.namespace, j.name
        from (select distinct u from unnest(runs) u) u join graph.runs r on r.run_uuid = u.u
        left join graph.jobs j using (job_uuid)
    ), owners as materialized (
        select * from graph.owners_of(array(select k.job_uuid from known k where k.job_uuid is not null))
    ), commits as materialized (
        select distinct on (l.subject_uuid) l.subject_uuid, l.content ->> 'version' as version
        from graph.latest_facets(array(select k.job_uuid from known k where k.job_uuid is not null), 'sourceCodeLocation') l
        order by l.subject_uuid, l.last_at desc
    )
    select k.run_uuid, jsonb_strip_nulls(jsonb_build_object('first_bad_run', graph.run_name(k.run_id, k.run_uuid),
        'job_namespace', k.namespace, 'job', k.name, 'commit', c.version, 'job_owners', o.owners))
    from known k
    left join owners o on o.subject_uuid = k.job_uuid
    left join commits c on c.subject_uuid = k.job_uuid;
end $$;

create function graph.principal_of(run uuid, at timestamptz) returns text
language plpgsql stable
as $$
begin
    return (select e.principal from graph.events e
            where e.run_uuid = run and e.event_time = at and e.principal is not null limit 1);
end $$;

create function graph.drift_phrase(change jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
    what constant text := change ->> 'what';
    field constant text := change ->> 'field';
begin
    return case change ->> 'change'
        when 'removed' then coalesce(what || ' ' || (change ->> 'value') || ' removed', 'lost column ' || field)
        when 'added' then coalesce(what || ' ' || (change ->> 'value') || ' added', 'new column ' || field)
        when 'retyped' then format('column %s is %s, was %s', field, change ->> 'to', change ->> 'from')
        when 'reordered' then 'columns in another order'
        when 'differs' then format('producers differ on column %s: %s and %s', field, change ->> 'from', change ->> 'to')
        else case when what = 'outcome' then 'fails' else what || ' changed' end end;
end $$;

create function graph.drift_title(changes jsonb) returns text
language plpgsql immutable parallel safe
as $$
begin
    return (select string_agg(graph.drift_phrase(c), ', ' order by n)
        from jsonb_array_elements(changes) with ordinality x (c, n) where n <= 3)
    || case when jsonb_array_length(changes) > 3 then format(' and %s more', jsonb_array_length(changes) - 3) else '' end;
end $$;

-- How bad: what breaks readers is critical where somebody reads it.
create function graph.drift_severity(kind text, changes jsonb, downstream jsonb) returns text
language plpgsql immutable parallel safe
as $$
begin
    return case
    when kind = 'schema' and changes @? '$[*] ? (@.change == "removed" || @.change == "retyped")' then
        case when downstream <> '[]' then 'critical' else 'warning' end
    when kind = 'stewardship' and changes @? '$[*] ? (@.to == "dropped")' then
        case when downstream <> '[]' then 'critical' else 'warning' end
    when kind = 'stewardship' and changes
        @? '$[*] ? (@.change == "removed" && (@.what == "owner" || @.value like_regex "pii|sensitiv|confidential|secret|gdpr|phi" flag "i"))'
        then 'warning'
    when kind = 'consistency' then 'warning'
    when kind = 'topology' and changes @? '$[*] ? (@.change == "removed" || @.what == "writer" || @.what == "cycle")' then 'warning'
    when kind = 'behaviour' and changes @? '$[*] ? (@.change == "removed")' then 'warning'
    when kind = 'behaviour' and changes @? '$[*] ? (@.what == "outcome")' then
        case when downstream <> '[]' then 'critical' else 'warning' end
    else 'info' end;
end $$;

-- What explains what, when one run shows both: the lesser the greater.
create function graph.drift_rank(kind text) returns integer
language sql immutable parallel safe
return array_position(array['schema', 'consistency', 'topology', 'stewardship', 'behaviour', 'code', 'environment'], kind);

-- An open alert that explains this one: of the same run and a kind that explains its kind; or, as engines and emitters change
-- under many jobs at once, the same change of another job of the namespace within a day.
create function graph.drift_cause(alert uuid, c graph.drift_change, namespace text) returns uuid
language plpgsql stable
as $$
begin
    return (
    select a.alert_id
    from (
        select * from graph.alerts
        where run_uuid = (c).run and graph.drift_rank(kind) < graph.drift_rank((c).kind)
        union all
        select o.* from graph.alerts o join graph.jobs j on j.job_uuid = o.subject_uuid
        where (c).fact in ('engine', 'emitter') and o.kind = (c).kind and o.detail -> 'changes' = (c).changes
            and o.event_time between (c).at - interval '1 day' and (c).at and j.namespace = drift_cause.namespace
    ) a
    where a.status in ('open', 'acknowledged') and a.alert_id <> alert and a.cause is null
    order by graph.drift_rank(a.kind), a.alert_id
    limit 1);
end $$;

create function graph.drift_query(kind text, namespace text, name text, is_dataset boolean) returns text
language sql immutable parallel safe
return case
    when kind in ('schema', 'consistency') then format(
        'select * from metaops.dataset_versions where namespace = %L and name = %L order by first_seen', namespace, name)
    when kind = 'topology' and is_dataset then format(
        'select * from metaops.edges where dataset_namespace = %L and dataset_name = %L order by first_seen', namespace, name)
    when kind = 'topology' then format(
        'select * from metaops.edges where job_namespace = %L and job_name = %L order by first_seen', namespace, name)
    when kind = 'behaviour' then format(
        'select * from metaops.runs where job_namespace = %L and job_name = %L order by started_at', namespace, name)
    else format('select * from metaops.facets where namespace = %L and name = %L order by event_time', namespace, name) end;
create index alerts_run on graph.alerts (run_uuid);
create index alerts_kind on graph.alerts (kind, event_time);

-- Changes that no alert tells of yet as they are.
create function graph.changes_to_tell(changes graph.drift_change[])
returns table (alert_id uuid, change graph.drift_change)
language plpgsql stable
as $$
begin
    return query
    select n.alert, n.c
    from (select c, md5(concat_ws('|', c.kind, c.subject_uuid, c.fact, c.family, c.is_now))::uuid as alert
          from unnest(changes) c) n
    left join graph.alerts a on a.alert_id = n.alert
    where a.alert_id is null or a.run_uuid is distinct from (n.c).run or a.event_time <> (n.c).at
        or a.detail -> 'changes' <> (n.c).changes
        or case when (n.c).is_past then a.status in ('open', 'acknowledged') else a.status = 'resolved' end;
end $$;

-- What an alert tells of its change: who is hit, who did it, whom it concerns.
create function graph.drift_alerts(changes graph.drift_change[], aspect smallint)
returns table (alert_id uuid, change graph.drift_change, namespace text, name text, downstream jsonb, detail jsonb)
language plpgsql stable
as $$
declare
    is_dataset constant boolean := aspect in (1, 4, 5, 10);
begin
    return query
    with fresh as materialized (
        select f.alert_id, (f.change).*, f.change as c, coalesce(d.namespace, j.namespace) as namespace,
            coalesce(d.name, j.name) as name,
            (select array_agg(x ->> 'field') from jsonb_array_elements((f.change).changes) x
             where (f.change).kind = 'schema' and x ->> 'change' in ('removed', 'retyped')) as lost
        from graph.changes_to_tell(drift_alerts.changes) f
        left join graph.datasets d on is_dataset and d.dataset_uuid = (f.change).subject_uuid
        left join graph.jobs j on not is_dataset and j.job_uuid = (f.change).subject_uuid
    ), hit as materialized (
        select f.*, case
            when not f.is_past and (f.lost is not null or f.changes @? '$[*] ? (@.to == "dropped" || @.what == "outcome")')
            then graph.drift_downstream(f.subject_uuid, f.lost) else '[]' end as downstream
        from fresh f
    ), owners as materialized (
        select * from graph.owners_of(array(select f.subject_uuid from fresh f))
    ), actors as materialized (
        select * from graph.drift_actors(array(select f.run from fresh f))
    )
    select h.alert_id, h.c, h.namespace, h.name, h.downstream, jsonb_strip_nulls(jsonb_build_object(
        'fact', h.fact,
        'producer', case when h.family not in ('', 'vanished') then h.family end,
        'changes', h.changes,
        'compatibility', case when h.kind = 'schema' then case when h.lost is not null and h.downstream = '[]'
            then 'unused-breaking' else graph.schema_compatibility(h.changes) end end,
        'last_good_run', (select graph.run_name(r.run_id, r.run_uuid)
                          from graph.events e join graph.runs r using (run_uuid)
                          where e.event_id = h.last_good_by and e.event_time = h.last_good_at limit 1),
        'last_good_at', h.last_good_at,
        'principal', graph.principal_of(h.run, h.at),
        'owners', o.owners,
        'sql', graph.drift_query(h.kind, h.namespace, h.name, is_dataset))) || coalesce(a.actor, '{}')
    from hit h
    left join owners o on o.subject_uuid = h.subject_uuid
    left join actors a on a.run_uuid = h.run;
end $$;

-- Changes as alerts.
create function graph.raise_drift(changes graph.drift_change[], aspect smallint) returns void
language plpgsql
as $$
declare
    a record;
begin
    for a in select d.alert_id, (d.change).*, d.change as c, d.namespace, d.name, d.downstream, d.detail
        from graph.drift_alerts(changes, aspect) d
        order by graph.drift_rank((d.change).kind), (d.change).at, d.alert_id loop -- causes before what they explain
        perform graph.raise_alert(a.alert_id, a.kind, graph.drift_severity(a.kind, a.changes, a.downstream),
            case when raise_drift.aspect in (1, 4, 5, 10) then 3 else 2 end::smallint, a.subject_uuid,
            case when jsonb_array_length(a.changes) = 1 then a.changes -> 0 ->> 'field' end,
            format('%s: %s', a.name, graph.drift_title(a.changes)), a.detail, a.downstream, a.at, a.run, a.is_past,
            graph.drift_cause(a.alert_id, a.c, a.namespace), raise_drift.aspect);
    end loop;
end $$;

-- What was an alert of these subjects and is none by what is known now is history, or was never told and goes.
create function graph.drop_alerts(subjects uuid[], aspect smallint, changes graph.drift_change[]) returns void
language plpgsql
as $$
declare
    gone record;
begin
    for gone in select a.alert_id, graph.is_news(a.event_time) as was_told
        from graph.alerts a
        where a.subject_uuid = any (subjects) and a.aspect = drop_alerts.aspect
            and a.status in ('open', 'acknowledged', 'resolved')
            and a.alert_id not in (select md5(concat_ws('|', c.kind, c.subject_uuid, c.fact, c.family, c.is_now))::uuid
                                   from unnest(changes) c) loop
        if gone.was_told then
            update graph.alerts a set status = 'resolved' where a.alert_id = gone.alert_id and a.status <> 'resolved';
            if found then
                perform graph.tell_alert(gone.alert_id, 'resolved');
            end if;
        else
            delete from graph.alert_events e where e.alert_id = gone.alert_id;
            delete from graph.alerts a where a.alert_id = gone.alert_id;
        end if;
    end loop;
end $$;

-- Whose events may change the judgement that was just made, in place of what was watched for it before.
create function graph.watch(subjects uuid[], aspect smallint, now_watched graph.drift_watched[]) returns void
language plpgsql
as $$
begin
    delete from graph.drift_watch w
    where w.subject_uuid = any (subjects) and w.aspect = watch.aspect
        and (w.subject_uuid, w.watched_id, w.is_settled, w.first_at) not in (
            select n.subject_uuid, n.watched_id, n.is_settled, n.first_at from unnest(now_watched) n);
    insert into graph.drift_watch (watched_id, subject_uuid, aspect, is_settled, first_at)
    select n.watched_id, n.subject_uuid, watch.aspect, n.is_settled, n.first_at from unnest(now_watched) n
    on conflict do nothing;
end $$;

-- Every change of subjects in one respect. sayings: what was said of them, in respects 1, 2 and 7.
create function graph.changes_of(subjects uuid[], aspect smallint, sayings graph.drift_saying[])
returns setof graph.drift_change
language plpgsql stable
as $$
begin
    if aspect in (1, 2, 7) then
        return query select * from graph.drift_of(sayings);
    end if;
    if aspect = 1 then
        return query select * from graph.disagreements_of(sayings);
    elsif aspect = 3 then
        return query select c.* from unnest(subjects) u cross join lateral graph.input_drift_of(u) c;
    elsif aspect in (4, 5) then
        return query select c.* from unnest(subjects) u cross join lateral graph.neighbour_drift_of(u, aspect) c;
    elsif aspect = 6 then
        return query select c.* from unnest(subjects) u cross join lateral graph.failures_of(u) c;
    elsif aspect = 9 then
        return query select c.* from unnest(subjects) u cross join lateral graph.structure_of(u) c;
    end if;
end $$;

create function graph.watched_by(subjects uuid[], aspect smallint, sayings graph.drift_saying[])
returns setof graph.drift_watched
language plpgsql stable
as $$
begin
    if aspect in (1, 2, 7) then
        return query select * from graph.watch_said(sayings);
    elsif aspect = 3 then
        return query select w.* from unnest(subjects) u cross join lateral graph.watch_inputs(u) w;
    elsif aspect in (4, 5) then
        return query select w.* from unnest(subjects) u cross join lateral graph.watch_neighbours(u, aspect) w;
    elsif aspect = 6 then
        return query select w.* from unnest(subjects) u cross join lateral graph.watch_failures(u) w;
    end if;
end $$;

-- Judges subjects in one respect: every change is an alert.
create function graph.judge_subjects(subjects uuid[], aspect smallint) returns void
language plpgsql
as $$
declare
    sayings constant graph.drift_saying[] := case when aspect in (1, 2, 7)
        then array(select d from graph.drift_said(subjects, aspect) d) end;
    changes constant graph.drift_change[] := array(select c from graph.changes_of(subjects, aspect, sayings) c);
begin
    perform graph.raise_drift(changes, aspect);
    perform graph.drop_alerts(subjects, aspect, changes);
    perform graph.watch(subjects, aspect, array(select w from graph.watched_by(subjects, aspect, sayings) w));
end $$;

-- The same, one by one when they cannot be judged together. What a judgement cannot be made of is noted, and stops no event.
create function graph.try_subjects(subjects uuid[], aspect smallint) returns void
language plpgsql
as $$
declare
    subject uuid;
begin
    perform graph.judge_subjects(subjects, aspect);
exception when others then
    if sqlstate ~ '^(08|40|53|57|58)' then
        raise; -- may go better another time
    elsif cardinality(subjects) > 1 then
        foreach subject in array subjects loop
            perform graph.try_subjects(array[subject], aspect);
        end loop;
    else
        update graph.drift_subjects s set failure = left(sqlerrm, 500)
        where s.subject_uuid = subjects[1] and s.aspect = try_subjects.aspect;
    end if;
end $$;

-- Judges what is due (mine: what this transaction made due), the oldest first, for about as long as budget; what is left
-- stays due for whoever calls next. True: something may be left.
-- Plans are made once per session and go along indexes, joins in the order in which they are written: statistics of young
-- tables mislead. The settings stand here only: each costs time at every call, and what is called inherits them.
create function graph.judge_drift(budget interval, mine boolean) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
    until constant timestamptz := clock_timestamp() + budget;
    at_once constant integer := least(1 + extract(epoch from budget) * 1000, 200);
    since constant xid8 := case when mine then pg_current_xact_id() else '0'::xid8 end;
    due graph.drift_subjects[];
    respect smallint;
begin
    loop
        due := array(select s from graph.drift_subjects s where s.due_in >= since and s.aspect < 9
                     order by s.due_in, s.aspect, s.subject_uuid limit at_once for update skip locked);
        if cardinality(due) = 0 then
            return false;
        end if;
        update graph.drift_subjects s set due_in = null, failure = null
        from unnest(due) d where s.subject_uuid = d.subject_uuid and s.aspect = d.aspect;
        for respect in select distinct d.aspect from unnest(due) d order by 1 loop
            perform graph.try_subjects(
                array(select d.subject_uuid from unnest(due) d where d.aspect = respect and d.contents <= 1000), respect);
        end loop;
        if clock_timestamp() > until then
            return true;
        end if;
    end loop;
end $$;
revoke execute on function graph.judge_drift(interval, boolean) from public;
