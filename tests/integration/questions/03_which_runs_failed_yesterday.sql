-- Today is 20 November: which runs failed yesterday, why, and what would they have written?
select r.job_name, r.ended_at, r.error_message, string_agg(o.dataset_name, ', ' order by o.dataset_name) as not_written
from metaops.runs r
left join metaops.run_outputs o using (run_id)
where r.state = 'FAILED' and r.job_namespace like 'questions-%'
    and r.ended_at >= timestamptz '2026-11-20 00:00Z' - interval '1 day' and r.ended_at < timestamptz '2026-11-20 00:00Z'
group by r.run_id, r.job_name, r.ended_at, r.error_message
order by r.ended_at;
