-- Which data a consent is about, for whom and from when; it can be taken back.

ALTER TABLE consents
    ALTER COLUMN recipient_organisation_id DROP NOT NULL,
    ADD COLUMN recipient_class text        CONSTRAINT consents_recipient_class_check CHECK (recipient_class IN (
        'PROVIDERS', 'COMMUNITY_PROVIDERS', 'DISTRICT_PROVIDERS', 'TERTIARY_PROVIDERS')),
    ADD COLUMN kinds           text[]      NOT NULL DEFAULT '{SUMMARY,RESULTS,IMAGING,MEDICATION}' CONSTRAINT consents_kinds_check CHECK (
        cardinality(kinds) > 0 AND kinds <@ ARRAY['SUMMARY', 'RESULTS', 'IMAGING', 'MEDICATION', 'MENTAL_HEALTH', 'HIV', 'REPRODUCTIVE', 'GENETIC']),
    ADD COLUMN valid_from      timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN revoked_at      timestamptz,
    ADD CONSTRAINT consents_recipient_check CHECK ((recipient_organisation_id IS NULL) <> (recipient_class IS NULL));
UPDATE consents SET valid_from = granted_at;
ALTER TABLE consents ADD CONSTRAINT consents_term_check CHECK (until > valid_from);
DROP INDEX consents_resident;
CREATE INDEX consents_in_force ON consents (resident_id, purpose, until) WHERE revoked_at IS NULL;
CREATE INDEX consents_list ON consents (resident_id, granted_at DESC, id DESC);

COMMENT ON TABLE  consents                 IS 'Which organisation may see whose health data, which of it, what for and when. A row changes once at most, when it is revoked.';
COMMENT ON COLUMN consents.recipient_class IS 'A class of organisations in place of one.';

DO $$
BEGIN
    EXECUTE format('GRANT UPDATE (revoked_at) ON consents TO %I', service_role());
END
$$;
