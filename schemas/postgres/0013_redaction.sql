-- What redaction means for what is stored (the function itself: schemas/redact.h). Bodies, names, facets and the
-- bytes of dead letters hold the word ~metaops-redacted~ in place of each secret, whoever took it out.

comment on column metaops.events.redactions is
    'Secrets that were taken out: how often ~metaops-redacted~ stands in the stored body.';
comment on column graph.events.redactions is 'How often ~metaops-redacted~ stands in the body; null: never.';
comment on column graph.dead_letters.letter_id is
    'Event id of the body after redaction, else digest of the bytes that are kept.';
comment on column graph.dead_letters.value is
    'Its bytes. Where secrets had to be taken out: what is left of a text, or the record encoded anew.';
