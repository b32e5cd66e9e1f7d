-- Who has which place.

CREATE TABLE patients (
    region      text NOT NULL CONSTRAINT patients_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id uuid NOT NULL,
    PRIMARY KEY (region, resident_id)
);

COMMENT ON TABLE patients IS 'One row per resident who ever booked. It is locked while that resident''s limits are counted.';

CREATE TABLE appointments (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT appointments_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id     uuid        NOT NULL,
    slot_id         uuid        NOT NULL,
    pool            text        NOT NULL,
    session_id      uuid        NOT NULL CONSTRAINT appointments_session_id_fkey REFERENCES sessions,
    organisation_id uuid        NOT NULL,
    department_id   uuid,
    practitioner_id uuid,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    kind            text        NOT NULL CONSTRAINT appointments_kind_check CHECK (kind IN (
        'OUTPATIENT', 'INPATIENT', 'EMERGENCY', 'CHRONIC', 'PHARMACY', 'TELECONSULT', 'EXAM', 'CHECKUP', 'VACCINATION')),
    channel         text        NOT NULL CONSTRAINT appointments_channel_check CHECK (
        channel IN ('APP', 'DESK', 'PHONE', 'BANK', 'REFERRAL')),
    booked_by       text        NOT NULL,
    delegation_id   uuid,
    referral_id     uuid,
    journey_id      uuid        NOT NULL,
    expected_lines  jsonb       NOT NULL CONSTRAINT appointments_expected_lines_check CHECK (jsonb_typeof(expected_lines) = 'array'),
    quote_id        uuid,
    revision        integer     NOT NULL DEFAULT 1 CONSTRAINT appointments_revision_check CHECK (revision > 0),
    state           text        NOT NULL CONSTRAINT appointments_state_check CHECK (
        state IN ('HELD', 'CONFIRMED', 'KEPT', 'EXPIRED', 'CANCELLED', 'NO_SHOW', 'DISPLACED')),
    held_at         timestamptz NOT NULL,
    hold_expires_at timestamptz NOT NULL,
    confirmed_at    timestamptz,
    cancelled_at    timestamptz,
    cancelled_by    text        CONSTRAINT appointments_cancelled_by_check CHECK (cancelled_by IN ('PATIENT', 'PROVIDER', 'OPERATOR')),
    cancel_reason   text        CONSTRAINT appointments_cancel_reason_check CHECK (length(cancel_reason) <= 200),
    visit_id        uuid,
    CONSTRAINT appointments_slot_id_pool_fkey FOREIGN KEY (slot_id, pool) REFERENCES slot_pools,
    CONSTRAINT appointments_time_check CHECK (starts_at < ends_at),
    CONSTRAINT appointments_referral_check CHECK (pool <> 'REFERRAL' OR referral_id IS NOT NULL),
    CONSTRAINT appointments_confirmed_check CHECK (state NOT IN ('CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED') OR confirmed_at IS NOT NULL),
    CONSTRAINT appointments_confirmed_in_time CHECK (confirmed_at < hold_expires_at),
    CONSTRAINT appointments_cancelled_check CHECK ((state = 'CANCELLED') = (cancelled_at IS NOT NULL AND cancelled_by IS NOT NULL AND cancel_reason IS NOT NULL)),
    CONSTRAINT appointments_kept_check CHECK ((state = 'KEPT') = (visit_id IS NOT NULL)),
    -- Nobody is in two places at once, in all regions together.
    CONSTRAINT appointments_patient_conflict EXCLUDE USING gist (
        id_range(resident_id, resident_id, '[]') WITH =,
        tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (state IN ('HELD', 'CONFIRMED'))
);
CREATE INDEX appointments_by_resident ON appointments (resident_id, starts_at DESC, id DESC);
CREATE INDEX appointments_by_organisation ON appointments (organisation_id, starts_at DESC, id DESC);
CREATE INDEX appointments_by_slot ON appointments (slot_id, pool);
CREATE INDEX appointments_by_hold ON appointments (hold_expires_at) WHERE state = 'HELD';

COMMENT ON TABLE  appointments                 IS 'A resident''s place in a slot. The slot''s provider and time are kept with it, for lists and for the overlap guard.';
COMMENT ON COLUMN appointments.booked_by       IS 'The party that held the credential.';
COMMENT ON COLUMN appointments.delegation_id   IS 'The delegation it was booked under.';
COMMENT ON COLUMN appointments.expected_lines  IS 'What is expected to be billed: [{item_code, quantity, unit_price}].';
COMMENT ON COLUMN appointments.revision        IS 'Raised by each change of place.';
COMMENT ON COLUMN appointments.hold_expires_at IS 'When the hold ran out, or would have.';

-- Only ids that a caller chose stand here: nobody else can cancel an id before its hold.
CREATE TABLE chosen_appointment_ids (
    id           uuid        PRIMARY KEY,
    region       text        NOT NULL CONSTRAINT chosen_appointment_ids_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id  uuid        NOT NULL,
    is_cancelled boolean     NOT NULL,
    claimed_at   timestamptz NOT NULL
);

COMMENT ON TABLE  chosen_appointment_ids              IS 'Where a hold and a cancel of the same chosen id meet: whichever comes first wins.';
COMMENT ON COLUMN chosen_appointment_ids.is_cancelled IS 'The cancel came first; the hold will find itself cancelled.';

CALL protect_by_region('patients');
CALL protect_by_region('appointments');
CALL protect_by_region('chosen_appointment_ids');

-- The expiry loop looks for lapsed holds in all regions, then frees each in its own.
DO $$
BEGIN
    EXECUTE format('GRANT SELECT (id, region, state, hold_expires_at) ON appointments TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON appointments FOR SELECT TO %I USING (true)', worker_role());
END
$$;
