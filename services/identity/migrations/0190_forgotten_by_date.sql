-- Rows about persons go by forget_rows and forget_overdue alone, which know when: the service's own role removes none.
ALTER TABLE guardianship_delegations ADD COLUMN linked_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN guardianship_delegations.linked_at IS 'Of rows from before there was this column: when it was added.';
CALL audited('guardianship_delegations');

DO $$
BEGIN
    EXECUTE format(
        'REVOKE DELETE, TRUNCATE ON residents, identifiers, resident_changes, possible_duplicates, resident_merges, household_members,
             vulnerability_flags, guardianships, guardianship_delegations, logins, enrolments, remote_care_filings,
             family_doctor_contracts, delegations, delegation_receipts, care_relations, break_glasses, consents, mandates,
             continuations, erasure_requests, erasure_standings FROM %I', service_role());
END
$$;

-- Where retention finds what has had its time.
CREATE INDEX guardianships_dated            ON guardianships (region, registered_at);
CREATE INDEX guardianship_delegations_dated ON guardianship_delegations (region, linked_at);
CREATE INDEX delegations_dated              ON delegations (region, least(revoked_at, until));
CREATE INDEX delegation_receipts_dated      ON delegation_receipts (region, issued_at);
CREATE INDEX care_relations_dated           ON care_relations (region, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX consents_dated                 ON consents (region, least(revoked_at, until));
CREATE INDEX mandates_dated                 ON mandates (region, least(ended_at, until));
CREATE INDEX continuations_dated            ON continuations (region, expires_at);
CREATE INDEX family_doctor_contracts_dated  ON family_doctor_contracts (region, signed_at);
CREATE INDEX erasure_requests_dated         ON erasure_requests (region, cancelled_at) WHERE cancelled_at IS NOT NULL;
CREATE INDEX erasure_standings_dated        ON erasure_standings (region, coalesce(reported_at, '2000-01-01 00:00:00+00'::timestamptz));
-- What people appraise is only counted, decades later: the smallest index will do.
CREATE INDEX enrolments_dated          ON enrolments USING brin (recorded_at);
CREATE INDEX remote_care_filings_dated ON remote_care_filings USING brin (filed_at);
CREATE INDEX break_glasses_dated       ON break_glasses USING brin (closes_at);

-- What is asked of a row before it goes: whether another refers to it.
CREATE INDEX continuations_delegation        ON continuations (delegation_id) WHERE delegation_id IS NOT NULL;
CREATE INDEX continuations_mandate           ON continuations (mandate_id) WHERE mandate_id IS NOT NULL;
CREATE INDEX mandates_delegation             ON mandates (delegation_id) WHERE delegation_id IS NOT NULL;
CREATE INDEX family_doctor_contracts_renewed ON family_doctor_contracts (renewed_contract_id) WHERE renewed_contract_id IS NOT NULL;
