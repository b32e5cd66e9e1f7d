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
    occurred_at     timestamptz NOT NULL DEFAULT now(),
    position        bigint      CONSTRAINT audit_entries_position_check CHECK (position > 0),
    previous_hash   bytea       CONSTRAINT audit_entries_previous_hash_check CHECK (octet_length(previous_hash) = 32),
    hash            bytea       CONSTRAINT audit_entries_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT audit_entries_position_key UNIQUE (position),
    CONSTRAINT audit_entries_sealed_whole CHECK (num_nulls(position, previous_hash, hash) IN (0, 3))
);
CREATE INDEX audit_entries_unsealed ON audit_entries (sequence) WHERE position IS NULL;
CREATE INDEX audit_entries_resident ON audit_entries (resident_id, occurred_at) WHERE resident_id IS NOT NULL;

COMMENT ON TABLE  audit_entries                 IS 'Append-only, hash-chained. One entry for every state change and every read of personal data.';
COMMENT ON COLUMN audit_entries.actor           IS 'Who held the credential.';
COMMENT ON COLUMN audit_entries.subject         IS 'On whose behalf.';
COMMENT ON COLUMN audit_entries.organisation_id IS 'Organisation of the actor.';
COMMENT ON COLUMN audit_entries.delegation_id   IS 'Delegation under which the actor acted.';
COMMENT ON COLUMN audit_entries.resident_id     IS 'The person whose data it concerns.';
COMMENT ON COLUMN audit_entries.action          IS 'service.resource.verb, such as scheduling.appointment.confirm.';
COMMENT ON COLUMN audit_entries.rows            IS 'Rows written or read: [{table, id, columns (version of the column list), salt, digest}].';
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
        'GRANT INSERT (region, actor, subject, organisation_id, delegation_id, resident_id, action, rows) ON audit_entries TO %I',
        service_role());
    EXECUTE format('GRANT SELECT, UPDATE (position, previous_hash, hash) ON audit_entries TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON audit_entries TO %I USING (true)', worker_role());
    EXECUTE format('GRANT SELECT, UPDATE (position, hash) ON chain_heads TO %I', worker_role());
END
$$;
