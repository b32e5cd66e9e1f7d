-- One row per attempt to accept a referral: what was chosen beforehand, how far it is, who drives it.
CREATE TABLE sagas (
    id             uuid          PRIMARY KEY,
    region         text          NOT NULL CONSTRAINT sagas_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    referral_id    uuid          NOT NULL CONSTRAINT sagas_referral_fkey REFERENCES referrals (id),
    accepted_by    text          NOT NULL,
    slot_id        uuid          NOT NULL,
    care_kind      text          NOT NULL,
    expected_lines jsonb         NOT NULL CONSTRAINT sagas_expected_lines_check CHECK (jsonb_typeof(expected_lines) = 'array'),
    appointment_id uuid          NOT NULL CONSTRAINT sagas_appointment_key UNIQUE,
    quote_id       uuid          NOT NULL CONSTRAINT sagas_quote_key UNIQUE,
    bill_id        uuid          NOT NULL CONSTRAINT sagas_bill_key UNIQUE,
    started_at     timestamptz   NOT NULL,
    deadline       timestamptz   NOT NULL,
    hold_until     timestamptz   NOT NULL,
    traceparent    text          CONSTRAINT sagas_traceparent_check CHECK (length(traceparent) <= 100),
    state          text          NOT NULL
        CONSTRAINT sagas_state_check CHECK (state IN ('RUNNING', 'COMPENSATING', 'COMPLETED', 'COMPENSATED', 'NEEDS_HUMAN')),
    step           text          CONSTRAINT sagas_step_check CHECK (step IN
        ('CONSENT', 'PLACE', 'PRICE', 'CREDIT', 'CONFIRM', 'INSPECT', 'UNDO_CREDIT', 'UNDO_PLACE')),
    place_from     timestamptz,
    place_until    timestamptz,
    priced         boolean       NOT NULL DEFAULT false,
    own_share      numeric(16,2) CONSTRAINT sagas_own_share_check CHECK (own_share >= 0),
    authorised     boolean       NOT NULL DEFAULT false,
    refusal        text          CONSTRAINT sagas_refusal_check CHECK (refusal ~ '^[A-Z_]+$'),
    tries          integer       NOT NULL DEFAULT 0 CONSTRAINT sagas_tries_check CHECK (tries >= 0),
    due_at         timestamptz   NOT NULL DEFAULT now(),
    lease_owner    uuid,
    lease_until    timestamptz,
    fence          bigint        NOT NULL DEFAULT 0 CONSTRAINT sagas_fence_check CHECK (fence >= 0),
    ended_at       timestamptz,
    CONSTRAINT sagas_hold_outlives_saga CHECK (hold_until > deadline AND deadline > started_at),
    CONSTRAINT sagas_place_whole CHECK ((place_from IS NULL) = (place_until IS NULL)),
    -- I6: a saga ends in exactly one state.
    CONSTRAINT sagas_ended CHECK ((state IN ('COMPLETED', 'COMPENSATED', 'NEEDS_HUMAN')) = (ended_at IS NOT NULL)),
    CONSTRAINT sagas_step_until_end CHECK ((state IN ('RUNNING', 'COMPENSATING')) = (step IS NOT NULL)),
    CONSTRAINT sagas_refused CHECK ((state IN ('COMPENSATING', 'COMPENSATED', 'NEEDS_HUMAN')) = (refusal IS NOT NULL)),
    CONSTRAINT sagas_completed_with_place CHECK (state <> 'COMPLETED' OR place_from IS NOT NULL),
    CONSTRAINT sagas_lease_whole CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
);
CREATE INDEX sagas_due ON sagas (due_at) WHERE state IN ('RUNNING', 'COMPENSATING');
-- One attempt at a time.
CREATE UNIQUE INDEX sagas_running_key ON sagas (referral_id) WHERE state IN ('RUNNING', 'COMPENSATING');

COMMENT ON TABLE  sagas             IS 'Acceptance sagas. The step is committed before its call is made, the result before the next: after a crash the row says what may have happened.';
COMMENT ON COLUMN sagas.accepted_by IS 'Who accepted: a party as tokens name it.';
COMMENT ON COLUMN sagas.deadline    IS 'What is not confirmed by then is undone. Once a confirmation may have been sent it no longer counts.';
COMMENT ON COLUMN sagas.hold_until  IS 'Until when the place is asked for: after the deadline, so that a confirmation meets a live hold.';
COMMENT ON COLUMN sagas.traceparent IS 'W3C trace context of the acceptance, continued by the calls.';
COMMENT ON COLUMN sagas.step        IS 'The call that may have been made and whose result is not known yet.';
COMMENT ON COLUMN sagas.place_from  IS 'Result of PLACE: when the held place begins and ends (place_until).';
COMMENT ON COLUMN sagas.own_share   IS 'Result of PRICE: the own share of the quote; null if there is no price.';
COMMENT ON COLUMN sagas.authorised  IS 'Result of CREDIT.';
COMMENT ON COLUMN sagas.refusal     IS 'Why it is being, or was, undone; what an operator should look at with NEEDS_HUMAN.';
COMMENT ON COLUMN sagas.due_at      IS 'Not before: calls whose outcome is unknown are repeated with growing pauses.';
COMMENT ON COLUMN sagas.fence       IS 'Raised by each owner; a write under an older fence is refused.';

CALL protect_by_region('sagas');
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE ON sagas FROM %I', service_role());
    -- The loop takes rows of all regions; what becomes of one is read and written in its region, as the service.
    EXECUTE format(
        'GRANT SELECT (id, region, referral_id, state, due_at, lease_until, fence), UPDATE (lease_owner, lease_until, fence)
         ON sagas TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON sagas TO %I USING (true)', worker_role());
END
$$;
