-- How far a delegation reaches, how it was signed, and what the resident keeps of it.

ALTER TABLE delegations
    ADD COLUMN valid_from              timestamptz   NOT NULL DEFAULT now(),
    ADD COLUMN care_kinds              text[]        NOT NULL DEFAULT '{}' CONSTRAINT delegations_care_kinds_check CHECK (care_kinds <@ ARRAY[
        'OUTPATIENT', 'INPATIENT', 'EMERGENCY', 'CHRONIC', 'PHARMACY', 'TELECONSULT', 'EXAM', 'CHECKUP', 'VACCINATION']),
    ADD COLUMN organisation_ids        uuid[]        NOT NULL DEFAULT '{}' CONSTRAINT delegations_organisation_ids_check CHECK (cardinality(organisation_ids) <= 50),
    ADD COLUMN uses_max                integer       CONSTRAINT delegations_uses_max_check CHECK (uses_max > 0),
    ADD COLUMN amount_max              numeric(16,2) CONSTRAINT delegations_amount_max_check CHECK (amount_max > 0),
    ADD COLUMN signing                 text          NOT NULL DEFAULT 'OWN' CONSTRAINT delegations_signing_check CHECK (signing IN ('PROPOSED', 'OWN', 'DESK', 'PAPERS')),
    ADD COLUMN witness_practitioner_id uuid,
    ADD COLUMN rests_on_id             uuid          REFERENCES delegations (id);
UPDATE delegations SET valid_from = granted_at;
UPDATE delegations SET signing = 'PAPERS' WHERE basis = 'GUARDIAN';
ALTER TABLE delegations
    ADD CONSTRAINT delegations_term_check CHECK (until > valid_from),
    ADD CONSTRAINT delegations_desk_is_witnessed CHECK ((signing = 'DESK') = (witness_practitioner_id IS NOT NULL)),
    ADD CONSTRAINT delegations_witness_is_another CHECK (delegate <> 'practitioner:' || witness_practitioner_id);
CREATE INDEX delegations_rests_on ON delegations (rests_on_id) WHERE rests_on_id IS NOT NULL;
CREATE INDEX delegations_list ON delegations (resident_id, granted_at DESC, id DESC);
DROP INDEX delegations_resident;

COMMENT ON TABLE  delegations                          IS 'Who may act for whom. A row changes when the resident confirms what was proposed, and when it is revoked.';
COMMENT ON COLUMN delegations.care_kinds               IS 'Empty: all.';
COMMENT ON COLUMN delegations.organisation_ids         IS 'Empty: all.';
COMMENT ON COLUMN delegations.signing                  IS 'How the resident signed; PROPOSED lets nobody act.';
COMMENT ON COLUMN delegations.witness_organisation_id  IS 'Whose staff proposed it, recorded the signature at its desk, or saw the papers of a guardian.';
COMMENT ON COLUMN delegations.rests_on_id              IS 'The guardianship under which a guardian passed it on.';

-- A delegate is found by who they are.
CREATE INDEX clients_party ON clients (party);

DO $$
BEGIN
    EXECUTE format('GRANT UPDATE (signing) ON delegations TO %I', service_role());
END
$$;

CREATE TABLE delegation_receipts (
    id            uuid        PRIMARY KEY,
    region        text        NOT NULL CONSTRAINT delegation_receipts_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    delegation_id uuid        NOT NULL CONSTRAINT delegation_receipts_delegation_key UNIQUE REFERENCES delegations (id),
    text_zh       text        NOT NULL,
    text_en       text        NOT NULL,
    issued_at     timestamptz NOT NULL,
    hash          text        NOT NULL CONSTRAINT delegation_receipts_hash_check CHECK (hash ~ '^[0-9a-f]{64}$')
);

COMMENT ON TABLE  delegation_receipts      IS 'Append-only: the words that the resident was given.';
COMMENT ON COLUMN delegation_receipts.hash IS 'As anjia.identity.v1.DelegationReceipt.hash says; its salted digest stands in the audit entry of the grant.';

CALL protect_by_region('delegation_receipts');
CALL append_only('delegation_receipts');
CALL audited('delegation_receipts');
