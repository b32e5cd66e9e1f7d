-- A patient on the way from one provider to another, and where that stands.
CREATE TABLE referrals (
    id                   uuid          PRIMARY KEY,
    region               text          NOT NULL CONSTRAINT referrals_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id          uuid          NOT NULL,
    direction            text          NOT NULL CONSTRAINT referrals_direction_check CHECK (direction IN ('UP', 'DOWN', 'LATERAL')),
    kind                 text          NOT NULL
        CONSTRAINT referrals_kind_check CHECK (kind IN ('VISIT', 'TELECONSULT', 'MDT', 'GREEN_CHANNEL')),
    from_organisation_id uuid          NOT NULL,
    to_organisation_id   uuid          NOT NULL,
    diagnoses            jsonb         NOT NULL CONSTRAINT referrals_diagnoses_check CHECK (jsonb_typeof(diagnoses) = 'array'),
    urgency              text          NOT NULL
        CONSTRAINT referrals_urgency_check CHECK (urgency IN ('ROUTINE', 'URGENT', 'EMERGENCY')),
    clinical_summary     text          NOT NULL CONSTRAINT referrals_clinical_summary_check CHECK (length(clinical_summary) <= 4000),
    payment              text          NOT NULL CONSTRAINT referrals_payment_check CHECK (payment IN ('DESK', 'CREDIT')),
    credit_line_id       uuid,
    own_share_max        numeric(16,2) CONSTRAINT referrals_own_share_max_check CHECK (own_share_max >= 0),
    delegation_id        uuid,
    submitted_by         text          NOT NULL,
    submitted_at         timestamptz   NOT NULL,
    valid_until          timestamptz   NOT NULL,
    previous_referral_id uuid          CONSTRAINT referrals_previous_fkey REFERENCES referrals (id),
    journey_id           uuid          NOT NULL,
    state                text          NOT NULL CONSTRAINT referrals_state_check CHECK (state IN (
        'SUBMITTED', 'INFORMATION_REQUESTED', 'ACCEPTING', 'BOOKED', 'ATTENDED', 'CLOSED',
        'RETURNED', 'WITHDRAWN', 'NOT_ATTENDED', 'LAPSED', 'NEEDS_HUMAN')),
    version              bigint        NOT NULL CONSTRAINT referrals_version_check CHECK (version > 0),
    owner_id             uuid,
    deadline             timestamptz,
    last_refusal         text          CONSTRAINT referrals_last_refusal_check CHECK (last_refusal ~ '^[A-Z_]+$'),
    saga_id              uuid,
    appointment_id       uuid,
    bill_id              uuid,
    quote_id             uuid,
    visit_id             uuid,
    return_reason        text          CONSTRAINT referrals_return_reason_check CHECK (return_reason IN (
        'BEYOND_CAPABILITY', 'NOT_INDICATED', 'NO_CAPACITY', 'INCOMPLETE', 'OTHER')),
    return_advice        text          CONSTRAINT referrals_return_advice_check CHECK (length(return_advice) <= 1000),
    suggested_id         uuid,
    changed_at           timestamptz   NOT NULL,
    CONSTRAINT referrals_two_providers CHECK (from_organisation_id <> to_organisation_id),
    CONSTRAINT referrals_mandate_whole CHECK (
        (payment = 'CREDIT') = (credit_line_id IS NOT NULL) AND (payment = 'CREDIT') = (own_share_max IS NOT NULL)),
    -- I6: every referral that has not ended has one owner and a deadline.
    CONSTRAINT referrals_owned_until_end CHECK (
        (state IN ('SUBMITTED', 'INFORMATION_REQUESTED', 'ACCEPTING', 'BOOKED', 'ATTENDED', 'NEEDS_HUMAN'))
            = (owner_id IS NOT NULL AND deadline IS NOT NULL)
        AND (owner_id IS NULL) = (deadline IS NULL)),
    CONSTRAINT referrals_saga_while_accepting CHECK ((state IN ('ACCEPTING', 'NEEDS_HUMAN')) = (saga_id IS NOT NULL)),
    CONSTRAINT referrals_booked_with_place CHECK (state NOT IN ('BOOKED', 'ATTENDED', 'CLOSED', 'NOT_ATTENDED') OR appointment_id IS NOT NULL),
    CONSTRAINT referrals_attended_with_visit CHECK ((state IN ('ATTENDED', 'CLOSED')) = (visit_id IS NOT NULL)),
    CONSTRAINT referrals_returned_whole CHECK ((state = 'RETURNED') = (return_reason IS NOT NULL AND return_advice IS NOT NULL))
);
CREATE INDEX referrals_work_list ON referrals (owner_id, submitted_at) WHERE state IN ('SUBMITTED', 'INFORMATION_REQUESTED', 'NEEDS_HUMAN');
CREATE INDEX referrals_resident ON referrals (resident_id, submitted_at DESC, id DESC);
CREATE INDEX referrals_from ON referrals (from_organisation_id, submitted_at DESC, id DESC);
CREATE INDEX referrals_to ON referrals (to_organisation_id, submitted_at DESC, id DESC);
CREATE INDEX referrals_journey ON referrals (journey_id);
CREATE INDEX referrals_deadline ON referrals (deadline) WHERE deadline IS NOT NULL;
CREATE UNIQUE INDEX referrals_appointment_key ON referrals (appointment_id) WHERE appointment_id IS NOT NULL;

COMMENT ON TABLE  referrals                  IS 'One row per referral; changed by verbs only, each raising version.';
COMMENT ON COLUMN referrals.diagnoses        IS '[{code, name}] ICD-10, principal first. Clinical: for the two providers and the resident.';
COMMENT ON COLUMN referrals.clinical_summary IS 'Clinical: for the two providers and the resident; never in events, logs, spans.';
COMMENT ON COLUMN referrals.payment          IS 'The mandate: how the own share is to be paid; credit_line_id and own_share_max with CREDIT only.';
COMMENT ON COLUMN referrals.delegation_id    IS 'The mandate: the delegation it rests on; null when the resident submitted.';
COMMENT ON COLUMN referrals.submitted_by     IS 'Who acted: a party as tokens name it. The delegate whose delegation the acceptance checks again.';
COMMENT ON COLUMN referrals.owner_id         IS 'The organisation whose turn it is; null at the ends.';
COMMENT ON COLUMN referrals.deadline         IS 'By when the owner must act; null at the ends.';
COMMENT ON COLUMN referrals.last_refusal     IS 'Stable reason why the last acceptance was undone.';
COMMENT ON COLUMN referrals.saga_id          IS 'The acceptance under way, or the one that is stuck.';
COMMENT ON COLUMN referrals.suggested_id     IS 'With RETURNED: another organisation worth asking.';

CALL protect_by_region('referrals');
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE ON referrals FROM %I', service_role());
END
$$;
