-- Inpatient stays, as scheduling tells of them: while one is open, outpatient care of the person is not settled.
CREATE TABLE stays (
    visit_id    uuid        PRIMARY KEY,
    region      text        NOT NULL CONSTRAINT stays_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id uuid        NOT NULL,
    opened_at   timestamptz NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX stays_open ON stays (resident_id) WHERE ended_at IS NULL;
CREATE INDEX stays_dated ON stays USING brin (opened_at);

COMMENT ON TABLE  stays          IS 'A copy; scheduling''s visits decide.';
COMMENT ON COLUMN stays.ended_at IS 'Null while it is open.';

CALL protect_by_region('stays');
CALL audited('stays');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON stays FROM %I', service_role());
END
$$;
