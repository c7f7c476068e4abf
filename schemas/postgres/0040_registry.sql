-- What a registry says of models and their versions at a time: tags and aliases.
--
-- Of each the latest counts; of two for one time what is there before what is gone, then the greater text. So no order
-- of arrival matters.

create table graph.model_facts (
    model_uuid uuid not null,
    version text not null,
    kind smallint not null,
    name text not null,
    value text,
    at timestamptz not null,
    first_at timestamptz,
    primary key (model_uuid, version, kind, name)
) with (fillfactor = 90);
comment on table graph.model_facts is 'Tags and aliases of models (views metaops.model_tags, metaops.model_aliases).';
comment on column graph.model_facts.model_uuid is 'The model.';
comment on column graph.model_facts.version is 'Its version; empty for what is said of the model itself.';
comment on column graph.model_facts.kind is '1: tag, 2: alias (of the model; its value is a version).';
comment on column graph.model_facts.name is 'Name of the tag or the alias.';
comment on column graph.model_facts.value is 'What it says; null: it is gone.';
comment on column graph.model_facts.at is 'From when on.';
comment on column graph.model_facts.first_at is 'From when on it was said first, with a value that is not empty; null: never.';

create view metaops.model_tags as
select m.namespace, m.name, nullif(f.version, '') as version, f.name as key, f.value, f.at as since
from graph.model_facts f
join graph.models m using (model_uuid)
where f.kind = 1 and f.value is not null;
comment on view metaops.model_tags is 'Tags of models and of their versions, as they are now.';
comment on column metaops.model_tags.namespace is 'Namespace of the model.';
comment on column metaops.model_tags.name is 'Name of the model.';
comment on column metaops.model_tags.version is 'The version; null: a tag of the model itself.';
comment on column metaops.model_tags.key is 'Name of the tag.';
comment on column metaops.model_tags.value is 'What it says.';
comment on column metaops.model_tags.since is 'From when on.';

create view metaops.model_aliases as
select m.namespace, m.name, f.name as alias, f.value as version, f.at as since
from graph.model_facts f
join graph.models m using (model_uuid)
where f.kind = 2 and f.value is not null;
comment on view metaops.model_aliases is 'Which version of a model has which alias now.';
comment on column metaops.model_aliases.namespace is 'Namespace of the model.';
comment on column metaops.model_aliases.name is 'Name of the model.';
comment on column metaops.model_aliases.alias is 'The alias.';
comment on column metaops.model_aliases.version is 'The version that has it.';
comment on column metaops.model_aliases.since is 'From when on.';

insert into graph.role_rights values
    ('metaops_writer', 'graph.model_facts', 'insert, select, update'),
    ('metaops_reader', 'graph.model_facts', 'select');

insert into graph.row_rules (name, is_granted, condition) values
    ('model_facts', true, 'exists (select from graph.models m where m.model_uuid = model_facts.model_uuid)');
insert into graph.row_views values ('metaops.model_tags'), ('metaops.model_aliases');
