-- Enrolments become bitemporal: a row is one version of one enrolment. What is believed now has no superseded_at; a correction
-- closes that version and writes the next, so that "what did we believe on day X about day Y" has an answer for good.
ALTER TABLE enrolments
    ADD COLUMN enrolment_id       uuid,
    ADD COLUMN version            integer     NOT NULL DEFAULT 1,
    ADD COLUMN pays_in_order      smallint    NOT NULL DEFAULT 1,
    ADD COLUMN retired_from       date,
    ADD COLUMN joined_on          date,
    ADD COLUMN waiting_waived_for text        NOT NULL DEFAULT '',
    ADD COLUMN correction_reason  text        NOT NULL DEFAULT '',
    ADD COLUMN superseded_at      timestamptz;
UPDATE enrolments SET enrolment_id = id, retired_from = CASE WHEN retired THEN in_force_from END;
ALTER TABLE enrolments
    ALTER COLUMN enrolment_id SET NOT NULL,
    ALTER COLUMN version DROP DEFAULT,
    ALTER COLUMN pays_in_order DROP DEFAULT,
    ALTER COLUMN waiting_waived_for DROP DEFAULT,
    ALTER COLUMN correction_reason DROP DEFAULT,
    DROP COLUMN retired,
    ADD CONSTRAINT enrolments_version_key UNIQUE (enrolment_id, version),
    ADD CONSTRAINT enrolments_version_check CHECK (version > 0),
    ADD CONSTRAINT enrolments_pays_in_order_check CHECK (pays_in_order BETWEEN 1 AND 9),
    ADD CONSTRAINT enrolments_waiting_waived_for_check CHECK (length(waiting_waived_for) <= 100),
    ADD CONSTRAINT enrolments_correction_reason_check CHECK (length(correction_reason) <= 200),
    ADD CONSTRAINT enrolments_superseded_order CHECK (superseded_at > recorded_at);
-- Of an enrolment one version holds.
CREATE UNIQUE INDEX enrolments_current ON enrolments (enrolment_id) WHERE superseded_at IS NULL;

COMMENT ON COLUMN enrolments.id                 IS 'Of this version; that of the first version is the enrolment''s own.';
COMMENT ON COLUMN enrolments.enrolment_id       IS 'The enrolment, whatever was corrected.';
COMMENT ON COLUMN enrolments.pays_in_order      IS 'Which of several that pay in the same layer goes first.';
COMMENT ON COLUMN enrolments.retired_from       IS 'First day as a retired person; null is never.';
COMMENT ON COLUMN enrolments.joined_on          IS 'Day of joining, by which the yearly window is judged; null is unknown.';
COMMENT ON COLUMN enrolments.waiting_waived_for IS 'Why no waiting period applies; empty where the rules decide.';
COMMENT ON COLUMN enrolments.recorded_at        IS 'From when on this version was believed.';
COMMENT ON COLUMN enrolments.superseded_at      IS 'Until when it was believed; null is still.';

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON enrolments FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (superseded_at) ON enrolments TO %I', service_role());
END
$$;

CREATE TABLE remote_care_filings (
    id                       uuid        PRIMARY KEY,
    region                   text        NOT NULL CONSTRAINT remote_care_filings_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id              uuid        NOT NULL REFERENCES residents (id),
    kind                     text        NOT NULL CONSTRAINT remote_care_filings_kind_check
        CHECK (kind IN ('RESETTLED_RETIRED', 'LONG_TERM_RESIDENT', 'TEMPORARY_REFERRAL', 'EMERGENCY')),
    care_region              text        NOT NULL CONSTRAINT remote_care_filings_care_region_check CHECK (care_region ~ '^[1-9][0-9]{5}$'),
    valid_from               date        NOT NULL,
    valid_until              date,
    evidence                 text        NOT NULL CONSTRAINT remote_care_filings_evidence_check CHECK (length(evidence) BETWEEN 1 AND 200),
    recorder_organisation_id uuid,
    filed_at                 timestamptz NOT NULL,
    withdrawn_at             timestamptz,
    CONSTRAINT remote_care_filings_order CHECK (valid_until IS NULL OR valid_until >= valid_from)
);
CREATE INDEX remote_care_filings_resident ON remote_care_filings (resident_id, valid_from);

COMMENT ON TABLE  remote_care_filings             IS 'Care filed outside of the insured region. A row changes once at most, when it is withdrawn.';
COMMENT ON COLUMN remote_care_filings.care_region IS 'Where; a code that ends in zeros is the whole province or city.';

CALL protect_by_region('remote_care_filings');
CALL audited('remote_care_filings');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON remote_care_filings FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (withdrawn_at) ON remote_care_filings TO %I', service_role());
END
$$;
