-- Which organisation cares for whom at this moment, as scheduling's and referral's events tell. Contracts with family doctors are
-- identity's own and stand in their own table.
CREATE TABLE care_relations (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT care_relations_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    kind            text        NOT NULL CONSTRAINT care_relations_kind_check CHECK (kind IN ('VISIT', 'REFERRAL')),
    source_id       uuid        NOT NULL,
    resident_id     uuid        NOT NULL,
    organisation_id uuid        NOT NULL,
    opened_at       timestamptz NOT NULL,
    closed_at       timestamptz,
    CONSTRAINT care_relations_source_key UNIQUE (kind, source_id, organisation_id)
);
CREATE INDEX care_relations_open ON care_relations (resident_id, organisation_id) WHERE closed_at IS NULL;

COMMENT ON TABLE  care_relations           IS 'Opens the read of a resident to an organisation, and closes it. Kept from events, each taken in once.';
COMMENT ON COLUMN care_relations.source_id IS 'The visit or the referral.';
COMMENT ON COLUMN care_relations.closed_at IS 'When the event says it ended; null while it lasts.';

CALL protect_by_region('care_relations');
CALL audited('care_relations');
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON care_relations FROM %I', service_role());
END
$$;
