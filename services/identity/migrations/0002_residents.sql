-- Persons. What names a person is sealed (AES-256-GCM); the number is found by a keyed hash of it. Date of birth and sex stand in
-- the number and nowhere else.
CREATE TABLE residents (
    id                         uuid        PRIMARY KEY,
    region                     text        NOT NULL CONSTRAINT residents_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    name_sealed                bytea       NOT NULL,
    national_id_sealed         bytea       NOT NULL,
    mobile_sealed              bytea,
    key_version                integer     NOT NULL CONSTRAINT residents_key_version_check CHECK (key_version > 0),
    national_id_index          bytea       NOT NULL CONSTRAINT residents_national_id_index_check CHECK (octet_length(national_id_index) = 32),
    community                  text        NOT NULL CONSTRAINT residents_community_check CHECK (length(community) <= 100),
    state                      text        NOT NULL CONSTRAINT residents_state_check CHECK (state IN ('REGISTERED', 'PROVISIONAL')),
    registrar_organisation_id  uuid,
    registered_at              timestamptz NOT NULL,
    CONSTRAINT residents_national_id_index_key UNIQUE (national_id_index)
);

COMMENT ON TABLE  residents                           IS 'One row per person of the whole installation.';
COMMENT ON COLUMN residents.name_sealed               IS 'Nonce and ciphertext; opens only in this column of this row.';
COMMENT ON COLUMN residents.key_version               IS 'Which data key sealed the columns of this row.';
COMMENT ON COLUMN residents.national_id_index         IS 'HMAC-SHA-256 of the number under the index key.';
COMMENT ON COLUMN residents.registrar_organisation_id IS 'Organisation that registered the person; null where there was none.';

CALL protect_by_region('residents');
