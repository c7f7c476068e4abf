-- Everything about one alert as lines for people: $1 its id. A line has a label or none (null: it goes on).
with alert as (
    select * from metaops.alerts where alert_id = $1::uuid
), line (part, n, label, text) as (
    select 1, x.n, x.label, x.text
    from alert a
    cross join lateral (values
        (1, 'title', a.title), (2, 'id', a.alert_id::text), (3, 'kind', a.kind), (4, 'severity', a.severity),
        (5, 'status', a.status), (6, a.subject_kind, concat_ws(' ', a.namespace, a.name)), (7, 'field', a.field),
        (8, 'opened at', a.opened_at::text), (9, 'last seen at', a.last_seen_at::text),
        (10, 'event time', a.event_time::text), (11, 'run', a.run_id::text), (12, 'occurrences', a.occurrences::text),
        (13, 'explained by', a.cause::text),
        (14, 'explains', case a.symptoms when 0 then null when 1 then '1 other alert'
            else a.symptoms || ' other alerts' end)) x (n, label, text)
    union all
    select 2, c.n, case when c.n = 1 then 'changes' end,
        case c.change ->> 'change'
            when 'removed' then concat_ws(' ', '-', c.change ->> 'what', c.change ->> 'value', c.change ->> 'field',
                c.change ->> 'type')
            when 'added' then concat_ws(' ', '+', c.change ->> 'what', c.change ->> 'value', c.change ->> 'field',
                c.change ->> 'type')
            when 'broken' then format('~ %s: %s promised, %s found', concat_ws(' ', c.change ->> 'what', c.change ->> 'field'),
                c.change ->> 'promised', c.change ->> 'found')
            when 'retyped' then concat_ws(' ', '~', c.change ->> 'field', c.change ->> 'from', '->', c.change ->> 'to')
            else concat_ws(' ', '~', c.change ->> 'what', c.change ->> 'field', c.change ->> 'change',
                c.change ->> 'from', case when c.change ? 'to' then '->' end, c.change ->> 'to') end
    from alert a
    cross join jsonb_array_elements(case jsonb_typeof(a.detail -> 'changes') when 'array' then a.detail -> 'changes'
        else '[]' end) with ordinality c (change, n)
    union all
    select 3, row_number() over (order by d.key), replace(d.key, '_', ' '),
        case jsonb_typeof(a.detail -> d.key) when 'array' then (
            select string_agg(e.value, ', ' order by e.n)
            from jsonb_array_elements_text(a.detail -> d.key) with ordinality e (value, n))
            else d.value end
    from alert a
    cross join jsonb_each_text(a.detail) d (key, value)
    where d.key not in ('changes', 'sql')
    union all
    select 4, row_number() over (), case when row_number() over () = 1 then 'downstream' end,
        concat_ws(' ', repeat('  ', coalesce((d ->> 'depth')::integer, 1) - 1) || (d ->> 'kind'), d ->> 'namespace',
            d ->> 'name', d ->> 'field', 'owned by ' || (
                select string_agg(o, ', ') from jsonb_array_elements_text(
                    case jsonb_typeof(d -> 'owners') when 'array' then d -> 'owners' end) o))
    from alert a
    cross join jsonb_array_elements(case jsonb_typeof(a.downstream) when 'array' then a.downstream else '[]' end) d
    union all
    select 5, row_number() over (order by e.alert_event_id),
        case when row_number() over (order by e.alert_event_id) = 1 then 'history' end,
        concat_ws(' ', e.at::text, e.what, 'by ' || e.actor, '(' || e.note || ')')
    from metaops.alert_events e
    where e.alert_id = $1::uuid
    union all
    select 6, row_number() over (order by d.outbox_id, d.receiver),
        case when row_number() over (order by d.outbox_id, d.receiver) = 1 then 'not told yet' end,
        concat_ws(' ', d.receiver, d.what, d.state, 'after ' || d.attempts || ' tries:', d.last_error)
    from metaops.alert_deliveries d
    where d.alert_id = $1::uuid and d.state <> 'done'
    union all
    select 7, 1, 'more by SQL', a.detail ->> 'sql' from alert a
)
select label, text from line where text is not null order by part, n
