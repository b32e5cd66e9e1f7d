-- Who somebody is who logs in at a trusted provider. A resident is linked at their first login by a number that the provider verified;
-- staff are linked by an operator. Nobody comes to be a person by logging in.
CREATE TABLE logins (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT logins_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    issuer          text        NOT NULL CONSTRAINT logins_issuer_check CHECK (length(issuer) BETWEEN 1 AND 200),
    subject         text        NOT NULL CONSTRAINT logins_subject_check CHECK (length(subject) BETWEEN 1 AND 255),
    party           text        NOT NULL CONSTRAINT logins_party_check CHECK (party ~ '^(resident|practitioner):'),
    organisation_id uuid,
    roles           text[]      NOT NULL CONSTRAINT logins_roles_check CHECK (cardinality(roles) BETWEEN 1 AND 16),
    basis           text        NOT NULL CONSTRAINT logins_basis_check CHECK (basis IN ('NUMBER', 'OPERATOR')),
    linked_at       timestamptz NOT NULL,
    CONSTRAINT logins_issuer_subject_key UNIQUE (issuer, subject)
);
CREATE INDEX logins_party ON logins (party);

COMMENT ON TABLE  logins                 IS 'One row per person and provider.';
COMMENT ON COLUMN logins.subject         IS 'The sub of the provider''s tokens.';
COMMENT ON COLUMN logins.organisation_id IS 'Organisation they work for; null for residents.';
COMMENT ON COLUMN logins.roles           IS 'The roles registered for the person: a token never has another.';
COMMENT ON COLUMN logins.basis           IS 'NUMBER: found by the identification number at the first login. OPERATOR: registered by identity bootstrap.';
COMMENT ON COLUMN logins.linked_at       IS 'When this row was last changed.';

CALL protect_by_region('logins');
CALL audited('logins');

ALTER TABLE clients ADD COLUMN exchanges text[] NOT NULL DEFAULT '{}'
    CONSTRAINT clients_exchanges_check CHECK (cardinality(exchanges) <= 16);

COMMENT ON COLUMN clients.exchanges IS 'Roles the client may ask for on behalf of people who logged in through it; empty: it presents nobody.';
