-- Detectors: $1 ids in order, $2 namespaces, $3 names, $4 streams, $5 whether they are those they watch, $6 kinds, $7 earliest
-- and $8 latest time; $9 when and $10 by which event they told what they are, $11 to $14. Each row is locked to the end of the
-- transaction, so that who judges it sees what others have added.
insert into graph.monitors as m (monitor_uuid, namespace, name, stream_uuid, is_apart, kind, first_at, last_at,
    described_at, described_by, detector, detector_type, data_type, version)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bool[], $6::int2[], $7::timestamptz[],
    $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::text[], $12::text[], $13::text[], $14::text[])
on conflict (monitor_uuid) do update set
    kind = greatest(m.kind, excluded.kind),
    first_at = least(m.first_at, excluded.first_at),
    last_at = greatest(m.last_at, excluded.last_at),
    (described_at, described_by, detector, detector_type, data_type, version) = (
        select case when l.is_later then excluded.described_at else m.described_at end,
            case when l.is_later then excluded.described_by else m.described_by end,
            case when l.is_later then excluded.detector else m.detector end,
            case when l.is_later then excluded.detector_type else m.detector_type end,
            case when l.is_later then excluded.data_type else m.data_type end,
            case when l.is_later then excluded.version else m.version end
        from (select excluded.described_at is not null and (m.described_at is null
                  or (excluded.described_at, excluded.described_by) > (m.described_at, m.described_by)) as is_later) l);
