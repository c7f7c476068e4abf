-- Retention of predictions, for `metaops maintain`. Pairs go first, with them the latencies of their windows; windows, their
-- tensors and versions, what servers were seen to do and what detectors said go by event time; models, deployments, streams and monitors stay. Ids of payloads outlive all
-- that may come again, so what comes twice still counts once.

create function graph.expire_payload_ids(cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language sql
begin atomic
    select graph.expire_ids_where('is_payload', cutoff, limit_in, is_dry);
end;

-- Rows of a table, stream by stream, as its indexes begin with the stream: at most about limit_in of those that condition holds
-- for ($1 the stream, $2 cutoff).
create function graph.expire_of_streams(of_table text, condition text, cutoff timestamptz, limit_in integer, is_dry boolean)
returns bigint
language plpgsql
as $$
declare
    stream uuid;
    removed bigint;
    done bigint := 0;
begin
    for stream in select s.stream_uuid from graph.inference_streams s order by 1 loop
        if is_dry then
            execute format('select count(*) from graph.%I where %s', of_table, condition) into removed using stream, cutoff;
        else
            execute format('delete from graph.%1$I where ctid = any (array(select ctid from graph.%1$I where %2$s limit $3))',
                of_table, condition) using stream, cutoff, limit_in;
            get diagnostics removed = row_count;
        end if;
        done := done + removed;
        exit when done >= limit_in and not is_dry;
    end loop;
    return done;
end $$;

create function graph.expire_pairs(cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language sql
begin atomic
    select graph.expire_of_streams('inference_pairs', 'stream_uuid = $1 and request_at < $2', cutoff, limit_in, is_dry)
        + graph.expire_of_streams('inference_pairs', 'stream_uuid = $1 and request_at is null and answer_at < $2', cutoff,
                                  limit_in, is_dry);
end;

create function graph.expire_windows(cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language sql
begin atomic
    select graph.expire_of_streams('inference_tensors', 'stream_uuid = $1 and window_start < $2', cutoff, limit_in, is_dry)
        + graph.expire_of_streams('inference_versions', 'stream_uuid = $1 and window_start < $2', cutoff, limit_in, is_dry)
        + graph.expire_of_streams('inference_windows', 'stream_uuid = $1 and window_start < $2', cutoff, limit_in, is_dry)
        + graph.expire_rows('server_observations', 'at', cutoff, limit_in, is_dry)
        + graph.expire_rows('server_counts', 'at', cutoff, limit_in, is_dry);
end;

create function graph.expire_evaluations(cutoff timestamptz, limit_in integer, is_dry boolean) returns bigint
language sql
begin atomic
    select graph.expire_rows('drift_evaluations', 'event_time', cutoff, limit_in, is_dry);
end;

revoke execute on function graph.expire_payload_ids(timestamptz, integer, boolean),
    graph.expire_of_streams(text, text, timestamptz, integer, boolean), graph.expire_pairs(timestamptz, integer, boolean),
    graph.expire_windows(timestamptz, integer, boolean), graph.expire_evaluations(timestamptz, integer, boolean)
from public;
