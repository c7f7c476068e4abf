-- Servers of models as they were seen (metaops poll): in which state they and the versions of models on them were, what they
-- say of these, and what they have counted.
--
-- Rows say what was seen at a moment and nothing else; from when to when something was so is read from the moments in their
-- order. So no order of arrival matters, and what is seen twice changes nothing. The time is the clock of whoever looked, as
-- there is no other. The model of zeros stands for the server itself.

create table graph.server_observations (
    deployment_uuid uuid not null,
    model_uuid uuid not null,
    version text not null,
    at timestamptz not null,
    state text not null,
    reason text not null,
    is_whole boolean not null,
    primary key (deployment_uuid, model_uuid, version, at, state, reason, is_whole)
);
create index server_observations_looks on graph.server_observations (deployment_uuid, at, is_whole, state, reason)
where model_uuid = '00000000-0000-0000-0000-000000000000' and (is_whole or state = 'UNREACHABLE');
create index server_observations_at on graph.server_observations using brin (at) with (autosummarize = on);
comment on table graph.server_observations is 'States of servers and of versions of models on them (views metaops.servers, metaops.server_versions).';
comment on column graph.server_observations.deployment_uuid is 'The server.';
comment on column graph.server_observations.model_uuid is 'The model; zeros: the server itself.';
comment on column graph.server_observations.version is 'Its version; empty: it has none.';
comment on column graph.server_observations.at is 'When it was seen.';
comment on column graph.server_observations.state is 'In which state.';
comment on column graph.server_observations.reason is 'Why; empty: not said.';
comment on column graph.server_observations.is_whole is 'Of the server itself: at this moment every version on it was named.';

create table graph.server_descriptions (
    deployment_uuid uuid not null,
    model_uuid uuid not null,
    version text not null,
    at timestamptz not null,
    event_id uuid not null,
    platform text,
    libraries jsonb,
    inputs jsonb,
    outputs jsonb,
    primary key (deployment_uuid, model_uuid, version)
) with (fillfactor = 80);
create index server_descriptions_model on graph.server_descriptions (model_uuid, version);
comment on table graph.server_descriptions is 'What servers say last of themselves and of versions of models.';
comment on column graph.server_descriptions.deployment_uuid is 'The server.';
comment on column graph.server_descriptions.model_uuid is 'The model; zeros: the server itself.';
comment on column graph.server_descriptions.version is 'Its version; empty: it has none.';
comment on column graph.server_descriptions.at is 'When it said so.';
comment on column graph.server_descriptions.event_id is 'In which event; of two at one moment the greater counts.';
comment on column graph.server_descriptions.platform is 'Platform of the model; of the server itself the version of its software.';
comment on column graph.server_descriptions.libraries is 'JSON array of NAME/VERSION, what the model runs with; of the server itself its extensions.';
comment on column graph.server_descriptions.inputs is 'JSON array of name, datatype and shape of what the model takes; null of the server itself.';
comment on column graph.server_descriptions.outputs is 'The same of what it answers.';

create table graph.server_counts (
    deployment_uuid uuid not null,
    model_uuid uuid not null,
    at timestamptz not null,
    successes bigint not null,
    failures bigint not null,
    timed bigint not null,
    duration_us bigint not null,
    began_at timestamptz,
    primary key (deployment_uuid, model_uuid, at)
);
create index server_counts_at on graph.server_counts using brin (at) with (autosummarize = on);
comment on table graph.server_counts is 'What servers had counted at a moment since they started (view metaops.server_counts).';
comment on column graph.server_counts.deployment_uuid is 'The server.';
comment on column graph.server_counts.model_uuid is 'The model, all of its versions together.';
comment on column graph.server_counts.at is 'When it was read.';
comment on column graph.server_counts.successes is 'Requests that were answered.';
comment on column graph.server_counts.failures is 'Requests that failed.';
comment on column graph.server_counts.timed is 'Requests whose time was taken.';
comment on column graph.server_counts.duration_us is 'These times together, microseconds.';
comment on column graph.server_counts.began_at is 'When the server began to count for this model, as it says; null: it does not say.';

create function graph.the_server() returns uuid
language sql immutable parallel safe
return '00000000-0000-0000-0000-000000000000'::uuid;
comment on function graph.the_server is 'Stands for the server itself where a model is named.';

