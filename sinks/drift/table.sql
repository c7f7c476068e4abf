-- What would have been told since $1 (a time, or how long ago: 30d), by the file $2 (null: by what is loaded): lines of
-- kinds, then of owners and weeks.
with alerts as materialized (
    select b.* from graph.drift_backtest(
        case when $1 ~ '^[0-9]+[a-z]+$' then now() - $1::interval else $1::timestamptz end, $2::jsonb) b
), told as (
    select a.*, date_trunc('week', a.at, 'UTC')::date as week from alerts a where a.fate = 'told'
)
select 'kind' as part, k.kind as name, k.severity as more, count(*) filter (where k.fate = 'told') as told,
    count(*) filter (where k.fate = 'attached') as attached, count(*) filter (where k.fate = 'off') as off
from alerts k group by k.kind, k.severity
union all
select 'owner', o.owner, t.week::text, count(*), null, null
from told t
cross join lateral jsonb_array_elements_text(case when t.owners = '[]' then '["(nobody)"]' else t.owners end) o (owner)
group by o.owner, t.week
order by 1, 2, 3
