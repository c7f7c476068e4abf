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
create index drift_watch_open on graph.drift_watch (watched_id) where not is_settled;
create index drift_watch_latest on graph.drift_watch (first_at) where is_settled;
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
    form_id uuid,
    form jsonb,
    primary key (digest, fact)
);
comment on table graph.drift_forms is 'Facets in the form in which they are compared, made when they are compared first.';
comment on column graph.drift_forms.digest is 'The facet (graph.facets).';
comment on column graph.drift_forms.fact is 'What is compared of it.';
comment on column graph.drift_forms.form_id is 'Digest of the form: forms are told from each other by it; null: it says nothing.';
comment on column graph.drift_forms.form is 'The form, a schema packed (graph.packed_schema); null: it says nothing.';

create table graph.drift_diffs (
    pair uuid not null,
    changes jsonb
);
create index drift_diffs_pair on graph.drift_diffs (pair);
comment on table graph.drift_diffs is
    'Differences between two forms, made when they are compared first. Twice the same does no harm, so that nobody waits for another.';
comment on column graph.drift_diffs.pair is 'Digest of what is compared and of the two forms.';
comment on column graph.drift_diffs.changes is 'The difference; null: none that is told.';

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

-- Columns of a schema in order, packed as they are stored: one list of names and types, by turns.
create function graph.packed_schema(names text[], types text[]) returns jsonb
language plpgsql immutable parallel safe
as $$
begin
    return (select to_jsonb(array_agg(v.value order by c.n, v.k))
            from unnest(names, types) with ordinality c (name, type, n)
            cross join lateral (values (1, c.name), (2, c.type)) v (k, value));
end $$;

create function graph.schema_columns(packed jsonb) returns table (n integer, field text, type text)
language sql immutable parallel safe
begin atomic
    select i + 1, packed ->> (2 * i), packed ->> (2 * i + 1) from generate_series(0, jsonb_array_length(packed) / 2 - 1) i;
end;

-- The fields of a schema facet in order, each name once, with canonical types. Most types are known as they are spelled; most
-- schemas have no nested fields, and need no walk.
create function graph.schema_form(content jsonb) returns jsonb
language plpgsql stable parallel safe
as $$
begin
    if jsonb_typeof(content -> 'fields') = 'array' and not content @? '$.fields[*].fields' then
        return (
            select graph.packed_schema(array_agg(f.name order by f.ordinal),
                array_agg(coalesce(n.canonical, graph.canonical_type(f.type)) order by f.ordinal))
            from (
                select distinct on (e.field ->> 'name') e.field ->> 'name' as name, e.ordinal,
                    case when e.field ->> 'type' not like '%***%' then e.field ->> 'type' end as type
                from jsonb_array_elements(content -> 'fields') with ordinality e (field, ordinal)
                where jsonb_typeof(e.field) = 'object' and e.field ->> 'name' is not null
                order by 1, 2) f
            left join graph.type_names n on n.name = lower(f.type));
    end if;
    return (
        select graph.packed_schema(array_agg(f.name order by f.ordinal),
            array_agg(coalesce(n.canonical, graph.canonical_type(f.type)) order by f.ordinal))
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

-- What changes from one packed schema to another: added, removed and retyped fields (a nested one only when its parent stays), or
-- that the order of those that stay is another. A removed and an added field of one type at one place may be a
-- renamed one: that is a guess, and said to be.
create function graph.schema_changes(was jsonb, is_now jsonb) returns setof jsonb
language plpgsql immutable parallel safe
as $$
begin
    return query
    with fields as materialized (
        select coalesce(w.field, i.field) as field, w.type as was_type, i.type as now_type, w.n as was_n, i.n as now_n
        from graph.schema_columns(was) w full join graph.schema_columns(is_now) i using (field)
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