-- What is said of servers that says something of what is on them: the rows of the index server_observations_looks.
create view graph.server_looks as
select deployment_uuid, at, is_whole, state, reason
from graph.server_observations
where model_uuid = '00000000-0000-0000-0000-000000000000' and (is_whole or state = 'UNREACHABLE');
comment on view graph.server_looks is 'Looks at servers that named everything on them, or had no answer.';
comment on column graph.server_looks.deployment_uuid is 'The server.';
comment on column graph.server_looks.at is 'When it was looked at.';
comment on column graph.server_looks.is_whole is 'Every version on it was named.';
comment on column graph.server_looks.state is 'In which state it was.';
comment on column graph.server_looks.reason is 'Why; empty: not said.';

-- What is known of a version at each moment: what was said of it; and behind that, until something is said again, that it is gone
-- once its server names all versions and not this one, and that nobody knows once the server does not answer, unless it was
-- gone before. Each is found by the index of what is said of servers, so a query for one server reads its rows only.
create view graph.server_moments as
select m.deployment_uuid, m.model_uuid, m.version, x.at, x.state, x.reason, x.last_at
from (
    select o.*, coalesce(lead(o.at) over (partition by o.deployment_uuid, o.model_uuid, o.version
                                          order by o.at, o.state collate "C", o.reason collate "C"), 'infinity') as next_at
    from graph.server_observations o
    where o.model_uuid <> '00000000-0000-0000-0000-000000000000'
) m
cross join lateral (
    select coalesce((
        select l.at from graph.server_looks l
        where l.deployment_uuid = m.deployment_uuid and l.is_whole and l.at > m.at and l.at < m.next_at
        order by l.at limit 1), m.next_at) as gone_at
) g
cross join lateral (
    select m.at, m.state, m.reason, m.at as last_at
    union all
    (select u.at, u.state, u.reason, (
        select max(l.at) from graph.server_looks l
        where l.deployment_uuid = m.deployment_uuid and l.state = 'UNREACHABLE' and l.at > m.at and l.at < g.gone_at)
     from graph.server_looks u
     where u.deployment_uuid = m.deployment_uuid and u.state = 'UNREACHABLE' and u.at > m.at and u.at < g.gone_at
     order by u.at, u.reason collate "C" limit 1)
    union all
    select g.gone_at, 'GONE', '', (
        select max(l.at) from graph.server_looks l
        where l.deployment_uuid = m.deployment_uuid and l.is_whole and l.at > m.at and l.at < m.next_at)
    where g.gone_at < m.next_at
) x
union all
select deployment_uuid, model_uuid, version, at, state, reason, at
from graph.server_observations
where model_uuid = '00000000-0000-0000-0000-000000000000';
comment on view graph.server_moments is 'In which state servers and versions of models on them were seen, with what follows from what else was seen.';
comment on column graph.server_moments.deployment_uuid is 'The server.';
comment on column graph.server_moments.model_uuid is 'The model; zeros: the server itself.';
comment on column graph.server_moments.version is 'Its version; empty: it has none.';
comment on column graph.server_moments.at is 'The moment.';
comment on column graph.server_moments.state is 'The state.';
comment on column graph.server_moments.reason is 'Why; empty: not said.';
comment on column graph.server_moments.last_at is 'When it was seen so last, before something else was.';

-- Moments in which nothing changed make one interval.
create view graph.server_intervals as
with changes as (
    select m.*, (state, reason) is distinct from lag((state, reason)) over moments as is_change
    from graph.server_moments m
    window moments as (partition by deployment_uuid, model_uuid, version order by at, state collate "C", reason collate "C")
), numbered as (
    select c.*, count(*) filter (where is_change) over moments as interval_number
    from changes c
    window moments as (partition by deployment_uuid, model_uuid, version
                       order by at, state collate "C", reason collate "C" rows unbounded preceding)
), intervals as (
    select deployment_uuid, model_uuid, version, interval_number, state, reason, min(at) as since, max(last_at) as last_seen
    from numbered
    group by deployment_uuid, model_uuid, version, interval_number, state, reason
)
select deployment_uuid, model_uuid, version, state, nullif(reason, '') as reason, since,
    lead(since) over (partition by deployment_uuid, model_uuid, version order by interval_number) as until, last_seen
