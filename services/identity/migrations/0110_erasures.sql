-- Persons who ask to be erased, what each service says about it, and a resident of whom nothing is left but the number.
CREATE TABLE erasure_requests (
    id            uuid        PRIMARY KEY,
    region        text        NOT NULL CONSTRAINT erasure_requests_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id   uuid        NOT NULL REFERENCES residents (id),
    state         text        NOT NULL CONSTRAINT erasure_requests_state_check CHECK (
        state IN ('REQUESTED', 'BLOCKED', 'CLOSING', 'ERASED', 'COMPLETED', 'CANCELLED')),
    requested_by  text        NOT NULL,
    evidence      text        NOT NULL CONSTRAINT erasure_requests_evidence_check CHECK (length(evidence) <= 200),
    requested_at  timestamptz NOT NULL,
    closing_since timestamptz,
    erased_at     timestamptz,
    completed_at  timestamptz,
    cancelled_at  timestamptz,
    receipt_zh    text,
    receipt_en    text,
    CONSTRAINT erasure_requests_closing_check CHECK ((state = 'CLOSING') = (closing_since IS NOT NULL)),
    CONSTRAINT erasure_requests_erased_check CHECK ((state IN ('ERASED', 'COMPLETED')) = (erased_at IS NOT NULL)),
    CONSTRAINT erasure_requests_completed_check CHECK ((state = 'COMPLETED') = (completed_at IS NOT NULL)),
    CONSTRAINT erasure_requests_cancelled_check CHECK ((state = 'CANCELLED') = (cancelled_at IS NOT NULL)),
    CONSTRAINT erasure_requests_receipt_check CHECK (num_nulls(receipt_zh, receipt_en, erased_at) IN (0, 3))
);
-- One at a time.
CREATE UNIQUE INDEX erasure_requests_resident_key ON erasure_requests (resident_id) WHERE state <> 'CANCELLED';

COMMENT ON TABLE  erasure_requests          IS 'Who asked for whose erasure, and how far it has come (domain/erasure.rs).';
COMMENT ON COLUMN erasure_requests.evidence IS 'The written request that an operator cites, without a name; empty where the person asked.';
COMMENT ON COLUMN erasure_requests.receipt_zh IS 'What was erased and what is kept, in plain words without a name.';

CREATE TABLE erasure_standings (
    erasure_id  uuid        NOT NULL REFERENCES erasure_requests (id),
    service     text        NOT NULL CONSTRAINT erasure_standings_service_check CHECK (service ~ '^[a-z]{1,30}$'),
    region      text        NOT NULL CONSTRAINT erasure_standings_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    word        text        CONSTRAINT erasure_standings_word_check CHECK (word IN ('OPEN', 'CLEAR', 'CLOSED', 'ERASED')),
    open        jsonb       NOT NULL CONSTRAINT erasure_standings_open_check CHECK (jsonb_typeof(open) = 'array'),
    kept        jsonb       NOT NULL CONSTRAINT erasure_standings_kept_check CHECK (jsonb_typeof(kept) = 'array'),
    reported_at timestamptz,
    PRIMARY KEY (erasure_id, service)
);

COMMENT ON TABLE  erasure_standings      IS 'The last word of each service. Not digested: services say it again at any time.';
COMMENT ON COLUMN erasure_standings.open IS '[{kind, id}]: what has to end first.';
COMMENT ON COLUMN erasure_standings.kept IS '[{rule, rows, until}]: what law orders kept.';

CALL protect_by_region('erasure_requests');
CALL protect_by_region('erasure_standings');
CALL audited('erasure_requests');

-- An erased resident is a number: every row about them refers to it, and nothing says whose it was.
ALTER TABLE residents
    ALTER COLUMN name_sealed DROP NOT NULL,
    ALTER COLUMN birth_date_sealed DROP NOT NULL,
    ALTER COLUMN sex_sealed DROP NOT NULL,
    ALTER COLUMN name_birth_index DROP NOT NULL,
    ALTER COLUMN birth_year_index DROP NOT NULL,
    DROP CONSTRAINT residents_state_check,
    ADD CONSTRAINT residents_state_check CHECK (
        state IN ('REGISTERED', 'PROVISIONAL', 'ERASED') AND (state = 'PROVISIONAL') = (provisional IS NOT NULL)),
    ADD CONSTRAINT residents_erased_whole CHECK (CASE WHEN state = 'ERASED'
        THEN num_nonnulls(name_sealed, birth_date_sealed, sex_sealed, mobile_sealed, address_sealed, name_birth_index, birth_year_index,
            mobile_index, language, community_code, grid_cell, mother_resident_id, registrar_organisation_id) = 0 AND community = ''
        ELSE num_nulls(name_sealed, birth_date_sealed, sex_sealed, name_birth_index, birth_year_index) = 0 END);

COMMENT ON COLUMN residents.state IS 'ERASED: a number without a person.';

-- Erasure and retention remove whole rows. One that is gone without an entry in the audit is found.
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON residents FROM %I', service_role());
    EXECUTE format(
        'GRANT DELETE ON identifiers, resident_changes, possible_duplicates, vulnerability_flags, guardianships,
             guardianship_delegations, delegations, delegation_receipts, continuations, consents, care_relations,
             family_doctor_contracts TO %I', service_role());
    EXECUTE format('GRANT UPDATE (papers) ON guardianships TO %I', service_role());
END
$$;
