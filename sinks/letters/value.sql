-- The bytes of a letter, for the owner only: $1 its id.
select topic, encode(value, 'hex') from graph.dead_letters where letter_id = $1::uuid
