-- The same as table.sql as one JSON object, with every alert.
with alerts as materialized (
    select b.* from graph.drift_backtest(
        case when $1 ~ '^[0-9]+[a-z]+$' then now() - $1::interval else $1::timestamptz end, $2::jsonb) b
), kinds as (
    select a.kind, a.severity, count(*) filter (where a.fate = 'told') as told,
        count(*) filter (where a.fate = 'attached') as attached, count(*) filter (where a.fate = 'off') as off
    from alerts a group by a.kind, a.severity
), owners as (
    select o.owner, date_trunc('week', a.at, 'UTC')::date as week, count(*) as told
    from alerts a
    cross join lateral jsonb_array_elements_text(case when a.owners = '[]' then '[null]' else a.owners end) o (owner)
    where a.fate = 'told' group by 1, 2
)
select jsonb_build_object(
    'kinds', (select coalesce(jsonb_agg(to_jsonb(k) order by k.kind, k.severity), '[]') from kinds k),
    'owners', (select coalesce(jsonb_agg(to_jsonb(o) order by o.owner, o.week), '[]') from owners o),
    'alerts', (select coalesce(jsonb_agg(to_jsonb(a) order by a.at, a.kind, a.namespace, a.name, a.title), '[]') from alerts a))
