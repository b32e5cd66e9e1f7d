-- Who did what for whom, in the transaction in which it was done; chained by the sealer after commit.
CREATE TABLE audit_entries (
    sequence        bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    region          text        NOT NULL CONSTRAINT audit_entries_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    actor           text        NOT NULL,
    subject         text        NOT NULL,
    organisation_id uuid,
    delegation_id   uuid,
    resident_id     uuid,
    action          text        NOT NULL CONSTRAINT audit_entries_action_check CHECK (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
    rows            jsonb       NOT NULL CONSTRAINT audit_entries_rows_check CHECK (jsonb_typeof(rows) = 'array'),
    salt            bytea       NOT NULL CONSTRAINT audit_entries_salt_check CHECK (octet_length(salt) >= 16),
    occurred_at     timestamptz NOT NULL DEFAULT now(),
    position        bigint      CONSTRAINT audit_entries_position_check CHECK (position > 0),
    previous_hash   bytea       CONSTRAINT audit_entries_previous_hash_check CHECK (octet_length(previous_hash) = 32),
    hash            bytea       CONSTRAINT audit_entries_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT audit_entries_position_key UNIQUE (position),
    CONSTRAINT audit_entries_sealed_whole CHECK (num_nulls(position, previous_hash, hash) IN (0, 3))
);
CREATE INDEX audit_entries_unsealed ON audit_entries (sequence) WHERE position IS NULL;
CREATE INDEX audit_entries_resident ON audit_entries (resident_id, occurred_at DESC, sequence DESC) WHERE resident_id IS NOT NULL;

COMMENT ON TABLE  audit_entries                 IS 'Append-only, hash-chained. One entry for every state change and every read of personal data.';
COMMENT ON COLUMN audit_entries.actor           IS 'Who held the credential.';
COMMENT ON COLUMN audit_entries.subject         IS 'On whose behalf.';
COMMENT ON COLUMN audit_entries.organisation_id IS 'Organisation of the actor.';
COMMENT ON COLUMN audit_entries.delegation_id   IS 'Delegation under which the actor acted.';
COMMENT ON COLUMN audit_entries.resident_id     IS 'The person whose data it concerns.';
COMMENT ON COLUMN audit_entries.action          IS 'service.resource.verb, such as scheduling.appointment.confirm.';
COMMENT ON COLUMN audit_entries.rows            IS 'Rows named: written [{table, id, columns (version in audited_tables), digest}], {…, read: true}, {…, removed: true}.';
COMMENT ON COLUMN audit_entries.salt            IS 'Goes into the digests of the rows: without it they tell nothing about values.';
COMMENT ON COLUMN audit_entries.occurred_at     IS 'Start of the transaction by the clock of the database.';
COMMENT ON COLUMN audit_entries.position        IS 'Gapless from 1; null until sealed.';
COMMENT ON COLUMN audit_entries.hash            IS 'SHA-256 over previous_hash, position and every other column.';

CALL protect_by_region('audit_entries');

-- Where each sequence ends: what the sealer continues from, and what shows that the tail was cut off.
CREATE TABLE chain_heads (
    chain    text   PRIMARY KEY CONSTRAINT chain_heads_chain_check CHECK (chain IN ('events', 'audit_entries')),
    position bigint NOT NULL CONSTRAINT chain_heads_position_check CHECK (position >= 0),
    hash     bytea  NOT NULL CONSTRAINT chain_heads_hash_check CHECK (octet_length(hash) = 32)
);
INSERT INTO chain_heads (chain, position, hash)
VALUES ('events', 0, decode(repeat('00', 32), 'hex')), ('audit_entries', 0, decode(repeat('00', 32), 'hex'));

COMMENT ON TABLE  chain_heads      IS 'Last position sealed in events and audit_entries; written by the sealer only.';
COMMENT ON COLUMN chain_heads.hash IS 'Hash of the last audit entry; zeros for events, which are not chained.';

CALL read_only('chain_heads');

DO $$
BEGIN
    -- The service can neither change an entry nor choose its time or its place in the chain.
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON audit_entries FROM %I', service_role());
    EXECUTE format(
        'GRANT INSERT (region, actor, subject, organisation_id, delegation_id, resident_id, action, rows, salt) ON audit_entries TO %I',
        service_role());
    EXECUTE format('GRANT SELECT, UPDATE (position, previous_hash, hash) ON audit_entries TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON audit_entries TO %I USING (true)', worker_role());
    EXECUTE format('GRANT SELECT, UPDATE (position, hash) ON chain_heads TO %I', worker_role());
END
$$;

-- Which rows are digested when an entry says that they were written, and over which columns. A row of such a table without an entry,
-- or other than its last entry says, was written behind the back of the service.
CREATE TABLE audited_tables (
    name      text    NOT NULL,
    version   integer NOT NULL CONSTRAINT audited_tables_version_check CHECK (version > 0),
    key       text[]  NOT NULL CONSTRAINT audited_tables_key_check CHECK (cardinality(key) > 0),
    key_types text[]  NOT NULL CONSTRAINT audited_tables_key_types_check CHECK (cardinality(key_types) = cardinality(key)),
    columns   text[]  NOT NULL CONSTRAINT audited_tables_columns_check CHECK (cardinality(columns) > 0),
    sealed    text[]  NOT NULL,
    PRIMARY KEY (name, version)
);

COMMENT ON TABLE  audited_tables         IS 'Written by CALL audited(…) in migrations only. Old versions stay: entries name them.';
COMMENT ON COLUMN audited_tables.version IS 'Entries name the one by which they were digested; new entries take the highest.';
COMMENT ON COLUMN audited_tables.key     IS 'Columns of the primary key; their values, joined by / (and % and / in them escaped as %25 and %2F), are the id of a row.';
COMMENT ON COLUMN audited_tables.columns IS 'Digested as they stand.';
COMMENT ON COLUMN audited_tables.sealed  IS 'Digested in plain text, so that sealing them anew leaves the digest.';

CALL read_only('audited_tables');

-- CALL audited('bills'): rows of the table are digested whole. Called again after a change of its columns it adds a version. Columns
-- that are `sealed` are digested in plain text; those `apart` may change without an entry: what can be derived, and key versions.
CREATE PROCEDURE audited(witnessed regclass, sealed text[] DEFAULT '{}', apart text[] DEFAULT '{}') LANGUAGE plpgsql AS $$
DECLARE
    unknown text;
BEGIN
    SELECT named INTO unknown FROM unnest(sealed || apart) AS named
    WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = witnessed AND attname = named AND attnum > 0 AND NOT attisdropped);
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION '% has no column %', witnessed, unknown;
    END IF;
    INSERT INTO audited_tables (name, version, key, key_types, columns, sealed)
    SELECT class.relname, 1 + (SELECT coalesce(max(version), 0) FROM audited_tables WHERE name = class.relname),
        (SELECT array_agg(attname ORDER BY place) FROM unnest(key.indkey::smallint[]) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute ON attrelid = witnessed AND attnum = part.number),
        (SELECT array_agg(format_type(atttypid, NULL) ORDER BY place) FROM unnest(key.indkey::smallint[]) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute ON attrelid = witnessed AND attnum = part.number),
        (SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = witnessed AND attnum > 0 AND NOT attisdropped AND attname <> ALL (sealed || apart)),
        sealed
    FROM pg_class class JOIN pg_index key ON key.indrelid = class.oid AND key.indisprimary
    WHERE class.oid = witnessed;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% has no primary key to name its rows by', witnessed;
    END IF;
END
$$;
