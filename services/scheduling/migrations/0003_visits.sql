-- Patients who came.

CREATE TABLE visits (
    id                     uuid        PRIMARY KEY,
    region                 text        NOT NULL CONSTRAINT visits_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id            uuid        NOT NULL,
    organisation_id        uuid        NOT NULL,
    tier                   text        NOT NULL CONSTRAINT visits_tier_check CHECK (tier IN ('COMMUNITY', 'DISTRICT', 'TERTIARY')),
    kind                   text        NOT NULL CONSTRAINT visits_kind_check CHECK (kind IN (
        'OUTPATIENT', 'INPATIENT', 'EMERGENCY', 'CHRONIC', 'PHARMACY', 'TELECONSULT', 'EXAM', 'CHECKUP', 'VACCINATION')),
    appointment_id         uuid        CONSTRAINT visits_appointment_id_fkey REFERENCES appointments,
    referral_id            uuid,
    journey_id             uuid        NOT NULL,
    present                text        NOT NULL CONSTRAINT visits_present_check CHECK (present IN ('SELF', 'DELEGATE')),
    delegate               text,
    delegation_id          uuid,
    identity_proof         text        NOT NULL CONSTRAINT visits_identity_proof_check CHECK (
        identity_proof IN ('ID_CARD', 'ELECTRONIC_CREDENTIAL', 'NONE')),
    checked_in_by          text        NOT NULL,
    opened_at              timestamptz NOT NULL,
    state                  text        NOT NULL CONSTRAINT visits_state_check CHECK (state IN ('OPEN', 'ENDED', 'LEFT_UNSEEN')),
    ended_at               timestamptz,
    outcome                text        CONSTRAINT visits_outcome_check CHECK (
        outcome IN ('COMPLETED', 'DISCHARGED', 'TRANSFERRED', 'MEDICINE_COLLECTED', 'LEFT_UNSEEN')),
    CONSTRAINT visits_appointment_id_key UNIQUE (appointment_id),
    CONSTRAINT visits_ended_check CHECK ((state = 'OPEN') = (ended_at IS NULL) AND (ended_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT visits_left_unseen_check CHECK ((state = 'LEFT_UNSEEN') = (outcome IS NOT NULL AND outcome = 'LEFT_UNSEEN')),
    CONSTRAINT visits_time_check CHECK (opened_at <= ended_at),
    CONSTRAINT visits_delegate_check CHECK ((present = 'DELEGATE') = (delegate IS NOT NULL AND delegation_id IS NOT NULL))
);
CREATE INDEX visits_by_resident ON visits (resident_id, opened_at DESC);

COMMENT ON TABLE  visits                IS 'A patient''s presence at a provider: appointment kept, walk-in or inpatient stay. Every claim cites one.';
COMMENT ON COLUMN visits.delegate       IS 'The party that came in the patient''s stead, under delegation_id.';
COMMENT ON COLUMN visits.identity_proof IS 'How the desk proved that it is the patient; the credential read was the patient''s, or none was read.';

CALL protect_by_region('visits');
