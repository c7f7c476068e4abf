-- The bytes of a letter, for the owner only, and whether they were erased: $1 its id.
select topic, encode(value, 'hex'),
    octet_length(value) = 0 and exists (select from graph.erasures e where e.event_id in (l.event_id, l.letter_id))
from graph.dead_letters l where letter_id = $1::uuid
