-- What becomes of a settlement after it was confirmed: taken back, or replaced by that of the claim's next version.
ALTER TABLE settlements
    DROP CONSTRAINT settlements_state_check,
    ADD CONSTRAINT settlements_state_check CHECK (state IN ('DIVIDED', 'CONFIRMED', 'REVERSED', 'CORRECTED', 'LAPSED')),
    DROP CONSTRAINT settlements_confirmed,
    ADD CONSTRAINT settlements_confirmed CHECK ((state IN ('CONFIRMED', 'REVERSED', 'CORRECTED')) = (confirmed_at IS NOT NULL)),
    ADD COLUMN ended_at         timestamptz,
    ADD COLUMN corrects         uuid CONSTRAINT settlements_corrects_fkey REFERENCES settlements (id),
    ADD COLUMN cause            text CONSTRAINT settlements_cause_check CHECK (cause IN ('CORRECTION', 'LATE_CLAIM', 'REVERSAL', 'ENTITLEMENT')),
    ADD COLUMN reason           text CONSTRAINT settlements_reason_check CHECK (
                                    reason IN ('ITEMS_RETURNED', 'CARE_NOT_GIVEN', 'BILLED_WRONG', 'WRONG_PERSON', 'FINDING_UPHELD')),
    ADD COLUMN adjustment_total numeric(16, 2),
    ADD COLUMN adjustment_fund  numeric(16, 2),
    ADD COLUMN remote_care      text CONSTRAINT settlements_remote_care_check CHECK (
                                    remote_care IN ('RESETTLED_RETIRED', 'LONG_TERM_RESIDENT', 'TEMPORARY_REFERRAL', 'EMERGENCY', 'UNFILED')),
    ADD CONSTRAINT settlements_ended CHECK ((state IN ('REVERSED', 'CORRECTED')) = (ended_at IS NOT NULL)),
    ADD CONSTRAINT settlements_correcting CHECK ((corrects IS NULL) = (cause IS NULL) AND corrects IS DISTINCT FROM id),
    ADD CONSTRAINT settlements_adjusted CHECK (
        (adjustment_total IS NULL) = (adjustment_fund IS NULL) AND (corrects IS NULL OR adjustment_total IS NOT NULL));

-- What is replaced is replaced once, and one settlement of a claim is in force.
CREATE UNIQUE INDEX settlements_corrects_key ON settlements (corrects) WHERE corrects IS NOT NULL;
CREATE UNIQUE INDEX settlements_in_force ON settlements (claim_id) WHERE state = 'CONFIRMED';

COMMENT ON COLUMN settlements.ended_at         IS 'When it was taken back or replaced.';
COMMENT ON COLUMN settlements.corrects         IS 'The settlement of the same claim that it took the place of.';
COMMENT ON COLUMN settlements.cause            IS 'Why it took that place.';
COMMENT ON COLUMN settlements.reason           IS 'Why somebody took it back, or corrected the claim.';
COMMENT ON COLUMN settlements.adjustment_total IS 'Of what replaces another: total less the other''s; of what was taken back: minus its total.';
COMMENT ON COLUMN settlements.adjustment_fund  IS 'The same of what all funds pay; the rest is the person''s.';
COMMENT ON COLUMN settlements.remote_care      IS 'How care away from the insured region was filed; null within it.';

CALL audited('settlements');
