-- What the base tables mean. Analysts read schema metaops; this is for who works on the program.

comment on schema graph is 'Base tables; they may change from release to release.';
comment on schema metaops is 'Stable views and functions over the lineage graph.';

comment on table graph.jobs is 'Every job that was named.';
comment on column graph.jobs.job_uuid is 'Version 5 UUID of namespace and name.';
comment on column graph.jobs.namespace is 'As sent.';
comment on column graph.jobs.name is 'As sent.';

comment on table graph.datasets is 'Every dataset that was named.';
comment on column graph.datasets.dataset_uuid is 'Version 5 UUID of namespace and name.';
comment on column graph.datasets.namespace is 'As sent.';
comment on column graph.datasets.name is 'As sent.';
comment on column graph.datasets.confirmed is 'Named as input, output or subject, not only in column lineage.';

comment on table graph.runs is 'Every run that was named; each attribute merges on its own.';
comment on column graph.runs.run_uuid is 'The run id, else the version 5 UUID of its text.';
comment on column graph.runs.run_id is 'The run id as sent, where it is no UUID.';
comment on column graph.runs.state is 'By rank: 0 new, 1 running, 2 completed, 3 aborted, 4 failed.';
comment on column graph.runs.started_at is 'Earliest START.';
comment on column graph.runs.first_at is 'Earliest event of the run.';
comment on column graph.runs.ended_at is 'Latest terminal event.';
comment on column graph.runs.job_uuid is 'Job of the latest event; own events beat mentions.';
comment on column graph.runs.job_own is 'Whether an own event named the job.';
comment on column graph.runs.job_at is 'Time of the event that named the job.';
comment on column graph.runs.job_by is 'That event.';
comment on column graph.runs.parent_uuid is 'Run of the parent facet.';
comment on column graph.runs.root_uuid is 'Root that the parent facet names itself.';
comment on column graph.runs.parent_at is 'Time of the event with the parent facet.';
comment on column graph.runs.parent_by is 'That event.';
comment on column graph.runs.nominal_start is 'Start of the nominal time.';
comment on column graph.runs.nominal_end is 'End of the nominal time.';
comment on column graph.runs.nominal_at is 'Time of the event with the nominal time.';
comment on column graph.runs.nominal_by is 'That event.';
comment on column graph.runs.error_message is 'Message of the errorMessage facet.';
comment on column graph.runs.error_at is 'Time of the event with the message.';
comment on column graph.runs.error_by is 'That event.';

comment on table graph.statements is 'What events say apart from their run, once per distinct content.';
comment on column graph.statements.statement_id is 'Digest of the content.';
comment on column graph.statements.kind is '1 run event, 2 job event, 3 dataset event.';
comment on column graph.statements.job_uuid is 'Job it is about; null for dataset events.';
comment on column graph.statements.job_description is 'Facets of the job.';
comment on column graph.statements.io_id is 'Datasets it names; null for none.';
comment on column graph.statements.descriptions is 'Ids of the descriptions of those datasets, 16 bytes each in their order.';
comment on column graph.statements.layout_id is 'Where the digests of its events belong.';
comment on column graph.statements.producer is 'As sent.';
comment on column graph.statements.first_at is 'Earliest event that carries it.';
comment on column graph.statements.last_at is 'Latest event that carries it.';
comment on column graph.statements.last_by is 'That event.';
comment on column graph.statements.written_at is 'Latest COMPLETE event that carries it.';
comment on column graph.statements.written_by is 'That event.';

comment on table graph.io_sets is 'Distinct sets of datasets that a job names.';
comment on column graph.io_sets.io_id is 'Digest of job and datasets.';
comment on column graph.io_sets.ordinal is 'Position, from 0: inputs, outputs, subject.';
comment on column graph.io_sets.direction is '0 input, 1 output, 2 subject of a dataset event.';
comment on column graph.io_sets.dataset_uuid is 'The dataset.';
comment on column graph.io_sets.job_uuid is 'The job; null for dataset events.';

comment on table graph.descriptions is 'Distinct sets of facets of a job or dataset, one row per facet.';
comment on column graph.descriptions.description_id is 'Digest of the set.';
comment on column graph.descriptions.ordinal is 'Position, from 0.';
comment on column graph.descriptions.name is 'Name of the facet.';
comment on column graph.descriptions.family is 'Producer without versions.';
comment on column graph.descriptions.digest is 'The content.';

