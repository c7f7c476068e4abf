-- What row-level security is laid over, as rows: a migration that makes a table or a view of the graph adds its own.

create table graph.row_rules (
    name text primary key,
    is_granted boolean not null,
    condition text not null
);
comment on table graph.row_rules is 'Base tables that restricted readers (metaops.restrict_reader) read in part.';
comment on column graph.row_rules.name is 'The table, in schema graph.';
comment on column graph.row_rules.is_granted is 'They may select all of its columns.';
comment on column graph.row_rules.condition is 'Which of its rows they see.';
insert into graph.row_rules (name, is_granted, condition) values
    ('jobs', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])'),
    ('datasets', true, 'namespace = any ((select graph.namespaces_of(current_user))::text[])'),
    ('runs', true, 'exists (select from graph.jobs j where j.job_uuid = runs.job_uuid)'),
    ('io_sets', true, 'exists (select from graph.datasets d where d.dataset_uuid = io_sets.dataset_uuid) '
        'and (job_uuid is null or exists (select from graph.jobs j where j.job_uuid = io_sets.job_uuid))'),
    ('statements', true, 'exists (select from graph.jobs j where j.job_uuid = statements.job_uuid) '
        'or job_uuid is null and graph.sees_io(current_user, io_id)'),
    ('run_io_sets', true, 'graph.sees_run(current_user, run_uuid) and graph.sees_io(current_user, io_id)'),
    ('edges', true, 'exists (select from graph.jobs j where j.job_uuid = edges.job_uuid) '
        'and exists (select from graph.datasets d where d.dataset_uuid = edges.dataset_uuid)'),
    ('column_edges', true, 'exists (select from graph.datasets d where d.dataset_uuid = column_edges.output_uuid) '
        'and exists (select from graph.datasets d where d.dataset_uuid = column_edges.input_uuid) '
        'and (job_uuid = ''00000000-0000-0000-0000-000000000000'' '
        'or exists (select from graph.jobs j where j.job_uuid = column_edges.job_uuid))'),
    ('symlinks', true, 'other_namespace = any ((select graph.namespaces_of(current_user))::text[]) '
        'and exists (select from graph.datasets d where d.dataset_uuid = symlinks.dataset_uuid)'),
    ('layouts', true, 'graph.sees_layout(current_user, layout_id, subject_uuid)'),
    ('descriptions', true, 'graph.sees_description(current_user, description_id)'),
    ('facets', true, 'graph.sees_facet(current_user, digest, content)'),
    ('facet_origins', true, 'false'),
    ('events', false, 'graph.sees_statement(current_user, statement_id)'),
    ('restricted_readers', true, 'pg_has_role(current_user, role::oid, ''usage'')'),
    ('asset_facts', true, 'false'), ('minimum_fields', true, 'true'), ('minimum_limits', true, 'true');

create table graph.row_views (
    name text primary key
);
comment on table graph.row_views is 'Views that restricted readers may select; they run with the rights of who asks.';
comment on column graph.row_views.name is 'The view with its schema.';
insert into graph.row_views values
    ('graph.statement_datasets'), ('graph.statement_facets'), ('graph.facet_contents'), ('graph.current_facets'),
    ('metaops.namespaces'), ('metaops.datasets'), ('metaops.dataset_symlinks'), ('metaops.dataset_fields'),
    ('metaops.dataset_versions'), ('metaops.jobs'), ('metaops.job_versions'), ('metaops.runs'),
    ('metaops.run_inputs'), ('metaops.run_outputs'), ('metaops.edges'), ('metaops.column_lineage'),
    ('metaops.facets'), ('metaops.events'), ('graph.minimum_known'), ('graph.minimum_weeks'),
    ('metaops.minimum_metadata'), ('metaops.minimum_metadata_by_owner');

-- As before, by those rows.
create or replace function graph.apply_row_security() returns boolean
language plpgsql
as $$
declare
    is_on boolean;
    rule record;
    reader regrole;
    other text;
begin
    delete from graph.restricted_readers r where not exists (select from pg_roles p where p.oid = r.role::oid);
    is_on := exists (select from graph.restricted_readers);
    if not is_on and not (select relrowsecurity from pg_class where oid = 'graph.datasets'::regclass) then
        return false;
    end if;
    for rule in
        select r.name, r.condition from graph.row_rules r order by r.name
    loop
        execute format('drop policy if exists restricted on graph.%I', rule.name);
        foreach other in array array['metaops_reader', 'metaops_writer'] loop
            execute format('drop policy if exists %I on graph.%I', other, rule.name);
        end loop;
        if not is_on then
            execute format('alter table graph.%I disable row level security', rule.name);
            continue;
        end if;
        execute format('create policy restricted on graph.%I for select using (%s)', rule.name, rule.condition);
        foreach other in array array['metaops_reader', 'metaops_writer'] loop
            continue when rule.name = 'restricted_readers' or not exists (select from pg_roles where rolname = other);
            execute format('create policy %1$I on graph.%2$I to %1$I using (true) with check (true)', other, rule.name);
        end loop;
        execute format('alter table graph.%I enable row level security', rule.name);
    end loop;
    for other in select v.name from graph.row_views v order by v.name loop
        execute format('alter view %s %s', other,
            case when is_on then 'set (security_invoker = true)' else 'reset (security_invoker)' end);
        for reader in select r.role from graph.restricted_readers r loop
            execute format('grant select on %s to %s', other, reader);
        end loop;
    end loop;
    if not is_on then
        drop index if exists graph.statements_job_description, graph.statements_layout,
            graph.statements_descriptions;
        return false;
    end if;
    create index if not exists statements_job_description on graph.statements (job_description);
    create index if not exists statements_layout on graph.statements (layout_id);
    create index if not exists statements_descriptions on graph.statements
        using gin (graph.digests_of(descriptions));
    for reader in select r.role from graph.restricted_readers r loop
        execute format('grant usage on schema metaops, graph to %s', reader);
        for other in select r.name from graph.row_rules r where r.is_granted order by r.name loop
            execute format('grant select on graph.%I to %s', other, reader);
        end loop;
        execute format('grant select (event_id, event_time, received_at, run_uuid, statement_id, kafka_offset, '
            'body_bytes, kafka_partition, redactions, source, topic, event_type, facet_digests, principal, '
            'emitter_id, emitter_epoch, emitter_sequence, idempotency_key) on graph.events to %s', reader);
    end loop;
    return true;
end $$;
