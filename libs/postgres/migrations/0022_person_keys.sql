-- A key per person and region, wrapped under the data key of the region: what it seals means nothing once it is destroyed.
CREATE TABLE person_keys (
    region      text        NOT NULL CONSTRAINT person_keys_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id uuid        NOT NULL,
    wrapped     bytea       NOT NULL,
    key_version integer     NOT NULL CONSTRAINT person_keys_key_version_check CHECK (key_version > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (region, resident_id)
);

COMMENT ON TABLE  person_keys             IS 'Seals the salts of audit entries about a person. Destroyed when the person is erased here.';
COMMENT ON COLUMN person_keys.key_version IS 'Which data key of the region wrapped it.';

CALL protect_by_region('person_keys');
