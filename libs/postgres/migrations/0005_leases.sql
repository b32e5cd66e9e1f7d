-- One owner at a time for a piece of background work. The fence rises with every change of owner and is checked in the
-- transaction of the work, so that an owner who was only slow cannot write after its successor.
CREATE TABLE leases (
    name       text        PRIMARY KEY,
    owner      uuid        NOT NULL,
    fence      bigint      NOT NULL CONSTRAINT leases_fence_check CHECK (fence > 0),
    expires_at timestamptz NOT NULL
);

COMMENT ON TABLE  leases            IS 'Row leases of background loops, by the clock of the database.';
COMMENT ON COLUMN leases.name       IS 'What is leased, such as sealer.';
COMMENT ON COLUMN leases.owner      IS 'One id per running loop.';
COMMENT ON COLUMN leases.fence      IS 'Raised by one whenever the owner changes.';
COMMENT ON COLUMN leases.expires_at IS 'From then on anybody may take it.';

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE ON leases FROM %I', service_role());
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON leases TO %I', worker_role());
END
$$;
