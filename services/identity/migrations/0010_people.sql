-- Persons with any number of documents. Numbers are unique over the whole installation; date of birth and sex stand with the person,
-- sealed, because not every document says them. Sealed columns cannot be filled in SQL: this goes onto a table without persons.
ALTER TABLE residents
    DROP COLUMN national_id_sealed,
    DROP COLUMN national_id_index,
    DROP CONSTRAINT residents_state_check,
    ADD COLUMN revision           integer NOT NULL DEFAULT 1 CONSTRAINT residents_revision_check CHECK (revision > 0),
    ADD COLUMN birth_date_sealed  bytea   NOT NULL,
    ADD COLUMN sex_sealed         bytea   NOT NULL,
    ADD COLUMN address_sealed     bytea,
    ADD COLUMN language           text    CONSTRAINT residents_language_check CHECK (length(language) BETWEEN 2 AND 35),
    ADD COLUMN provisional        text
        CONSTRAINT residents_provisional_check CHECK (provisional IN ('UNKNOWN', 'NEWBORN', 'FOREIGN')),
    ADD COLUMN mother_resident_id uuid    REFERENCES residents (id),
    ADD COLUMN name_birth_index   bytea   NOT NULL CONSTRAINT residents_name_birth_index_check CHECK (octet_length(name_birth_index) = 32),
    ADD COLUMN mobile_index       bytea   CONSTRAINT residents_mobile_index_check CHECK (octet_length(mobile_index) = 32),
    ADD CONSTRAINT residents_state_check CHECK ((state = 'REGISTERED') = (provisional IS NULL) AND state IN ('REGISTERED', 'PROVISIONAL'));
CREATE INDEX residents_name_birth_index ON residents (name_birth_index);
CREATE INDEX residents_mobile_index ON residents (mobile_index);

COMMENT ON COLUMN residents.revision           IS 'Rises by one with each change.';
COMMENT ON COLUMN residents.provisional        IS 'Why the real name is not proven; null when it is.';
COMMENT ON COLUMN residents.mother_resident_id IS 'Mother of a newborn.';
COMMENT ON COLUMN residents.name_birth_index   IS 'HMAC-SHA-256 of the folded name and the date of birth: equal ones may be one person.';
COMMENT ON COLUMN residents.mobile_index       IS 'HMAC-SHA-256 of the mobile number: equal ones may be one person.';

CREATE TABLE identifiers (
    id                     uuid        PRIMARY KEY,
    region                 text        NOT NULL CONSTRAINT identifiers_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id            uuid        NOT NULL REFERENCES residents (id),
    kind                   text        NOT NULL CONSTRAINT identifiers_kind_check
        CHECK (kind IN ('ID_CARD', 'RESIDENCE_PERMIT', 'PERMANENT_RESIDENT_CARD', 'PASSPORT', 'ELECTRONIC_CREDENTIAL')),
    country                text        CONSTRAINT identifiers_country_check CHECK ((country IS NOT NULL) = (kind = 'PASSPORT')),
    number_sealed          bytea       NOT NULL,
    key_version            integer     NOT NULL CONSTRAINT identifiers_key_version_check CHECK (key_version > 0),
    number_index           bytea       NOT NULL CONSTRAINT identifiers_number_index_check CHECK (octet_length(number_index) = 32),
    valid_from             date,
    valid_until            date,
    evidence               text        NOT NULL CONSTRAINT identifiers_evidence_check CHECK (length(evidence) <= 200),
    adder_organisation_id  uuid,
    added_at               timestamptz NOT NULL,
    withdrawn_at           timestamptz,
    withdrawal_reason      text        CONSTRAINT identifiers_withdrawal_reason_check CHECK (length(withdrawal_reason) <= 200),
    CONSTRAINT identifiers_order CHECK (valid_until >= valid_from),
    CONSTRAINT identifiers_withdrawn_whole CHECK ((withdrawn_at IS NULL) = (withdrawal_reason IS NULL))
);
-- One person of the whole installation to a document that holds; a withdrawn one is free for whoever it belongs to.
CREATE UNIQUE INDEX identifiers_number_index_key ON identifiers (number_index) WHERE withdrawn_at IS NULL;
-- Nobody has two numbers by GB 11643.
CREATE UNIQUE INDEX identifiers_one_national ON identifiers (resident_id)
    WHERE withdrawn_at IS NULL AND kind IN ('ID_CARD', 'RESIDENCE_PERMIT', 'PERMANENT_RESIDENT_CARD');
