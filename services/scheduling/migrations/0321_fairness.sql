-- Who did not come again and again, and what looks like scalping.

CREATE TABLE suspensions (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT suspensions_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id     uuid        NOT NULL,
    since           timestamptz NOT NULL,
    until           timestamptz NOT NULL,
    appointment_ids uuid[]      NOT NULL CONSTRAINT suspensions_appointment_ids_check CHECK (cardinality(appointment_ids) > 0),
    state           text        NOT NULL CONSTRAINT suspensions_state_check CHECK (state IN ('STANDING', 'APPEALED', 'UPHELD', 'LIFTED')),
    ground          text        CONSTRAINT suspensions_ground_check CHECK (ground IN ('CAME', 'PREVENTED', 'PROVIDER', 'NOT_BOOKED')),
    appealed_at     timestamptz,
    decided_at      timestamptz,
    decided_by      text,
    decision_reason text        CONSTRAINT suspensions_decision_reason_check CHECK (length(decision_reason) BETWEEN 1 AND 200),
    CONSTRAINT suspensions_time_check CHECK (since < until),
    CONSTRAINT suspensions_appealed_check CHECK ((ground IS NULL) = (appealed_at IS NULL) AND (state NOT IN ('APPEALED', 'UPHELD') OR ground IS NOT NULL)),
    CONSTRAINT suspensions_decided_check CHECK (
        (state IN ('UPHELD', 'LIFTED')) = (decided_at IS NOT NULL AND decided_by IS NOT NULL AND decision_reason IS NOT NULL))
);
CREATE INDEX suspensions_by_resident ON suspensions (resident_id, since DESC, id DESC);
CREATE INDEX suspensions_appealed ON suspensions (region, since DESC, id DESC) WHERE state = 'APPEALED';
CREATE INDEX suspensions_dated ON suspensions (region, until);

COMMENT ON TABLE  suspensions                 IS 'Online booking of a resident who did not come again and again, suspended for a while.';
COMMENT ON COLUMN suspensions.appointment_ids IS 'What was missed. Counted for one suspension only.';
COMMENT ON COLUMN suspensions.ground          IS 'Why the resident objects, in a word to choose from.';
COMMENT ON COLUMN suspensions.decided_by      IS 'The officer, as a party.';

CREATE TABLE suspicions (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT suspicions_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    kind            text        NOT NULL CONSTRAINT suspicions_kind_check CHECK (kind IN ('BOOKER', 'DEVICE')),
    who             text        NOT NULL,
    resident_id     uuid,
    day             date        NOT NULL,
    persons         integer     NOT NULL,
    given_up        integer     NOT NULL,
    appointment_ids uuid[]      NOT NULL,
    noticed_at      timestamptz NOT NULL,
    CONSTRAINT suspicions_once UNIQUE (region, kind, who, day),
    CONSTRAINT suspicions_count_check CHECK (persons > 0 AND given_up >= persons)
);
CREATE INDEX suspicions_by_day ON suspicions (region, day DESC, id DESC);
CREATE INDEX suspicions_dated ON suspicions (region, noticed_at);
CREATE INDEX suspicions_by_resident ON suspicions (resident_id) WHERE resident_id IS NOT NULL;

COMMENT ON TABLE  suspicions             IS 'One party, or one device, that took places for many persons on one local day and let them go: for the operator to look at.';
COMMENT ON COLUMN suspicions.who         IS 'The party, or the keyed hash of the device.';
COMMENT ON COLUMN suspicions.resident_id IS 'The party, where that is a resident.';

CALL protect_by_region('suspensions');
CALL protect_by_region('suspicions');
CALL audited('suspensions');
CALL audited('suspicions');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON suspensions, suspicions FROM %I', service_role());
    -- What nobody has said a word about for long is looked for in all regions.
    EXECUTE format('GRANT SELECT (ends_at) ON appointments TO %I', worker_role());
END
$$;

-- Confirmed appointments by their end: what is over and was neither kept nor called missed.
CREATE INDEX appointments_unanswered ON appointments (ends_at) WHERE state = 'CONFIRMED';
