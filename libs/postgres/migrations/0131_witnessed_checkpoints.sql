-- What this service saw of another's audit. It pulls the other's checkpoint, and keeps it if it follows from the one before.
CREATE TABLE witnessed_checkpoints (
    origin       text        NOT NULL CONSTRAINT witnessed_checkpoints_origin_check CHECK (length(origin) BETWEEN 1 AND 100),
    size         bigint      NOT NULL CONSTRAINT witnessed_checkpoints_size_check CHECK (size > 0),
    note         text        NOT NULL CONSTRAINT witnessed_checkpoints_note_check CHECK (length(note) <= 4000),
    witnessed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, size)
);

COMMENT ON TABLE  witnessed_checkpoints        IS 'Append-only. Whoever rewrites the other log has this to explain.';
COMMENT ON COLUMN witnessed_checkpoints.origin IS 'The log: anjia/<service>.';
COMMENT ON COLUMN witnessed_checkpoints.note   IS 'C2SP tlog-checkpoint as the log signed it, with this service''s cosignature (cosignature/v1).';

CREATE TABLE witness_refusals (
    id          uuid        PRIMARY KEY,
    origin      text        NOT NULL CONSTRAINT witness_refusals_origin_check CHECK (length(origin) BETWEEN 1 AND 100),
    doubt       text        NOT NULL CONSTRAINT witness_refusals_doubt_check CHECK (
                    doubt IN ('NOT_SIGNED', 'SMALLER', 'FORKED', 'INCONSISTENT', 'UNPROVEN')),
    seen_size   bigint      NOT NULL CONSTRAINT witness_refusals_seen_size_check CHECK (seen_size >= 0),
    note        text        NOT NULL CONSTRAINT witness_refusals_note_check CHECK (length(note) <= 4000),
    note_digest bytea       NOT NULL CONSTRAINT witness_refusals_note_digest_check CHECK (octet_length(note_digest) = 32),
    refused_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT witness_refusals_once UNIQUE (origin, doubt, seen_size, note_digest)
);

COMMENT ON TABLE  witness_refusals           IS 'Append-only. Checkpoints that do not follow from what was seen before: another history was signed, or an old backup brought back.';
COMMENT ON COLUMN witness_refusals.seen_size IS 'Size of the checkpoint kept last; 0 before the first.';
COMMENT ON COLUMN witness_refusals.note      IS 'What the log showed; empty if it showed nothing any more.';

CALL append_only('witnessed_checkpoints');
CALL append_only('witness_refusals');
CALL audited('witnessed_checkpoints');
CALL audited('witness_refusals');
