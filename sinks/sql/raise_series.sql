-- What is to be told of series, in order: $1 series, $2 what, $3 first run that is off, $4 its time, $5 the run before it,
-- $6 its time, $7 number, $8 expected, $9 spread, $10 score.
select graph.raise_series(array(
    select (f.series_uuid, f.what, f.run, f.at, f.good_run, f.good_at, f.value, f.expected, f.spread,
            f.score)::graph.series_finding
    from unnest($1::uuid[], $2::int2[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::timestamptz[], $7::float8[],
                $8::float8[], $9::float8[], $10::float8[])
        with ordinality f (series_uuid, what, run, at, good_run, good_at, value, expected, spread, score, n)
    order by f.n));
