-- Two people sign a guardianship: one registers it, another who saw the papers confirms it, and not before is it in force. Those that were
-- registered before stand.
ALTER TABLE guardianships
    ADD COLUMN registered_by             text NOT NULL DEFAULT 'client:unknown',
    ADD COLUMN confirmed_by              text,
    ADD COLUMN confirmer_organisation_id uuid,
    ADD COLUMN confirmed_at              timestamptz,
    ADD COLUMN confirmation_evidence     text
        CONSTRAINT guardianships_confirmation_evidence_check CHECK (length(confirmation_evidence) BETWEEN 1 AND 200);
UPDATE guardianships SET confirmed_by = 'service:identity', confirmed_at = registered_at, confirmation_evidence = 'BEFORE_TWO_SIGNED';
ALTER TABLE guardianships
    ADD CONSTRAINT guardianships_confirmed_whole CHECK (num_nulls(confirmed_by, confirmed_at, confirmation_evidence) IN (0, 3)),
    ADD CONSTRAINT guardianships_two_people CHECK (confirmed_by <> registered_by);

COMMENT ON TABLE  guardianships               IS 'One resident is another''s guardian. Nothing but its confirmation and its early end ever changes.';
COMMENT ON COLUMN guardianships.registered_by IS 'Who registered it; client:unknown of those registered before two had to sign.';
COMMENT ON COLUMN guardianships.confirmed_at  IS 'When another person confirmed it; null while it waits, and is not in force.';

CALL audited('guardianships');
DO $$
BEGIN
    EXECUTE format(
        'GRANT UPDATE (confirmed_by, confirmer_organisation_id, confirmed_at, confirmation_evidence) ON guardianships TO %I', service_role());
END
$$;
