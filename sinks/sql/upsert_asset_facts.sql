-- What is known of minimum metadata, all that was told together: $1 ids in order, $2 kind, $3 observed, $4 declared,
-- $5 inferred, $6 lasting, $7 contested.
insert into graph.asset_facts as a (subject_uuid, subject_kind, observed, declared, inferred, lasting, contested)
select * from unnest($1::uuid[], $2::int2[], $3::int4[], $4::int4[], $5::int4[], $6::int4[], $7::int4[])
on conflict (subject_uuid) do update set
    observed = a.observed | excluded.observed,
    declared = a.declared | excluded.declared,
    inferred = a.inferred | excluded.inferred,
    lasting = a.lasting | excluded.lasting,
    contested = a.contested | excluded.contested
where (a.observed | excluded.observed, a.declared | excluded.declared, a.inferred | excluded.inferred,
       a.lasting | excluded.lasting, a.contested | excluded.contested)
    <> (a.observed, a.declared, a.inferred, a.lasting, a.contested);