from intervals;
comment on view graph.server_intervals is 'From when to when servers and versions of models on them were in which state.';
comment on column graph.server_intervals.deployment_uuid is 'The server.';
comment on column graph.server_intervals.model_uuid is 'The model; zeros: the server itself.';
comment on column graph.server_intervals.version is 'Its version; empty: it has none.';
comment on column graph.server_intervals.state is 'The state.';
comment on column graph.server_intervals.reason is 'Why; null: not said.';
comment on column graph.server_intervals.since is 'When it was seen in it first.';
comment on column graph.server_intervals.until is 'When it was seen in another one; null: it was not.';
comment on column graph.server_intervals.last_seen is 'When it was seen in it last.';

-- A lateral with offset 0: the intervals of the servers that are asked for, not of all.
create view metaops.server_versions as
select d.namespace, d.name as server, m.name as model, nullif(i.version, '') as version, i.state, i.reason, i.since, i.until,
    i.last_seen, s.platform, s.libraries, s.inputs, s.outputs
from graph.deployments d
cross join lateral (select * from graph.server_intervals i where i.deployment_uuid = d.deployment_uuid offset 0) i
join graph.models m on m.model_uuid = i.model_uuid
left join graph.server_descriptions s on (s.deployment_uuid, s.model_uuid, s.version) = (i.deployment_uuid, i.model_uuid, i.version);
comment on view metaops.server_versions is 'Which version of a model was in which state on which server from when to when, as metaops poll saw it.';
comment on column metaops.server_versions.namespace is 'Namespace of server and model; empty where none was named.';
comment on column metaops.server_versions.server is 'The server: name of a deployment.';
comment on column metaops.server_versions.model is 'The model.';
comment on column metaops.server_versions.version is 'Its version; null: it has none.';
comment on column metaops.server_versions.state is 'READY, LOADING, UNAVAILABLE, ... as the server says; GONE: it no longer names it; UNREACHABLE: it did not answer.';
comment on column metaops.server_versions.reason is 'Why, as the server says; null: not said.';
comment on column metaops.server_versions.since is 'From then on.';
comment on column metaops.server_versions.until is 'Up to then, not including; null: still.';
comment on column metaops.server_versions.last_seen is 'When it was seen in this state last.';
comment on column metaops.server_versions.platform is 'Platform of the model, as the server says last.';
comment on column metaops.server_versions.libraries is 'What it runs with, as the server says last: JSON array of NAME/VERSION.';
comment on column metaops.server_versions.inputs is 'What it takes, as the server says last: JSON array of name, datatype and shape.';
comment on column metaops.server_versions.outputs is 'What it answers; the same.';

create view metaops.servers as
select d.namespace, d.name as server, i.state, i.reason, i.since, i.until, i.last_seen, s.platform as version, s.libraries as extensions
from graph.deployments d
cross join lateral (select * from graph.server_intervals i where i.deployment_uuid = d.deployment_uuid offset 0) i
left join graph.server_descriptions s on (s.deployment_uuid, s.model_uuid, s.version) = (i.deployment_uuid, i.model_uuid, i.version)
where i.model_uuid = graph.the_server();
comment on view metaops.servers is 'In which state servers of models were from when to when, as metaops poll saw it.';
comment on column metaops.servers.namespace is 'Namespace of the server; empty where none was named.';
comment on column metaops.servers.server is 'Its name: that of a deployment.';
comment on column metaops.servers.state is 'READY; NOT_READY: it says that it is not; UNREACHABLE: it did not answer.';
comment on column metaops.servers.reason is 'What was wrong; null: nothing.';
comment on column metaops.servers.since is 'From then on.';
comment on column metaops.servers.until is 'Up to then, not including; null: still.';
comment on column metaops.servers.last_seen is 'When it was seen in this state last.';
comment on column metaops.servers.version is 'Version of its software, as it says last.';
comment on column metaops.servers.extensions is 'Its extensions, as it says last: JSON array.';

