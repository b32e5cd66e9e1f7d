-- Contracts by which providers are designated. Public knowledge, as organisations are. Those said on registration so far become contracts for
-- outpatient and inpatient care, chronic diseases and medicines.
CREATE TABLE designations (
    id                        uuid        PRIMARY KEY,
    region                    text        NOT NULL CONSTRAINT designations_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    provider_organisation_id  uuid        NOT NULL REFERENCES organisations (id),
    insurer_organisation_id   uuid        REFERENCES organisations (id),
    kind                      text        NOT NULL CONSTRAINT designations_kind_check CHECK (kind IN ('OUTPATIENT', 'INPATIENT', 'PHARMACY', 'CHRONIC')),
    valid_from                date        NOT NULL,
    valid_until               date,
    suspensions               jsonb       NOT NULL CONSTRAINT designations_suspensions_check CHECK (jsonb_typeof(suspensions) = 'array'),
    end_reason                text        NOT NULL CONSTRAINT designations_end_reason_check CHECK (length(end_reason) <= 200),
    made_at                   timestamptz NOT NULL,
    CONSTRAINT designations_order CHECK (valid_until IS NULL OR valid_until >= valid_from)
);
CREATE INDEX designations_provider ON designations (provider_organisation_id, valid_from, id);

COMMENT ON TABLE  designations             IS 'Of one provider and kind only one is good a day: the provider''s row is locked while that is checked.';
COMMENT ON COLUMN designations.suspensions IS 'Every time it was suspended: [{from, until, reason}], until null while it lasts.';
COMMENT ON COLUMN designations.valid_until IS 'Last day; null is open.';

INSERT INTO designations (id, region, provider_organisation_id, kind, valid_from, valid_until, suspensions, end_reason, made_at)
SELECT gen_random_uuid(), region, organisations.id, said.kind, designated_from, designated_until, '[]', '', registered_at
FROM organisations, unnest('{OUTPATIENT,INPATIENT,PHARMACY,CHRONIC}'::text[]) AS said (kind) WHERE designated_from IS NOT NULL;
ALTER TABLE organisations DROP COLUMN designated_from, DROP COLUMN designated_until;

CALL read_everywhere('designations');
CALL audited('designations');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON designations FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (valid_until, suspensions, end_reason) ON designations TO %I', service_role());
END
$$;
