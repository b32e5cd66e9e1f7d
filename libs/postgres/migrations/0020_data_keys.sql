-- The keys of personal data, wrapped: only the key provider makes keys of these rows again.
CREATE SEQUENCE data_keys_generation;

CREATE TABLE data_keys (
    region_code  text        NOT NULL CONSTRAINT data_keys_region_code_check CHECK (region_code ~ '^([1-9][0-9]{5})?$'),
    version      integer     NOT NULL CONSTRAINT data_keys_version_check CHECK (version > 0),
    wrapped      bytea       NOT NULL,
    provider_key text        NOT NULL,
    state        text        NOT NULL CONSTRAINT data_keys_state_check CHECK (state IN ('PENDING', 'ACTIVE', 'RETIRING', 'RETIRED')),
    generation   bigint      NOT NULL DEFAULT nextval('data_keys_generation'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (region_code, version)
);
-- One version seals.
CREATE UNIQUE INDEX data_keys_active_key ON data_keys (region_code) WHERE state = 'ACTIVE';

COMMENT ON TABLE  data_keys              IS 'Data keys by region. Of no tenant: holds no personal data, and rotation goes over all of them.';
COMMENT ON COLUMN data_keys.region_code  IS 'Whose rows it seals. Empty for the keys of blind indexes, which are those of the installation.';
COMMENT ON COLUMN data_keys.wrapped      IS 'The key, encrypted by the provider for this region and version.';
COMMENT ON COLUMN data_keys.provider_key IS 'Which key of the provider wrapped it.';
COMMENT ON COLUMN data_keys.state        IS 'PENDING: every replica learns to open it. ACTIVE: seals. RETIRING: opens what is not sealed anew yet. RETIRED: nothing uses it.';
COMMENT ON COLUMN data_keys.generation   IS 'Raised by every change, so that each transaction notices what its process does not know yet.';

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE ON data_keys FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (wrapped, provider_key, state, generation) ON data_keys TO %I', service_role());
END
$$;
