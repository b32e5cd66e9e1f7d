-- From where banks may call, and whose signatures are theirs. Public keys only.
CREATE TABLE bank_profiles (
    organisation_id uuid    PRIMARY KEY REFERENCES organisations (id),
    region          text    NOT NULL CONSTRAINT bank_profiles_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    networks        text[]  NOT NULL CONSTRAINT bank_profiles_networks_check CHECK (cardinality(networks) BETWEEN 1 AND 50),
    keys            jsonb   NOT NULL CONSTRAINT bank_profiles_keys_check CHECK (jsonb_typeof(keys) = 'array'),
    revision        integer NOT NULL CONSTRAINT bank_profiles_revision_check CHECK (revision > 0)
);

COMMENT ON TABLE  bank_profiles          IS 'One row a bank. Earlier revisions stand in the audit as digests.';
COMMENT ON COLUMN bank_profiles.networks IS 'CIDR.';
COMMENT ON COLUMN bank_profiles.keys     IS '[{key_id, algorithm, public_key_pem, from, until}]: several at once while a bank rotates.';

CALL protect_by_region('bank_profiles');
CALL audited('bank_profiles');
