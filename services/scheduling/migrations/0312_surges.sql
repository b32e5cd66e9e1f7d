-- Public-health surges: sessions in many clinics at once, which close again without leaving anybody behind.

CREATE TABLE surges (
    id        uuid        PRIMARY KEY,
    region    text        NOT NULL CONSTRAINT surges_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    name      text        NOT NULL CONSTRAINT surges_name_check CHECK (name ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    kind      text        NOT NULL,
    symptoms  text[]      NOT NULL,
    opened_by text        NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE UNIQUE INDEX surges_open ON surges (region, name) WHERE closed_at IS NULL;

COMMENT ON TABLE  surges           IS 'A public-health surge. Its sessions name it.';
COMMENT ON COLUMN surges.symptoms  IS 'ICD-10 prefixes that are sent to it.';
COMMENT ON COLUMN surges.closed_at IS 'When it was closed at the last of its clinics.';

ALTER TABLE sessions ADD CONSTRAINT sessions_surge_id_fkey FOREIGN KEY (surge_id) REFERENCES surges;
ALTER TABLE sessions
    ADD COLUMN closing_at      timestamptz,
    ADD COLUMN closing_reason  text,
    ADD COLUMN closing_honours boolean,
    ADD COLUMN closed_at       timestamptz;
ALTER TABLE sessions ADD CONSTRAINT sessions_closing_check CHECK (
    (closing_at IS NULL) = (closing_reason IS NULL) AND (closing_at IS NULL) = (closing_honours IS NULL) AND (closed_at IS NULL OR closing_at IS NOT NULL));
CREATE INDEX sessions_closing ON sessions (region, id) WHERE closing_at IS NOT NULL AND closed_at IS NULL;

COMMENT ON COLUMN sessions.closing_at      IS 'From then on nothing new is booked in it.';
COMMENT ON COLUMN sessions.closing_honours IS 'Whether who is booked is seen; otherwise they are found another place.';
COMMENT ON COLUMN sessions.closed_at       IS 'When its free places, or everybody in it, were gone.';

CALL protect_by_region('surges');
CALL audited('surges');
CALL audited('sessions');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON surges FROM %I', service_role());
    EXECUTE format('GRANT SELECT (region, closing_at, closed_at) ON sessions TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON sessions FOR SELECT TO %I USING (true)', worker_role());
END
$$;
