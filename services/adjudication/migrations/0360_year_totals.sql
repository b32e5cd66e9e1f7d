-- What the layers above basic insurance go by, over all kinds of care: each row has what the claims of its kind moved, and the year is the
-- sum of a person's rows. It was added up from the settlements with every quote.
ALTER TABLE accumulators
    ADD COLUMN own_in_scope          numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT accumulators_own_in_scope_check CHECK (own_in_scope >= 0),
    ADD COLUMN critical_illness_fund numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT accumulators_critical_illness_fund_check CHECK (critical_illness_fund >= 0),
    ADD COLUMN assistance_base       numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT accumulators_assistance_base_check CHECK (assistance_base >= 0),
    ADD COLUMN assistance_fund       numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT accumulators_assistance_fund_check CHECK (assistance_fund >= 0),
    ADD COLUMN top_up_base           numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT accumulators_top_up_base_check CHECK (top_up_base >= 0),
    ADD COLUMN top_up                numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT accumulators_top_up_check CHECK (top_up >= 0),
    ADD COLUMN voucher               numeric(16, 2) NOT NULL DEFAULT 0 CONSTRAINT accumulators_voucher_check CHECK (voucher >= 0);

COMMENT ON COLUMN accumulators.own_in_scope          IS 'What basic insurance left to the person of in-scope expenses (合规自付).';
COMMENT ON COLUMN accumulators.critical_illness_fund IS 'Paid by critical illness insurance.';
COMMENT ON COLUMN accumulators.assistance_base       IS 'What medical assistance judged.';
COMMENT ON COLUMN accumulators.assistance_fund       IS 'Paid by medical assistance.';
COMMENT ON COLUMN accumulators.top_up_base           IS 'What a commercial top-up judged.';
COMMENT ON COLUMN accumulators.top_up                IS 'Paid by a commercial top-up.';
COMMENT ON COLUMN accumulators.voucher               IS 'Vouchers used.';

UPDATE accumulators counted
SET (own_in_scope, critical_illness_fund, assistance_base, assistance_fund, top_up_base, top_up, voucher) = (moved.own_in_scope,
    moved.critical_illness_fund, moved.assistance_base, moved.assistance_fund, moved.top_up_base, moved.top_up, moved.voucher)
FROM (
    SELECT resident_id, year, scheme, kind,
           coalesce(sum((adjudication->'year_after'->>'own_in_scope')::numeric - coalesce((adjudication->'year_before'->>'own_in_scope')::numeric, 0)), 0) AS own_in_scope,
           coalesce(sum((adjudication->'year_after'->>'critical_illness_fund')::numeric - coalesce((adjudication->'year_before'->>'critical_illness_fund')::numeric, 0)), 0) AS critical_illness_fund,
           coalesce(sum((adjudication->'year_after'->>'assistance_base')::numeric - coalesce((adjudication->'year_before'->>'assistance_base')::numeric, 0)), 0) AS assistance_base,
           coalesce(sum((adjudication->'year_after'->>'assistance_fund')::numeric - coalesce((adjudication->'year_before'->>'assistance_fund')::numeric, 0)), 0) AS assistance_fund,
           coalesce(sum((adjudication->'year_after'->>'top_up_base')::numeric - coalesce((adjudication->'year_before'->>'top_up_base')::numeric, 0)), 0) AS top_up_base,
           coalesce(sum((adjudication->'year_after'->>'top_up')::numeric - coalesce((adjudication->'year_before'->>'top_up')::numeric, 0)), 0) AS top_up,
           coalesce(sum((adjudication->'year_after'->>'voucher')::numeric - coalesce((adjudication->'year_before'->>'voucher')::numeric, 0)), 0) AS voucher
    FROM settlements
    WHERE state = 'CONFIRMED' AND jsonb_exists(adjudication, 'year_after')
    GROUP BY resident_id, year, scheme, kind
) moved
WHERE (counted.resident_id, counted.year, counted.scheme, counted.kind) = (moved.resident_id, moved.year, moved.scheme, moved.kind);
