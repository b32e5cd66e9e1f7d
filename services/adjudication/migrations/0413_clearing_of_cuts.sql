-- What audit cuts of care elsewhere is not paid to the provider, and so is not owed by the insured region: booked with the decision, and
-- booked back where the cut does not stand.
ALTER TABLE clearing_entries
    DROP CONSTRAINT clearing_entries_booking_check,
    ADD CONSTRAINT clearing_entries_booking_check CHECK (booking IN ('SETTLED', 'TAKEN_BACK', 'CUT', 'CUT_LIFTED')),
    DROP CONSTRAINT clearing_entries_sign,
    ADD CONSTRAINT clearing_entries_sign CHECK ((booking IN ('SETTLED', 'CUT_LIFTED')) = (amount > 0)),
    ADD CONSTRAINT clearing_entries_cuts CHECK (
        booking IN ('SETTLED', 'TAKEN_BACK') OR (large_amount_fund = 0 AND critical_illness_fund = 0 AND assistance_fund = 0)),
    DROP CONSTRAINT clearing_entries_once;
-- A finding may be cut, appealed and cut again.
CREATE UNIQUE INDEX clearing_entries_once ON clearing_entries (settlement_id, booking) WHERE booking IN ('SETTLED', 'TAKEN_BACK');
CREATE INDEX clearing_entries_settlement ON clearing_entries (settlement_id);

COMMENT ON TABLE  clearing_entries        IS 'Append-only. What is settled and neither taken back nor cut is what is owed.';
COMMENT ON COLUMN clearing_entries.amount IS 'Of cuts, what the insured region''s books keep as cut, of no fund in particular.';
COMMENT ON COLUMN clearing_entries.region IS 'Where the care was: whose fund paid the provider. A district''s care is its municipality''s to pay, and booked alike.';
