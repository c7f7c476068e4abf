-- Ids for which there is neither an event nor a dead letter: $1 ids.
select x.id
from unnest($1::uuid[]) x (id)
where not exists (select from graph.events e where e.event_id = x.id)
    and not exists (select from graph.dead_letters l where l.event_id = x.id or l.letter_id = x.id)
order by 1
