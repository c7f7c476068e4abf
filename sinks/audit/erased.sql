-- Events whose bodies were erased by request.
select encode(uuid_send(x.event::uuid), 'hex')
from graph.audit_acts a cross join lateral jsonb_array_elements_text(a.detail::jsonb -> 'events') x (event)
where a.kind = 'erase' order by 1
