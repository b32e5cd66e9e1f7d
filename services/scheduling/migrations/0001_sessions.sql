-- What can be booked: sessions, the slots they are cut into, and the places of each slot by pool.

-- Lets an exclusion constraint compare ids without an extension: a range of one id has GiST support everywhere.
CREATE TYPE id_range AS RANGE (subtype = uuid);

CREATE TABLE sessions (
    id                  uuid             PRIMARY KEY,
    region              text             NOT NULL CONSTRAINT sessions_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    organisation_id     uuid             NOT NULL,
    tier                text             NOT NULL CONSTRAINT sessions_tier_check CHECK (tier IN ('COMMUNITY', 'DISTRICT', 'TERTIARY')),
    latitude            double precision NOT NULL CONSTRAINT sessions_latitude_check CHECK (latitude BETWEEN -90 AND 90),
    longitude           double precision NOT NULL CONSTRAINT sessions_longitude_check CHECK (longitude BETWEEN -180 AND 180),
    department_id       uuid,
    practitioner_id     uuid,
    kinds               text[]           NOT NULL CONSTRAINT sessions_kinds_check CHECK (
        cardinality(kinds) > 0 AND kinds <@ ARRAY[
            'OUTPATIENT', 'INPATIENT', 'EMERGENCY', 'CHRONIC', 'PHARMACY', 'TELECONSULT', 'EXAM', 'CHECKUP', 'VACCINATION']),
    starts_at           timestamptz      NOT NULL,
    ends_at             timestamptz      NOT NULL,
    slot_length_minutes integer          NOT NULL CONSTRAINT sessions_slot_length_check CHECK (slot_length_minutes BETWEEN 5 AND 480),
    capabilities        text[]           NOT NULL,
    published_by        text             NOT NULL,
    published_at        timestamptz      NOT NULL,
    CONSTRAINT sessions_time_check CHECK (starts_at < ends_at),
    -- A doctor is in one place at a time, in all regions together.
    CONSTRAINT sessions_doctor_conflict EXCLUDE USING gist (
        id_range(practitioner_id, practitioner_id, '[]') WITH =,
        tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (practitioner_id IS NOT NULL)
);
CREATE INDEX sessions_by_region ON sessions (region, ends_at);
CREATE INDEX sessions_by_organisation ON sessions (organisation_id, ends_at);

COMMENT ON TABLE  sessions              IS 'Working time of a doctor, room or ward at a place. Tier, place and capabilities are identity''s when it was published.';
COMMENT ON COLUMN sessions.capabilities IS 'ICD-10 prefixes it is fit for; empty for anything.';
COMMENT ON COLUMN sessions.published_by IS 'The party that published it.';

CREATE TABLE slots (
    id         uuid        PRIMARY KEY,
    region     text        NOT NULL CONSTRAINT slots_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    session_id uuid        NOT NULL CONSTRAINT slots_session_id_fkey REFERENCES sessions,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    CONSTRAINT slots_time_check CHECK (starts_at < ends_at),
    CONSTRAINT slots_session_id_starts_at_key UNIQUE (session_id, starts_at)
);

COMMENT ON TABLE slots IS 'A stretch of a session in which places are given.';

CREATE TABLE slot_pools (
    slot_id uuid    NOT NULL CONSTRAINT slot_pools_slot_id_fkey REFERENCES slots,
    pool    text    NOT NULL CONSTRAINT slot_pools_pool_check CHECK (
        pool IN ('PUBLIC', 'REFERRAL', 'FAMILY_DOCTOR', 'COMMUNITY_WORKER', 'PHONE_ELDERLY')),
    region  text    NOT NULL CONSTRAINT slot_pools_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    places  integer NOT NULL CONSTRAINT slot_pools_places_check CHECK (places BETWEEN 1 AND 500),
    taken   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (slot_id, pool),
    -- The last word on capacity, whatever the code above it does.
    CONSTRAINT slot_pools_taken_check CHECK (taken BETWEEN 0 AND places)
);

COMMENT ON TABLE  slot_pools       IS 'Places of a slot by pool, and how many of them are given.';
COMMENT ON COLUMN slot_pools.taken IS 'Appointments HELD, CONFIRMED, KEPT or NO_SHOW in it. Moved by guarded updates only.';

CALL protect_by_region('sessions');
CALL protect_by_region('slots');
CALL protect_by_region('slot_pools');
