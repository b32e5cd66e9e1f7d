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

-- What should have been booked so far, in this month, for those that are over do not change: care in a district whose municipality insures, and
-- the other way round; then cuts that stand.
DO $$
DECLARE
    here_and_now date := date_trunc('month', now() AT TIME ZONE 'Asia/Shanghai')::date;
    booked uuid;
BEGIN
    FOR booked IN
        INSERT INTO clearing_entries (id, region, insured_region, month, settlement_id, booking, amount, scheme, large_amount_fund,
            critical_illness_fund, assistance_fund, booked_at)
        SELECT gen_random_uuid(), claim.region, claim.insured_region, here_and_now, settled.id, 'SETTLED', paid.fund, settled.scheme,
            settled.large_amount_fund, settled.critical_illness_fund, settled.assistance_fund, now()
        FROM settlements settled JOIN claims claim ON claim.id = settled.claim_id
        CROSS JOIN LATERAL (SELECT settled.pooled_fund + settled.large_amount_fund + settled.critical_illness_fund
            + settled.assistance_fund AS fund) paid
        WHERE settled.state = 'CONFIRMED' AND claim.insured_region <> claim.region AND paid.fund > 0
            AND NOT EXISTS (SELECT FROM clearing_entries entry WHERE entry.settlement_id = settled.id)
        RETURNING id
    LOOP
        CALL record_by_owner('adjudication.clearing.book', 'clearing_entries', booked::text, true);
    END LOOP;
    FOR booked IN
        INSERT INTO clearing_entries (id, region, insured_region, month, settlement_id, booking, amount, scheme, booked_at)
        SELECT gen_random_uuid(), owed.region, owed.insured_region, here_and_now, owed.settlement_id, 'CUT', -least(found.cut, owed.amount),
            owed.scheme, now()
        FROM clearing_entries owed JOIN settlements settled ON settled.id = owed.settlement_id AND settled.state = 'CONFIRMED'
        JOIN withheld_by_claim found ON found.settlement_id = owed.settlement_id
        WHERE owed.booking = 'SETTLED' AND found.cut > 0
        RETURNING id
    LOOP
        CALL record_by_owner('adjudication.clearing.book', 'clearing_entries', booked::text, true);
    END LOOP;
END
$$;
