CREATE TABLE delegations (
    id                      uuid        PRIMARY KEY,
    region                  text        NOT NULL CONSTRAINT delegations_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id             uuid        NOT NULL REFERENCES residents (id),
    delegate                text        NOT NULL,
    basis                   text        NOT NULL CONSTRAINT delegations_basis_check CHECK (basis IN ('GRANTED', 'GUARDIAN')),
    actions                 text[]      NOT NULL CONSTRAINT delegations_actions_check
        CHECK (cardinality(actions) > 0 AND actions <@ ARRAY['BOOK', 'ATTEND', 'REFER', 'PAY', 'VIEW']),
    until                   timestamptz NOT NULL,
    evidence                text        NOT NULL CONSTRAINT delegations_evidence_check CHECK (length(evidence) <= 200),
    witness_organisation_id uuid,
    granted_at              timestamptz NOT NULL,
    revoked_at              timestamptz,
    CONSTRAINT delegations_guardian_is_witnessed CHECK (basis <> 'GUARDIAN' OR witness_organisation_id IS NOT NULL)
);
CREATE INDEX delegations_resident ON delegations (resident_id);

COMMENT ON TABLE  delegations                         IS 'Who may act for whom. A row changes once at most, when it is revoked.';
COMMENT ON COLUMN delegations.delegate                IS 'Party as tokens name it.';
COMMENT ON COLUMN delegations.witness_organisation_id IS 'Whose operator saw the papers of a guardian.';

CALL protect_by_region('delegations');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON delegations FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (revoked_at) ON delegations TO %I', service_role());
END
$$;

-- What a service went on doing in a resident's name, each time it asked for a token to do so.
CREATE TABLE continuations (
    token_id      uuid        PRIMARY KEY,
    region        text        NOT NULL CONSTRAINT continuations_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    service       text        NOT NULL,
    resident_id   uuid        NOT NULL REFERENCES residents (id),
    delegation_id uuid        REFERENCES delegations (id),
    methods       text[]      NOT NULL,
    evidence      text        NOT NULL CONSTRAINT continuations_evidence_check CHECK (length(evidence) BETWEEN 1 AND 200),
    issued_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL
);

COMMENT ON TABLE  continuations          IS 'Append-only. The token itself is not kept.';
COMMENT ON COLUMN continuations.evidence IS 'What the mandate was given for, such as referral:<id>.';

CALL protect_by_region('continuations');
CALL append_only('continuations');
