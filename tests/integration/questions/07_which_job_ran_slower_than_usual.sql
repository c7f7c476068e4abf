-- Which jobs took more than twice their usual time on 19 November?
select job_name, duration_ms, usual_ms
from (
    select job_name, started_at, duration_ms,
        round(avg(duration_ms) over (partition by job_namespace, job_name order by started_at
                                     rows between unbounded preceding and 1 preceding)) as usual_ms
    from metaops.runs where job_namespace like 'questions-%' and state = 'COMPLETED'
) r
where duration_ms > 2 * usual_ms and started_at between '2026-11-19 00:00Z' and '2026-11-20 00:00Z';