-- What one process of a server has counted only grows. Who has read less than somebody else before has asked earlier and is told
-- later: that is nothing new. Another process says that it began at another time, and all that it has counted is new. Of those
-- that do not say when they began, less is another process when it comes long after, or when the next reading is less, too.
-- Payloads of predictions are counted elsewhere (metaops.inference_windows); nothing is in both.
create view metaops.server_counts as
with told as (
    select c.*, lag(c.at) over (partition by c.deployment_uuid, c.model_uuid order by c.at) as since,
        least(c.successes - lag(c.successes) over process, c.failures - lag(c.failures) over process, c.timed - lag(c.timed) over process,
            c.duration_us - lag(c.duration_us) over process) < 0 as is_less,
        least(lead(c.successes) over process - lag(c.successes) over process, lead(c.failures) over process - lag(c.failures) over process,
            lead(c.timed) over process - lag(c.timed) over process,
            lead(c.duration_us) over process - lag(c.duration_us) over process) < 0 as is_next_less,
        c.at - lag(c.at) over process > interval '10 seconds' as is_long_after
    from graph.server_counts c
    window process as (partition by c.deployment_uuid, c.model_uuid, c.began_at order by c.at)
), numbered as (
    select t.*, count(*) filter (where t.began_at is null and t.is_less and (t.is_long_after or t.is_next_less))
        over (partition by t.deployment_uuid, t.model_uuid, t.began_at order by t.at) as number
    from told t
), samples as (
    select n.*, max(n.successes) over earlier as successes_before, max(n.failures) over earlier as failures_before,
        max(n.timed) over earlier as timed_before, max(n.duration_us) over earlier as duration_us_before
    from numbered n
    window earlier as (partition by n.deployment_uuid, n.model_uuid, n.began_at, n.number
                       order by n.at rows between unbounded preceding and 1 preceding)
)
select d.namespace, d.name as server, m.name as model, s.since, s.at as until,
    greatest(s.successes - coalesce(s.successes_before, 0), 0) as successes,
    greatest(s.failures - coalesce(s.failures_before, 0), 0) as failures,
    t.timed, round(t.duration_us / 1000.0, 3) as duration_ms, round(t.duration_us / 1000.0 / nullif(t.timed, 0), 3) as latency_ms_mean,
    s.since is not null and s.successes_before is null as has_restarted
from samples s
join graph.deployments d using (deployment_uuid)
join graph.models m using (model_uuid)
cross join lateral (
    select greatest(s.timed - coalesce(s.timed_before, 0), 0) as timed,
        greatest(s.duration_us - coalesce(s.duration_us_before, 0), 0) as duration_us) t;
comment on view metaops.server_counts is 'What servers of models counted by themselves between two readings of their metrics, whether or not payloads are told.';
comment on column metaops.server_counts.namespace is 'Namespace of server and model.';
comment on column metaops.server_counts.server is 'The server: name of a deployment.';
comment on column metaops.server_counts.model is 'The model, all of its versions together: the server does not tell them apart reliably.';
comment on column metaops.server_counts.since is 'The reading before this one in which the numbers were others; null: there is none, and what follows is since the server started.';
comment on column metaops.server_counts.until is 'When it was read.';
comment on column metaops.server_counts.successes is 'Requests answered in between.';
comment on column metaops.server_counts.failures is 'Requests that failed in between.';
comment on column metaops.server_counts.timed is 'Of both, those whose time was taken.';
comment on column metaops.server_counts.duration_ms is 'These times together, milliseconds.';
comment on column metaops.server_counts.latency_ms_mean is 'Mean time of these; null: there were none.';
comment on column metaops.server_counts.has_restarted is 'The server has started in between, and what it counted up to then is not known.';

insert into graph.role_rights values
    ('metaops_writer', 'graph.server_observations', 'insert'),
    ('metaops_writer', 'graph.server_descriptions', 'insert, select, update'),
    ('metaops_writer', 'graph.server_counts', 'insert, select, update'),
    ('metaops_reader', 'graph.server_observations', 'select'),
    ('metaops_reader', 'graph.server_descriptions', 'select'),
    ('metaops_reader', 'graph.server_counts', 'select');

insert into graph.row_rules (name, is_granted, condition) values
    ('server_observations', true, 'exists (select from graph.deployments d where d.deployment_uuid = server_observations.deployment_uuid)'),
    ('server_descriptions', true, 'exists (select from graph.deployments d where d.deployment_uuid = server_descriptions.deployment_uuid)'),
    ('server_counts', true, 'exists (select from graph.deployments d where d.deployment_uuid = server_counts.deployment_uuid)');
insert into graph.row_views values
    ('graph.server_looks'), ('graph.server_moments'), ('graph.server_intervals'), ('metaops.server_versions'), ('metaops.servers'), ('metaops.server_counts');
