-- What servers of models tell of them that minimum metadata asks for (0047).

-- Do servers that named a version in between (null: any of the model; deployment null: any server) say with which libraries it
-- runs, and which tensors it takes and answers?
create function graph.server_facts(deployment uuid, model uuid, version text, since timestamptz, until timestamptz,
    out has_libraries boolean, out has_tensors boolean)
language sql stable
as $$
    select coalesce(bool_or(jsonb_array_length(d.libraries) > 0), false),
        coalesce(bool_or(jsonb_array_length(d.inputs) > 0 and jsonb_array_length(d.outputs) > 0), false)
    from graph.server_descriptions d
    where d.model_uuid = model and (d.version = server_facts.version or server_facts.version is null)
        and (d.deployment_uuid = deployment or deployment is null)
        and exists (
            select from graph.server_observations o
            where (o.deployment_uuid, o.model_uuid, o.version) = (d.deployment_uuid, d.model_uuid, d.version)
                and o.state not in ('GONE', 'UNREACHABLE') and o.at >= since and o.at <= until)
$$;

-- Did a server say last that it is ready?
create function graph.is_server_ready(deployment uuid, since timestamptz, until timestamptz) returns boolean
language sql stable
return coalesce((
    select o.state = 'READY' and o.at >= since
    from graph.server_observations o
    where o.deployment_uuid = deployment and o.model_uuid = graph.the_server() and o.at <= until
    order by o.at desc, o.state collate "C" desc limit 1), false);
