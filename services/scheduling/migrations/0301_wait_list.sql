-- Who waits for a place. A place that frees up is held for whoever waited longest, before anybody else can see it.

CREATE TABLE wait_list_entries (
    id              uuid        PRIMARY KEY,
    number          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    region          text        NOT NULL CONSTRAINT wait_list_entries_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id     uuid        NOT NULL,
    organisation_id uuid        NOT NULL,
    department_id   uuid,
    kind            text        NOT NULL CONSTRAINT wait_list_entries_kind_check CHECK (kind IN (
        'OUTPATIENT', 'INPATIENT', 'EMERGENCY', 'CHRONIC', 'PHARMACY', 'TELECONSULT', 'EXAM', 'CHECKUP', 'VACCINATION')),
    since           timestamptz NOT NULL,
    until           timestamptz NOT NULL,
    joined_by       text        NOT NULL,
    delegation_id   uuid,
    joined_at       timestamptz NOT NULL,
    state           text        NOT NULL CONSTRAINT wait_list_entries_state_check CHECK (state IN ('WAITING', 'OFFERED', 'LEFT')),
    appointment_id  uuid,
    CONSTRAINT wait_list_entries_time_check CHECK (since < until),
    CONSTRAINT wait_list_entries_offered_check CHECK ((state = 'OFFERED') = (appointment_id IS NOT NULL))
);
CREATE UNIQUE INDEX wait_list_entries_once ON wait_list_entries (resident_id, organisation_id, department_id, kind) NULLS NOT DISTINCT
    WHERE state = 'WAITING';
CREATE INDEX wait_list_entries_line ON wait_list_entries (organisation_id, number) WHERE state = 'WAITING';
CREATE INDEX wait_list_entries_by_resident ON wait_list_entries (resident_id, number DESC);
CREATE INDEX wait_list_entries_dated ON wait_list_entries (region, until);

COMMENT ON TABLE  wait_list_entries                IS 'Somebody in the line for a department and kind of care (候补).';
COMMENT ON COLUMN wait_list_entries.number         IS 'Order of joining: the line.';
COMMENT ON COLUMN wait_list_entries.since          IS 'Places that start at or after this, and before until.';
COMMENT ON COLUMN wait_list_entries.joined_by      IS 'The party that held the credential; offers are made in its name.';
COMMENT ON COLUMN wait_list_entries.appointment_id IS 'The offer: an appointment, held until it is accepted, declined or runs out.';

CALL protect_by_region('wait_list_entries');
CALL audited('wait_list_entries');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON wait_list_entries FROM %I', service_role());
END
$$;
