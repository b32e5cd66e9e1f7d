-- Tokens taken back before their time. Numbered in the order of their commits, so that a follower asks for what came after the last
-- one it knows and misses none. Of no region: verifiers of every region must know all of them.
CREATE TABLE revocations (
    id         uuid        PRIMARY KEY,
    revision   bigint      NOT NULL CONSTRAINT revocations_revision_check CHECK (revision > 0),
    kind       text        NOT NULL CONSTRAINT revocations_kind_check CHECK (kind IN ('TOKEN', 'PARTY', 'CLIENT')),
    target     text        NOT NULL CONSTRAINT revocations_target_check CHECK (length(target) BETWEEN 1 AND 100),
    lasting    boolean     NOT NULL,
    reason     text        NOT NULL CONSTRAINT revocations_reason_check CHECK (length(reason) <= 200),
    revoked_by text        NOT NULL,
    revoked_at timestamptz NOT NULL,
    lifted_by  text,
    lifted_at  timestamptz,
    CONSTRAINT revocations_revision_key UNIQUE (revision),
    CONSTRAINT revocations_token_passes CHECK (kind <> 'TOKEN' OR NOT lasting),
    CONSTRAINT revocations_only_lasting_is_lifted CHECK (lasting OR lifted_at IS NULL),
    CONSTRAINT revocations_lifted_whole CHECK (num_nulls(lifted_by, lifted_at) IN (0, 2))
);
CREATE INDEX revocations_standing ON revocations (kind, target) WHERE lasting AND lifted_at IS NULL;

COMMENT ON TABLE  revocations            IS 'One row per RevokeToken; changes once at most, when a lasting one is lifted.';
COMMENT ON COLUMN revocations.target     IS 'The jti of a token, a party as tokens name it, or a client id.';
COMMENT ON COLUMN revocations.lasting    IS 'No new tokens either, until it is lifted.';
COMMENT ON COLUMN revocations.revoked_at IS 'Tokens issued until then are taken back.';

CALL audited('revocations');

-- The last number given. Its lock is what puts revocations in the order of their commits; a city revokes some a second.
CREATE TABLE revocation_head (
    is_only  boolean PRIMARY KEY DEFAULT true CONSTRAINT revocation_head_is_only_check CHECK (is_only),
    revision bigint  NOT NULL CONSTRAINT revocation_head_revision_check CHECK (revision >= 0)
);
INSERT INTO revocation_head (revision) VALUES (0);

COMMENT ON TABLE revocation_head IS 'One row: the revision of the latest revocation.';

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON revocations FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (lifted_by, lifted_at) ON revocations TO %I', service_role());
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON revocation_head FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (revision) ON revocation_head TO %I', service_role());
END
$$;