comment on table graph.layouts is 'Where the digests that an event has of its own belong.';
comment on column graph.layouts.layout_id is 'Digest of the layout.';
comment on column graph.layouts.slot is 'Position among the event''s digests, from 0.';
comment on column graph.layouts.subject_kind is '1 run, 2 job, 3 dataset.';
comment on column graph.layouts.subject_uuid is 'Dataset or job; null for the event''s run.';
comment on column graph.layouts.place is '0 facets, 1 inputFacets, 2 outputFacets.';
comment on column graph.layouts.name is 'Name of the facet.';
comment on column graph.layouts.family is 'Producer without versions.';

comment on table graph.facet_origins is 'Producer and schema URL of facets, once per distinct pair.';
comment on column graph.facet_origins.origin_id is 'Digest of the origin.';
comment on column graph.facet_origins.origin is 'The members _producer and _schemaURL.';

comment on table graph.facets is 'Distinct contents of facets, cleaned for jsonb.';
comment on column graph.facets.digest is 'Digest of the canonical content, as received.';
comment on column graph.facets.origin_id is 'Its producer and schema URL.';
comment on column graph.facets.deleted is 'Whether _deleted is true.';
comment on column graph.facets.content is 'The content without its origin.';

comment on table graph.symlinks is 'Pairs of names of one dataset.';
comment on column graph.symlinks.dataset_uuid is 'Dataset with the symlinks facet.';
comment on column graph.symlinks.other_uuid is 'UUID of the other name.';
comment on column graph.symlinks.type is 'As sent.';
comment on column graph.symlinks.other_namespace is 'Namespace of the other name.';
comment on column graph.symlinks.other_name is 'The other name.';

comment on table graph.edges is 'Distinct inputs and outputs of jobs.';
comment on column graph.edges.job_uuid is 'The job.';
comment on column graph.edges.direction is '0 input, 1 output.';
comment on column graph.edges.dataset_uuid is 'The dataset.';

comment on table graph.column_edges is 'Rows of the columnLineage facets.';
comment on column graph.column_edges.output_uuid is 'Dataset that carries the facet.';
comment on column graph.column_edges.job_uuid is 'Job of the event; the zero UUID for dataset events.';
comment on column graph.column_edges.digest is 'The facet.';
comment on column graph.column_edges.ordinal is 'Position in the facet.';
comment on column graph.column_edges.output_field is 'Field that is made; null for all.';
comment on column graph.column_edges.input_uuid is 'Dataset that is read.';
comment on column graph.column_edges.input_field is 'Field that is read.';
comment on column graph.column_edges.type is 'Type of the transformation, empty for none.';
comment on column graph.column_edges.subtype is 'Subtype of the transformation, empty for none.';
comment on column graph.column_edges.masking is 'Whether the transformation masks; null when not said.';
comment on column graph.column_edges.description is 'Words about the transformation.';

comment on table graph.run_io_sets is 'Which sets of datasets the events of a run named.';
comment on column graph.run_io_sets.run_uuid is 'The run.';
comment on column graph.run_io_sets.io_id is 'The set.';
comment on column graph.run_io_sets.first_at is 'Earliest such event.';

comment on table graph.event_ids is 'The judge of duplicates: every event that was ever stored.';
comment on column graph.event_ids.event_id is 'First half of SHA-256 of the body as stored.';
comment on column graph.event_ids.received_at is 'When it was received.';

comment on table graph.events is 'Every event with its body, in months of event time.';
comment on column graph.events.event_id is 'First half of SHA-256 of the body as stored.';
comment on column graph.events.event_time is 'eventTime.';
comment on column graph.events.received_at is 'When it was received.';
comment on column graph.events.run_uuid is 'Run of a run event.';
comment on column graph.events.statement_id is 'What it says apart from its run.';
comment on column graph.events.body_base is 'Body that this one is compressed against; null: stored as it is.';
comment on column graph.events.kafka_offset is 'Offset of the first record with it.';
comment on column graph.events.body_bytes is 'Length of the body.';
comment on column graph.events.kafka_partition is 'Partition of that record.';
comment on column graph.events.redactions is 'Secrets cut out; null for none.';
comment on column graph.events.source is '0 http, 1 kafka, 2 emitter, 3 file.';
comment on column graph.events.topic is 'Topic of that record.';
comment on column graph.events.event_type is 'As sent.';
comment on column graph.events.facet_digests is 'Digests of its own facets, 16 bytes each in the order of the layout.';
comment on column graph.events.body is 'The body, or an LZ4 block of it.';
comment on column graph.events.principal is 'Who sent it.';
comment on column graph.events.emitter_id is 'Emitter, if one sent it.';
comment on column graph.events.emitter_epoch is 'Start number of the emitter.';
comment on column graph.events.emitter_sequence is 'Its sequence number.';
comment on column graph.events.idempotency_key is 'The sender''s key, recorded only.';

