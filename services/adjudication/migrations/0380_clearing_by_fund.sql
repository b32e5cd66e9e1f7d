-- By which fund of which scheme an entry is owed: the books of the insured region's funds (AD-09) count care of their people elsewhere.
ALTER TABLE clearing_entries
    ADD COLUMN scheme                text CONSTRAINT clearing_entries_scheme_check CHECK (scheme IN ('EMPLOYEE', 'RESIDENT')),
    ADD COLUMN large_amount_fund     numeric(16, 2) NOT NULL DEFAULT 0,
    ADD COLUMN critical_illness_fund numeric(16, 2) NOT NULL DEFAULT 0,
    ADD COLUMN assistance_fund       numeric(16, 2) NOT NULL DEFAULT 0,
    ADD CONSTRAINT clearing_entries_funds CHECK (
        large_amount_fund * sign(amount) >= 0 AND critical_illness_fund * sign(amount) >= 0 AND assistance_fund * sign(amount) >= 0
        AND abs(large_amount_fund + critical_illness_fund + assistance_fund) <= abs(amount));

COMMENT ON COLUMN clearing_entries.scheme                IS 'Whose funds owe it; null in entries of a release that did not write it.';
COMMENT ON COLUMN clearing_entries.large_amount_fund     IS 'Of the amount, what the large-amount fund owes; the pooled fund owes the rest.';
COMMENT ON COLUMN clearing_entries.critical_illness_fund IS 'Of the amount, what critical illness insurance owes.';
COMMENT ON COLUMN clearing_entries.assistance_fund       IS 'Of the amount, what medical assistance owes.';

UPDATE clearing_entries entry
SET scheme                = settlement.scheme,
    large_amount_fund     = sign(entry.amount) * settlement.large_amount_fund,
    critical_illness_fund = sign(entry.amount) * settlement.critical_illness_fund,
    assistance_fund       = sign(entry.amount) * settlement.assistance_fund
FROM settlements settlement
WHERE settlement.id = entry.settlement_id;

CALL audited('clearing_entries');
