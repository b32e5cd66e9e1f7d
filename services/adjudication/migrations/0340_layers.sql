-- What the funds above basic insurance take over of the person's share: payment charges each fund its own.
ALTER TABLE settlements
    ADD COLUMN critical_illness_fund numeric(16, 2) NOT NULL DEFAULT 0
        CONSTRAINT settlements_critical_illness_fund_check CHECK (critical_illness_fund >= 0),
    ADD COLUMN assistance_fund numeric(16, 2) NOT NULL DEFAULT 0
        CONSTRAINT settlements_assistance_fund_check CHECK (assistance_fund >= 0),
    ADD CONSTRAINT settlements_layers CHECK (
        critical_illness_fund + assistance_fund <= deductible + pooled_own + large_amount_own + beyond_cover);

COMMENT ON COLUMN settlements.critical_illness_fund IS 'Of the in-scope shares of the person, what critical illness insurance takes over.';
COMMENT ON COLUMN settlements.assistance_fund       IS 'Of the same, what medical assistance takes over.';

UPDATE settlements
SET critical_illness_fund = coalesce((adjudication->'shares'->>'critical_illness_fund')::numeric, 0),
    assistance_fund       = coalesce((adjudication->'shares'->>'assistance_fund')::numeric, 0)
WHERE adjudication->'shares' ?| ARRAY['critical_illness_fund', 'assistance_fund'];

CALL audited('settlements');