CREATE INDEX identifiers_resident ON identifiers (resident_id, added_at);

COMMENT ON TABLE  identifiers               IS 'Documents of persons: added, then perhaps withdrawn, never removed.';
COMMENT ON COLUMN identifiers.number_sealed IS 'Nonce and ciphertext; opens only in this column of this row.';
COMMENT ON COLUMN identifiers.number_index  IS 'HMAC-SHA-256 of kind, issuing state and number under the index key.';
COMMENT ON COLUMN identifiers.evidence      IS 'How it was verified.';

CALL protect_by_region('identifiers');

CREATE TABLE resident_changes (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT resident_changes_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id     uuid        NOT NULL REFERENCES residents (id),
    revision        integer     NOT NULL CONSTRAINT resident_changes_revision_check CHECK (revision > 1),
    field           text        NOT NULL CONSTRAINT resident_changes_field_check CHECK (field ~ '^[a-z_]{1,40}$'),
    old_sealed      bytea,
    key_version     integer     NOT NULL CONSTRAINT resident_changes_key_version_check CHECK (key_version > 0),
    changed_by      text        NOT NULL,
    organisation_id uuid,
    evidence        text        NOT NULL CONSTRAINT resident_changes_evidence_check CHECK (length(evidence) <= 200),
    changed_at      timestamptz NOT NULL
);
CREATE INDEX resident_changes_resident ON resident_changes (resident_id, id DESC);

COMMENT ON TABLE  resident_changes            IS 'Who changed what of a person when, with the value before, sealed.';
COMMENT ON COLUMN resident_changes.revision   IS 'The revision that the change made.';
COMMENT ON COLUMN resident_changes.old_sealed IS 'The value before; null where there was none.';

CALL protect_by_region('resident_changes');
DO $$
BEGIN
    -- What was cannot be changed; sealing it anew can.
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON resident_changes FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (old_sealed, key_version) ON resident_changes TO %I', service_role());
END
$$;

-- Pairs noticed when the later one was registered or changed. Few: an index over the pairs themselves, not over all persons.
CREATE TABLE possible_duplicates (
    id                       uuid        PRIMARY KEY,
    region                   text        NOT NULL CONSTRAINT possible_duplicates_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id              uuid        NOT NULL REFERENCES residents (id),
    other_id                 uuid        NOT NULL REFERENCES residents (id),
    same_name_and_birth_date boolean     NOT NULL,
    same_mobile              boolean     NOT NULL,
    found_at                 timestamptz NOT NULL,
    settled_at               timestamptz,
    settled_by               text,
    evidence                 text        CONSTRAINT possible_duplicates_evidence_check CHECK (length(evidence) <= 200),
    CONSTRAINT possible_duplicates_pair_key UNIQUE (resident_id, other_id),
    CONSTRAINT possible_duplicates_two CHECK (resident_id <> other_id),
    CONSTRAINT possible_duplicates_grounds CHECK (same_name_and_birth_date OR same_mobile),
    CONSTRAINT possible_duplicates_settled_whole CHECK (num_nulls(settled_at, settled_by, evidence) IN (0, 3))
);
CREATE INDEX possible_duplicates_open ON possible_duplicates (region, id DESC) WHERE settled_at IS NULL;
CREATE INDEX possible_duplicates_other ON possible_duplicates (other_id);

COMMENT ON TABLE  possible_duplicates            IS 'Two residents who may be one person, until somebody decides.';
COMMENT ON COLUMN possible_duplicates.settled_at IS 'When somebody said that they are two, or merged them; null while open.';

CALL protect_by_region('possible_duplicates');
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON identifiers, possible_duplicates FROM %I', service_role());
END
$$;
