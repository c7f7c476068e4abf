-- From rows back to the events they come from: bodies, places in bodies, and a search over names.

-- An LZ4 block (no frame) made with a dictionary: sequences of literals and matches, a match reaching back at most
-- 64 KiB, into the dictionary if need be. Written from the published description of the block format.
-- Output leaves the window in chunks, so that large bodies are not copied once per sequence.
create function graph.lz4_inflate(block bytea, dictionary bytea, size integer) returns bytea
language plpgsql immutable strict parallel safe
as $$
declare
    window_max constant integer := 65536;
    -- In memory and inflated: reading single bytes of a toasted value would fetch all of it each time.
    input constant bytea := block || ''::bytea;
    input_len constant integer := length(input);
    output bytea := substr(dictionary, greatest(1, length(dictionary) - window_max + 1));
    skip integer := length(output);
    chunks bytea[] := array[]::bytea[];
    at integer := 0;
    token integer;
    run integer;
    more integer;
    back integer;
    piece bytea;
begin
    while at < input_len loop
        token := get_byte(input, at);
        at := at + 1;
        run := token >> 4;
        if run = 15 then
            loop
                more := get_byte(input, at);
                at := at + 1;
                run := run + more;
                exit when more < 255;
            end loop;
        end if;
        if run > 0 then
            output := output || substr(input, at + 1, run);
            at := at + run;
        end if;
        exit when at >= input_len;

        back := get_byte(input, at) + (get_byte(input, at + 1) << 8);
        at := at + 2;
        if back = 0 or back > length(output) then
            raise exception 'damaged LZ4 block' using errcode = 'data_corrupted';
        end if;
        run := token & 15;
        if run = 15 then
            loop
                more := get_byte(input, at);
                at := at + 1;
                run := run + more;
                exit when more < 255;
            end loop;
        end if;
        run := run + 4;
        -- A match may overlap what it makes: then the piece between repeats.
        piece := substr(output, length(output) - back + 1, least(back, run));
        while length(piece) < run loop
            piece := piece || piece;
        end loop;
        output := output || substr(piece, 1, run);

        if length(output) > 4 * window_max then
            chunks := chunks || substr(output, skip + 1, length(output) - window_max - skip);
            output := substr(output, length(output) - window_max + 1);
            skip := 0;
        end if;
    end loop;
    chunks := chunks || substr(output, skip + 1);
    output := ''::bytea;
    select string_agg(c.chunk, ''::bytea order by c.place) into output
    from unnest(chunks) with ordinality c (chunk, place);
    if length(output) <> size then
        raise exception 'damaged LZ4 block' using errcode = 'data_corrupted';
    end if;
    return output;
end $$;

create function graph.body_text(body bytea, base uuid, body_bytes integer) returns text
language sql stable parallel safe
as $$
    select convert_from(
        case when base is null then body
            else graph.lz4_inflate(body, (select b.body from graph.body_bases b where b.base_id = base),
                                   body_bytes) end, 'UTF8')
$$;

create function metaops.event_body(event_id uuid) returns text
language sql stable parallel safe
as $$
    select graph.body_text(e.body, e.body_base, e.body_bytes)
    from graph.events e
    where e.event_id = event_body.event_id
    limit 1
$$;
comment on function metaops.event_body is
    'The event''s JSON as it was stored: as received, but for redactions.';

-- The text of an event as jsonb. Producers write what jsonb refuses: \u0000 and lone surrogates become U+FFFD as in
-- the names of the graph. Bare NaN and Infinity, and numbers with absurd exponents, are looked for only
-- when the cast fails: they stand outside of strings, so the text is cut into strings and the rest.
create function graph.body_json(body text) returns jsonb
language plpgsql immutable strict parallel safe
as $$
declare
    cleaned text := body;
begin
    if position('\u' in body) > 0 then
        -- Once \\ is spelled otherwise, every \u left is an escape.
        cleaned := replace(replace(body, '\\', '\u005c'), '\u0000', '\ufffd');
        if position('\ud' in lower(cleaned)) > 0 then
            cleaned := regexp_replace(cleaned, '\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])', '\ufffd', 'g');
            cleaned := regexp_replace(cleaned, '(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}',
                '\ufffd', 'g');
        end if;
    end if;
    return cleaned::jsonb;
exception when data_exception or program_limit_exceeded then
    select string_agg(case when t.token[1] ~ '^-?(NaN|Infinity)$' or t.token[1] ~ '^-?[0-9.]+[eE][+-]?[0-9]{3,}$'
                              or t.token[1] ~ '^[-0-9]' and length(t.token[1]) > 400
                          then 'null' else t.token[1] end, '' order by t.place)
    into cleaned
    from regexp_matches(cleaned, '"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)|-?[0-9][-+0-9.eE]*|[^-"NI0-9]+|.', 'g')
        with ordinality t (token, place);
    return cleaned::jsonb;
