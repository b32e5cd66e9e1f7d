-- What one region's funds owe another's for care away from home (异地就医清算). Booked with the settlement, in its transaction.
CREATE TABLE clearing_entries (
    id             uuid           PRIMARY KEY,
    region         text           NOT NULL CONSTRAINT clearing_entries_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    insured_region text           NOT NULL CONSTRAINT clearing_entries_insured_region_check CHECK (insured_region ~ '^[1-9][0-9]{5}$'),
    month          date           NOT NULL CONSTRAINT clearing_entries_month_check CHECK (extract(day FROM month) = 1),
    settlement_id  uuid           NOT NULL CONSTRAINT clearing_entries_settlement_fkey REFERENCES settlements (id),
    booking        text           NOT NULL CONSTRAINT clearing_entries_booking_check CHECK (booking IN ('SETTLED', 'TAKEN_BACK')),
    amount         numeric(16, 2) NOT NULL CONSTRAINT clearing_entries_amount_check CHECK (amount <> 0),
    booked_at      timestamptz    NOT NULL,
    CONSTRAINT clearing_entries_two_regions CHECK (region <> insured_region),
    CONSTRAINT clearing_entries_sign CHECK ((booking = 'SETTLED') = (amount > 0)),
    CONSTRAINT clearing_entries_once UNIQUE (settlement_id, booking)
);
CREATE INDEX clearing_entries_receivable ON clearing_entries (region, month);
CREATE INDEX clearing_entries_payable ON clearing_entries (insured_region, month);
CREATE INDEX clearing_entries_dated ON clearing_entries USING brin (booked_at);

COMMENT ON TABLE  clearing_entries                IS 'Append-only. What is settled and not taken back is what is owed.';
COMMENT ON COLUMN clearing_entries.region         IS 'Where the care was: whose fund paid the provider.';
COMMENT ON COLUMN clearing_entries.insured_region IS 'Whose fund owes it.';
COMMENT ON COLUMN clearing_entries.month          IS 'First day of the local month in which it was booked: a month that is over does not change.';

CALL protect_by_region('clearing_entries');
CALL append_only('clearing_entries');
CALL audited('clearing_entries');

-- Who owes sees what is claimed of it, and cannot write it.
DO $$
BEGIN
    EXECUTE format(
        'CREATE POLICY insured_region ON clearing_entries FOR SELECT TO %I USING (insured_region = current_setting(''anjia.region'', true))',
        service_role());
END
$$;
