-- Who works when, week by week, what stands against it, and what is made of it ahead of time.

CREATE TABLE resources (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT resources_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    organisation_id uuid        NOT NULL,
    kind            text        NOT NULL CONSTRAINT resources_kind_check CHECK (kind IN ('ROOM', 'EQUIPMENT')),
    name            text        NOT NULL CONSTRAINT resources_name_check CHECK (length(name) BETWEEN 1 AND 60),
    registered_by   text        NOT NULL,
    registered_at   timestamptz NOT NULL,
    CONSTRAINT resources_name_key UNIQUE (organisation_id, kind, name)
);

COMMENT ON TABLE resources IS 'Rooms and equipment of a provider: each in one session at a time.';

CREATE TABLE session_templates (
    id                  uuid             PRIMARY KEY,
    region              text             NOT NULL CONSTRAINT session_templates_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    organisation_id     uuid             NOT NULL,
    tier                text             NOT NULL CONSTRAINT session_templates_tier_check CHECK (tier IN ('COMMUNITY', 'DISTRICT', 'TERTIARY')),
    latitude            double precision NOT NULL CONSTRAINT session_templates_latitude_check CHECK (latitude BETWEEN -90 AND 90),
    longitude           double precision NOT NULL CONSTRAINT session_templates_longitude_check CHECK (longitude BETWEEN -180 AND 180),
    department_id       uuid,
    practitioner_id     uuid,
    resource_ids        uuid[]           NOT NULL,
    weekday             smallint         NOT NULL CONSTRAINT session_templates_weekday_check CHECK (weekday BETWEEN 1 AND 7),
    starts_at           time             NOT NULL,
    ends_at             time             NOT NULL,
    kinds               text[]           NOT NULL CONSTRAINT session_templates_kinds_check CHECK (cardinality(kinds) > 0),
    slot_length_minutes integer          NOT NULL CONSTRAINT session_templates_slot_length_check CHECK (slot_length_minutes BETWEEN 5 AND 480),
    pools               text[]           NOT NULL,
    places              integer[]        NOT NULL,
    capabilities        text[]           NOT NULL,
    valid_from          date             NOT NULL,
    valid_until         date,
    created_by          text             NOT NULL,
    created_at          timestamptz      NOT NULL,
    CONSTRAINT session_templates_time_check CHECK (starts_at < ends_at),
    CONSTRAINT session_templates_pools_check CHECK (cardinality(pools) > 0 AND cardinality(pools) = cardinality(places)),
    CONSTRAINT session_templates_valid_check CHECK (valid_until >= valid_from)
);
CREATE INDEX session_templates_by_organisation ON session_templates (organisation_id);

COMMENT ON TABLE  session_templates             IS 'A session of every week. Tier, place and capabilities are identity''s when it was made.';
COMMENT ON COLUMN session_templates.weekday     IS '1 is Monday, as ISO 8601 counts.';
COMMENT ON COLUMN session_templates.starts_at   IS 'Time of the day in the region.';
COMMENT ON COLUMN session_templates.valid_until IS 'The last day; null for none.';

CREATE TABLE calendar_exceptions (
    id          uuid        PRIMARY KEY,
    region      text        NOT NULL CONSTRAINT calendar_exceptions_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    scope       text        NOT NULL CONSTRAINT calendar_exceptions_scope_check CHECK (scope IN ('TEMPLATE', 'PRACTITIONER', 'ORGANISATION', 'REGION')),
    subject_id  uuid,
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    reason      text        NOT NULL CONSTRAINT calendar_exceptions_reason_check CHECK (length(reason) BETWEEN 1 AND 200),
    declared_by text        NOT NULL,
    declared_at timestamptz NOT NULL,
    CONSTRAINT calendar_exceptions_subject_check CHECK ((scope = 'REGION') = (subject_id IS NULL)),
    CONSTRAINT calendar_exceptions_time_check CHECK (since < until)
);
CREATE INDEX calendar_exceptions_by_time ON calendar_exceptions (region, until);

COMMENT ON TABLE  calendar_exceptions            IS 'Leave and holidays: no slot stands that overlaps one. What stood before is withdrawn by the calendar''s loop.';
COMMENT ON COLUMN calendar_exceptions.subject_id IS 'The template, practitioner or organisation; null for the whole region.';

-- A session that came of a template comes of it once a day, also where it was withdrawn.
ALTER TABLE sessions
    ADD COLUMN template_id  uuid CONSTRAINT sessions_template_id_fkey REFERENCES session_templates,
    ADD COLUMN day          date,
    ADD COLUMN surge_id     uuid,
    ADD COLUMN withdrawn_at timestamptz;
