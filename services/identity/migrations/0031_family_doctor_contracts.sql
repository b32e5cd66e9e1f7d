CREATE TABLE family_doctor_contracts (
    id                  uuid          PRIMARY KEY,
    region              text          NOT NULL CONSTRAINT family_doctor_contracts_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id         uuid          NOT NULL REFERENCES residents (id),
    organisation_id     uuid          NOT NULL REFERENCES organisations (id),
    practitioner_ids    uuid[]        NOT NULL
        CONSTRAINT family_doctor_contracts_practitioner_ids_check CHECK (cardinality(practitioner_ids) BETWEEN 1 AND 10),
    package_code        text          NOT NULL CONSTRAINT family_doctor_contracts_package_code_check CHECK (length(package_code) <= 40),
    package             jsonb         NOT NULL,
    term_from           date          NOT NULL,
    term_until          date          NOT NULL,
    renewed_contract_id uuid          REFERENCES family_doctor_contracts (id),
    signed_at           timestamptz   NOT NULL,
    ended_on            date,
    ended_at            timestamptz,
    end_reason          text          NOT NULL CONSTRAINT family_doctor_contracts_end_reason_check CHECK (length(end_reason) <= 200),
    CONSTRAINT family_doctor_contracts_order CHECK (term_until >= term_from),
    CONSTRAINT family_doctor_contracts_ended_order CHECK (ended_on <= term_until),
    CONSTRAINT family_doctor_contracts_ended_whole CHECK (num_nulls(ended_on, ended_at) IN (0, 2))
);
CREATE INDEX family_doctor_contracts_resident ON family_doctor_contracts (resident_id, term_from);

COMMENT ON TABLE  family_doctor_contracts          IS 'Who is cared for by which team. One is in force a day: the resident''s row is locked while that is checked.';
COMMENT ON COLUMN family_doctor_contracts.package  IS 'What was agreed, as it was offered when it was signed.';
COMMENT ON COLUMN family_doctor_contracts.ended_on IS 'Last day, where it was ended early. Before term_from: it never began.';
COMMENT ON COLUMN family_doctor_contracts.ended_at IS 'When that was recorded.';

CALL protect_by_region('family_doctor_contracts');
CALL audited('family_doctor_contracts');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON family_doctor_contracts FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (ended_on, ended_at, end_reason) ON family_doctor_contracts TO %I', service_role());
END
$$;