end $$;

-- A part of an RFC 6901 pointer.
create function graph.pointer_part(key text) returns text
language sql immutable parallel safe
return replace(replace(key, '~', '~0'), '/', '~1');

-- Names that mean one dataset: its own and its aliases.
create function graph.dataset_names(namespace text, name text) returns table (namespace text, name text)
language sql stable
as $$
    select dataset_names.namespace, dataset_names.name
    union
    select d.namespace, d.name
    from unnest(graph.dataset_ids(dataset_names.namespace, dataset_names.name)) i (id)
    join graph.datasets d on d.dataset_uuid = i.id
    union
    select s.other_namespace, s.other_name
    from unnest(graph.dataset_ids(dataset_names.namespace, dataset_names.name)) i (id)
    join graph.symlinks s on s.other_uuid = i.id
$$;

-- The datasets an event names, each with its place: inputs and outputs, or its own subject.
create function graph.body_datasets(event jsonb)
returns table (place text, side text, namespace text, name text, dataset jsonb)
language sql immutable parallel safe
as $$
    select '/' || l.side || '/' || (d.place - 1), l.side, d.value ->> 'namespace', d.value ->> 'name', d.value
    from (values ('inputs'), ('outputs')) l (side)
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(event -> l.side) = 'array' then event -> l.side end)
        with ordinality d (value, place)
    union all
    select '/dataset', 'dataset', event #>> '{dataset,namespace}', event #>> '{dataset,name}', event -> 'dataset'
    where not event ? 'run' and not event ? 'job' and jsonb_typeof(event -> 'dataset') = 'object'
$$;

-- Every entry of column lineage in an event: which output field is made of which input field, and where it says so.
create function graph.body_columns(event jsonb)
returns table (place text, namespace text, name text, output_field text, input_namespace text,
               input_name text, input_field text)
