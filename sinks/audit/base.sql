-- A body that others are stored against: $1 its event.
select encode(body, 'hex') from graph.body_bases where base_id = $1::uuid