ALTER TABLE sessions ADD CONSTRAINT sessions_template_day_check CHECK ((template_id IS NULL) = (day IS NULL));
CREATE UNIQUE INDEX sessions_once_a_day ON sessions (template_id, day) WHERE template_id IS NOT NULL;
CREATE INDEX sessions_by_surge ON sessions (surge_id) WHERE surge_id IS NOT NULL;

-- A session that was withdrawn keeps nobody from anything.
ALTER TABLE sessions DROP CONSTRAINT sessions_doctor_conflict;
ALTER TABLE sessions ADD CONSTRAINT sessions_doctor_conflict EXCLUDE USING gist (
    id_range(practitioner_id, practitioner_id, '[]') WITH =,
    tstzrange(starts_at, ends_at) WITH &&
) WHERE (practitioner_id IS NOT NULL AND withdrawn_at IS NULL);

CREATE TABLE session_resources (
    session_id   uuid        NOT NULL CONSTRAINT session_resources_session_id_fkey REFERENCES sessions,
    resource_id  uuid        NOT NULL CONSTRAINT session_resources_resource_id_fkey REFERENCES resources,
    region       text        NOT NULL CONSTRAINT session_resources_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    withdrawn_at timestamptz,
    PRIMARY KEY (session_id, resource_id),
    CONSTRAINT session_resources_conflict EXCLUDE USING gist (
        id_range(resource_id, resource_id, '[]') WITH =,
        tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (withdrawn_at IS NULL)
);

COMMENT ON TABLE session_resources IS 'The room and the equipment of a session.';

-- A slot that was withdrawn stays, with whoever was there; another may begin at the same time.
ALTER TABLE slots ADD COLUMN withdrawn_at timestamptz;
ALTER TABLE slots DROP CONSTRAINT slots_session_id_starts_at_key;
CREATE UNIQUE INDEX slots_session_id_starts_at_key ON slots (session_id, starts_at) WHERE withdrawn_at IS NULL;
CREATE INDEX slots_by_session ON slots (session_id, starts_at);
CREATE INDEX slots_by_start ON slots (starts_at);

-- An appointment whose place the provider could not keep has another one, kept until the patient says yes, at the latest until then.
ALTER TABLE appointments ADD COLUMN displaced_until timestamptz;
ALTER TABLE appointments ADD CONSTRAINT appointments_displaced_check CHECK ((state = 'DISPLACED') = (displaced_until IS NOT NULL));
CREATE INDEX appointments_by_displacement ON appointments (displaced_until) WHERE state = 'DISPLACED';

CREATE OR REPLACE TRIGGER appointments_give_back_removed AFTER DELETE ON appointments
    FOR EACH ROW WHEN (OLD.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED')) EXECUTE FUNCTION give_back_removed();

COMMENT ON COLUMN appointments.displaced_until IS 'Until when the other place is kept for the patient to confirm; set while DISPLACED.';
COMMENT ON COLUMN slot_pools.taken IS 'Appointments HELD, CONFIRMED, KEPT, NO_SHOW or DISPLACED in it. Moved by guarded updates only.';

-- Whom a provider let down goes before those who only wait.
ALTER TABLE wait_list_entries ADD COLUMN priority integer NOT NULL DEFAULT 0 CONSTRAINT wait_list_entries_priority_check CHECK (priority BETWEEN 0 AND 1);
COMMENT ON COLUMN wait_list_entries.priority IS '1 where the provider took a place back that was confirmed: they go first. Then by number.';

CALL protect_by_region('resources');
CALL protect_by_region('session_templates');
CALL protect_by_region('calendar_exceptions');
CALL protect_by_region('session_resources');
CALL append_only('resources');
CALL append_only('session_templates');
CALL append_only('calendar_exceptions');
CALL audited('resources');
CALL audited('session_templates');
CALL audited('calendar_exceptions');
CALL audited('session_resources');
-- They have more columns now.
CALL audited('sessions');
CALL audited('slots');
CALL audited('appointments');
CALL audited('wait_list_entries');

-- The calendar's loops look in which regions there is something to do, then do it in each.
DO $$
BEGIN
    EXECUTE format('GRANT SELECT (region) ON session_templates, calendar_exceptions TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON session_templates FOR SELECT TO %I USING (true)', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON calendar_exceptions FOR SELECT TO %I USING (true)', worker_role());
    EXECUTE format('GRANT SELECT (displaced_until) ON appointments TO %I', worker_role());
END
$$;
