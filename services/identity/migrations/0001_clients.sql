-- Who may ask for tokens: people's apps, partners' systems and our own services, each with the public key that proves it.
-- Not bound to a region by row security: a client is looked up before anybody knows which region it belongs to.
CREATE TABLE clients (
    client_id       text        PRIMARY KEY CONSTRAINT clients_client_id_check CHECK (client_id ~ '^[a-z0-9-]{1,64}$'),
    party           text        NOT NULL,
    organisation_id uuid,
    roles           text[]      NOT NULL CONSTRAINT clients_roles_check CHECK (cardinality(roles) BETWEEN 1 AND 16),
    region          text        NOT NULL CONSTRAINT clients_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    public_key_pem  text        NOT NULL CONSTRAINT clients_public_key_pem_check CHECK (length(public_key_pem) <= 1000),
    registered_at   timestamptz NOT NULL
);

COMMENT ON TABLE  clients                 IS 'Registered by `identity bootstrap`. Holds public keys only.';
COMMENT ON COLUMN clients.party           IS 'Who it is: resident:<uuid>, practitioner:<uuid>, client:<name> or service:<name>.';
COMMENT ON COLUMN clients.organisation_id IS 'Organisation it works for; null where there is none. It may be registered later.';
COMMENT ON COLUMN clients.public_key_pem  IS 'Ed25519, SubjectPublicKeyInfo.';
COMMENT ON COLUMN clients.registered_at   IS 'When this row was last changed.';

-- Assertions that were accepted: each once, by whichever replica. Forgotten once they have expired.
CREATE TABLE assertions (
    client_id  text        NOT NULL,
    jti        text        NOT NULL CONSTRAINT assertions_jti_check CHECK (length(jti) BETWEEN 1 AND 100),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti)
);
CREATE INDEX assertions_expires_at ON assertions (expires_at);

COMMENT ON TABLE assertions IS 'Single use of client assertions. Holds no secret: an assertion is useless once it stands here.';

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON clients FROM %I', service_role());
    EXECUTE format('REVOKE UPDATE, TRUNCATE ON assertions FROM %I', service_role());
END
$$;
