-- What new payloads add to the tensors of windows: $1 streams, $2 begins, $3 directions, $4 names, $5 types, $6 shapes
-- (keys in order), $7 tensors, $8 instances.
insert into graph.inference_tensors as t (stream_uuid, window_start, direction, name, datatype, shape, tensors, instances)
select * from unnest($1::uuid[], $2::timestamptz[], $3::int2[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::int8[])
on conflict (stream_uuid, window_start, direction, name, datatype, shape) do update set
    tensors = t.tensors + excluded.tensors,
    instances = t.instances + excluded.instances;