comment on table graph.body_bases is 'Bodies that others are compressed against.';
comment on column graph.body_bases.base_id is 'Event the body belongs to.';
comment on column graph.body_bases.body is 'The whole body.';

comment on table graph.offsets is 'Fence of each partition, moved in the transaction of its rows.';
comment on column graph.offsets.cluster_id is 'Kafka cluster.';
comment on column graph.offsets.topic is 'Topic.';
comment on column graph.offsets.partition is 'Partition.';
comment on column graph.offsets.next_offset is 'First offset that is not stored.';
comment on column graph.offsets.last_id is 'Id of the record before.';
comment on column graph.offsets.last_timestamp_ms is 'Time stamp of the record before.';
comment on column graph.offsets.stopped_reason is 'Why nothing is taken any more; null in normal life.';
comment on column graph.offsets.updated_at is 'When it was last moved.';

comment on table graph.dead_letters is 'Records that could not be used.';
comment on column graph.dead_letters.letter_id is 'Event id, else digest of the value.';
comment on column graph.dead_letters.event_id is 'Event id, if it could be read.';
comment on column graph.dead_letters.failed_at is 'When it failed first.';
comment on column graph.dead_letters.stage is 'Where.';
comment on column graph.dead_letters.reason is 'Why.';
comment on column graph.dead_letters.json_pointer is 'Place of the fault.';
comment on column graph.dead_letters.byte_offset is 'Place of the fault in bytes.';
comment on column graph.dead_letters.topic is 'Topic of the first such record.';
comment on column graph.dead_letters.partition is 'Its partition.';
comment on column graph.dead_letters.kafka_offset is 'Its offset.';
comment on column graph.dead_letters.record_at is 'Its time stamp.';
comment on column graph.dead_letters.value is 'Its bytes.';
comment on column graph.dead_letters.retried_at is 'When it was sent again.';

comment on view graph.statement_datasets is 'Datasets of every statement.';
comment on column graph.statement_datasets.statement_id is 'The statement.';
comment on column graph.statement_datasets.direction is '0 input, 1 output, 2 subject.';
comment on column graph.statement_datasets.dataset_uuid is 'The dataset.';
comment on column graph.statement_datasets.description_id is 'What is said of it; zero for nothing.';

comment on view graph.statement_facets is 'Facets of jobs and datasets of every statement.';
comment on column graph.statement_facets.statement_id is 'The statement.';
comment on column graph.statement_facets.subject_kind is '2 job, 3 dataset.';
comment on column graph.statement_facets.subject_uuid is 'The job or dataset.';
comment on column graph.statement_facets.name is 'Name of the facet.';
comment on column graph.statement_facets.family is 'Producer without versions.';
comment on column graph.statement_facets.digest is 'The content.';

comment on view graph.facet_contents is 'Contents of facets with their origin.';
comment on column graph.facet_contents.digest is 'The facet.';
comment on column graph.facet_contents.deleted is 'Whether _deleted is true.';
comment on column graph.facet_contents.content is 'The content, cleaned for jsonb.';

comment on view graph.current_facets is 'Latest version of each facet of jobs and datasets, deleted ones too.';
comment on column graph.current_facets.subject_uuid is 'The job or dataset.';
comment on column graph.current_facets.name is 'Name of the facet.';
comment on column graph.current_facets.family is 'Producer without versions.';
comment on column graph.current_facets.digest is 'The content.';
comment on column graph.current_facets.last_at is 'Latest event that says so.';
comment on column graph.current_facets.last_by is 'That event.';
