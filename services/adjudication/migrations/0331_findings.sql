-- What audit rules ask about claims. Noted in the division's transaction, raised in the confirmation's, decided by people.
CREATE TABLE findings (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    settlement_id uuid NOT NULL REFERENCES settlements (id),
    claim_id uuid NOT NULL,
    claim_version integer NOT NULL,
    resident_id uuid NOT NULL,
    provider_organisation_id uuid NOT NULL,
    rule_book_id uuid NOT NULL REFERENCES rule_books (id),
    rule text NOT NULL,
    -- From 1; null where it is about the claim as a whole.
    line_number integer CHECK (line_number >= 1),
    amount numeric(16, 2) NOT NULL CHECK (amount >= 0),
    -- Facts. No clinical text: diagnoses are named by their place in the claim, where they are sealed.
    evidence jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('NOTED', 'OPEN', 'ASKED', 'CLEARED', 'CUT', 'APPEALED', 'UPHELD')),
    cut numeric(16, 2),
    cut_by text,
    -- What the provider is not paid as things stand.
    withheld numeric(16, 2) NOT NULL CHECK (withheld >= 0 AND withheld <= amount),
    noted_at timestamptz NOT NULL,
    raised_at timestamptz,
    decided_at timestamptz,
    CONSTRAINT findings_cut CHECK ((state IN ('CUT', 'APPEALED', 'UPHELD')) = (cut IS NOT NULL) AND (cut IS NULL) = (cut_by IS NULL)),
    CONSTRAINT findings_raised CHECK ((state = 'NOTED') = (raised_at IS NULL))
);
CREATE INDEX findings_settlement ON findings (settlement_id);
CREATE INDEX findings_work ON findings (region, state, id);
CREATE INDEX findings_provider ON findings (provider_organisation_id, id);
CREATE INDEX findings_resident ON findings (resident_id, id);
CREATE INDEX findings_dated ON findings USING brin (noted_at);
CALL protect_by_region('findings');
CALL audited('findings');

-- What was said and done about a finding.
CREATE TABLE finding_steps (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    finding_id uuid NOT NULL REFERENCES findings (id),
    action text NOT NULL CHECK (action IN ('ACCEPT', 'CUT', 'ASK', 'ANSWER', 'APPEAL')),
    done_by text NOT NULL,
    done_at timestamptz NOT NULL,
    cut numeric(16, 2),
    note_sealed bytea NOT NULL,
    key_version integer NOT NULL CONSTRAINT finding_steps_key_version_check CHECK (key_version > 0)
);
CREATE INDEX finding_steps_finding ON finding_steps (finding_id, id);
CREATE INDEX finding_steps_dated ON finding_steps USING brin (done_at);
CALL protect_by_region('finding_steps');
CALL audited('finding_steps', sealed => '{note_sealed}', apart => '{key_version}');
COMMENT ON COLUMN finding_steps.note_sealed IS 'Why, in the words of whoever did it.';
COMMENT ON COLUMN finding_steps.key_version IS 'Which data key of the region sealed the columns of this row.';

-- A stay and a visit are looked up by the person and the days.
CREATE INDEX claims_resident_days ON claims (resident_id, until_date);
CREATE INDEX settlements_confirmed_at ON settlements (region, confirmed_at) WHERE state = 'CONFIRMED';

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON findings, finding_steps FROM %I', service_role());
    -- Steps stay as they were taken; only their seal is renewed when keys are.
    EXECUTE format('REVOKE UPDATE ON finding_steps FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (note_sealed, key_version) ON finding_steps TO %I', service_role());
END
$$;