language sql immutable parallel safe
as $$
    select d.place || '/facets/columnLineage/fields/' || graph.pointer_part(f.key) || '/inputFields/'
            || (i.place - 1),
        d.namespace, d.name, f.key, i.value ->> 'namespace', i.value ->> 'name', i.value ->> 'field'
    from graph.body_datasets(event) d
    cross join lateral jsonb_each(
        case when jsonb_typeof(d.dataset #> '{facets,columnLineage,fields}') = 'object'
            then d.dataset #> '{facets,columnLineage,fields}' end) f
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(f.value -> 'inputFields') = 'array' then f.value -> 'inputFields' end)
        with ordinality i (value, place)
    union all
    select d.place || '/facets/columnLineage/dataset/' || (i.place - 1),
        d.namespace, d.name, null, i.value ->> 'namespace', i.value ->> 'name', i.value ->> 'field'
    from graph.body_datasets(event) d
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(d.dataset #> '{facets,columnLineage,dataset}') = 'array'
            then d.dataset #> '{facets,columnLineage,dataset}' end)
        with ordinality i (value, place)
$$;

-- Both parts of a name in one text: neither / nor anything else keeps them apart.
create function graph.name_pair(namespace text, name text) returns text
language sql immutable parallel safe
return jsonb_build_array(namespace, name)::text;

-- Places in one event that name the dataset (in inputs and outputs, one each), or that make its field: what the field is
-- made of, and what is made of it. The same fact told twice counts where it is told first.
create function graph.body_places(body text, names text[], field text) returns setof text
language plpgsql stable
as $$
declare
    event constant jsonb := graph.body_json(body);
begin
    if field is null then
        return query
        select one.place from (
            select distinct on (d.side) d.side, d.place
            from graph.body_datasets(event) with ordinality
                d (place, side, namespace, name, dataset, ordinal)
            where graph.name_pair(d.namespace, d.name) = any (names)
            order by d.side, d.ordinal
        ) one
        order by one.side;
    else
        return query
        select one.place from (
            select distinct on (c.namespace, c.name, c.output_field, c.input_namespace, c.input_name,
                                c.input_field) c.place, c.ordinal
            from graph.body_columns(event) with ordinality
                c (place, namespace, name, output_field, input_namespace, input_name, input_field, ordinal)
            where (graph.name_pair(c.namespace, c.name) = any (names)
                   and (c.output_field = body_places.field or c.output_field is null))
                or (graph.name_pair(c.input_namespace, c.input_name) = any (names)
                    and c.input_field = body_places.field)
            order by c.namespace, c.name, c.output_field, c.input_namespace, c.input_name, c.input_field,
                c.ordinal
        ) one
        order by one.ordinal;
    end if;
end $$;

create function metaops.evidence(job_namespace text, job_name text, dataset_namespace text,
                                 dataset_name text, field text default null)
returns table (event_id uuid, event_time timestamptz, run_id text, producer text, principal text, topic text,
               partition integer, kafka_offset bigint, json_pointer text, body text)
language sql stable
as $$
    select e.event_id, e.event_time, graph.run_name(e.run_id, e.run_uuid), e.producer, e.principal,
        e.topic, e.kafka_partition::int, e.kafka_offset, p.place, e.text
    from (
        select v.*, r.run_id, s.producer, graph.body_text(v.body, v.body_base, v.body_bytes) as text
        from graph.statements s
        join graph.events v using (statement_id)
        left join graph.runs r on r.run_uuid = v.run_uuid
        where case when evidence.job_name is null then s.job_uuid is null
                else s.job_uuid = (select j.job_uuid from graph.jobs j
                                   where j.name = evidence.job_name
                                       and j.namespace = evidence.job_namespace) end
            -- Column lineage can name datasets that are no input of the job.
            and case when evidence.field is not null then exists (
                    select from graph.statement_datasets sd
                    join graph.descriptions d using (description_id)
                    where sd.statement_id = s.statement_id and d.name = 'columnLineage')
                else s.io_id in (select i.io_id from graph.io_sets i
                                where i.dataset_uuid = any (graph.dataset_ids(
                                    evidence.dataset_namespace, evidence.dataset_name))) end
        order by v.event_time desc, v.event_id
    ) e
    cross join lateral graph.body_places(e.text,
        array(select graph.name_pair(n.namespace, n.name)
              from graph.dataset_names(evidence.dataset_namespace, evidence.dataset_name) n),
        evidence.field) p (place)
$$;
comment on function metaops.evidence is
    'Events, and the place in each, that make an edge between job and dataset true; with a field, the column lineage of that field. Job null: dataset events. Latest first; give a limit, each body is unpacked.';

create function metaops.find(text text)
returns table (kind text, namespace text, name text, field text, matched text)
language plpgsql stable
set jit = off
as $$
#variable_conflict use_column
declare
    needle constant text := lower(find.text);
begin
    if needle = '' then
        return;
    end if;
    return query
    select f.kind, f.namespace, f.name, f.field, f.matched
    from (
        select 1 as rank, 'dataset' as kind, d.namespace, d.name, null::text as field, 'name' as matched
        from graph.datasets d
        where position(needle in lower(d.namespace || '/' || d.name)) > 0
        union all
        select 2, 'job', j.namespace, j.name, null, 'name'
        from graph.jobs j
        where position(needle in lower(j.namespace || '/' || j.name)) > 0
        union all
        select distinct 3, 'dataset', d.namespace, d.name, null::text,
            'alias ' || s.other_namespace || '/' || s.other_name
        from graph.symlinks s
        join graph.datasets d using (dataset_uuid)
        where position(needle in lower(s.other_namespace || '/' || s.other_name)) > 0
        union all
        select distinct 4, 'field', d.namespace, d.name, ff.name, 'field'
        from graph.facets c
        cross join lateral graph.schema_fields(c.content) ff
        join graph.descriptions de on de.digest = c.digest and de.name = 'schema'
        join graph.statement_datasets sd using (description_id)
        join graph.datasets d using (dataset_uuid)
        where position(needle in lower(c.content::text)) > 0 and position(needle in lower(ff.name)) > 0
        union all
        select 5, s.kind, s.namespace, s.name, t.tag ->> 'field',
            'tag ' || (t.tag ->> 'key') || coalesce('=' || (t.tag ->> 'value'), '')
        from graph.current_facets cf
        join graph.facet_contents c using (digest)
        cross join lateral jsonb_path_query(c.content, 'lax $.tags[*]') t (tag)
        join lateral (
            select 'dataset' as kind, d.namespace, d.name from graph.datasets d
            where d.dataset_uuid = cf.subject_uuid
            union all
            select 'job', j.namespace, j.name from graph.jobs j where j.job_uuid = cf.subject_uuid
        ) s on true
        where cf.name = 'tags' and not c.deleted
            and position(needle in lower((t.tag ->> 'key') || '=' || coalesce(t.tag ->> 'value', ''))) > 0
        union all
        select 6, s.kind, s.namespace, s.name, null, 'owner ' || (o.owner #>> '{}')
        from graph.current_facets cf
        join graph.facet_contents c using (digest)
        cross join lateral jsonb_path_query(c.content, 'lax $.owners[*].name') o (owner)
        join lateral (
            select 'dataset' as kind, d.namespace, d.name from graph.datasets d
            where d.dataset_uuid = cf.subject_uuid
            union all
            select 'job', j.namespace, j.name from graph.jobs j where j.job_uuid = cf.subject_uuid
        ) s on true
        where cf.name = 'ownership' and not c.deleted and position(needle in lower(o.owner #>> '{}')) > 0
    ) f
    order by f.rank, f.namespace collate "C", f.name collate "C", f.field collate "C", f.matched collate "C"
    limit 200;
end $$;
comment on function metaops.find is
    'Datasets, jobs and fields whose name, alias, tag or owner contains the text, whatever the case; at most 200.';
