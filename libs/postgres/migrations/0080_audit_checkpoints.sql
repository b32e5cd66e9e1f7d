-- What was signed about the audit, and what proofs are made of. The sealer writes both.
CREATE TABLE audit_tiles (
    level  smallint NOT NULL CONSTRAINT audit_tiles_level_check CHECK (level > 0),
    number bigint   NOT NULL CONSTRAINT audit_tiles_number_check CHECK (number >= 0),
    hash   bytea    NOT NULL CONSTRAINT audit_tiles_hash_check CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, number)
);

COMMENT ON TABLE  audit_tiles       IS 'Hashes of whole subtrees of 256^level entries in the Merkle tree (RFC 6962) over the sealed audit. Derived; a short cut.';
COMMENT ON COLUMN audit_tiles.level IS 'A tile covers 256 of the level below; entries themselves are level 0.';

CREATE TABLE audit_checkpoints (
    size      bigint      PRIMARY KEY CONSTRAINT audit_checkpoints_size_check CHECK (size > 0),
    root      bytea       NOT NULL CONSTRAINT audit_checkpoints_root_check CHECK (octet_length(root) = 32),
    note      text        NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  audit_checkpoints      IS 'Signed statements of what the audit consisted of. The same are anchored outside the database, where they count.';
COMMENT ON COLUMN audit_checkpoints.size IS 'Entries covered: all up to this position.';
COMMENT ON COLUMN audit_checkpoints.note IS 'C2SP tlog-checkpoint, signed by the service.';

CALL read_only('audit_tiles');
CALL read_only('audit_checkpoints');

DO $$
BEGIN
    EXECUTE format('GRANT SELECT, INSERT ON audit_tiles, audit_checkpoints TO %I', worker_role());
END
$$;
