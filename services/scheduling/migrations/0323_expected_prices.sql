-- What care is expected to cost, by tier, kind and department: learned from the quotes that adjudication tells of, so that a search asks nobody.

CREATE TABLE expected_prices (
    region        text             NOT NULL CONSTRAINT expected_prices_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    tier          text             NOT NULL CONSTRAINT expected_prices_tier_check CHECK (tier IN ('COMMUNITY', 'DISTRICT', 'TERTIARY')),
    kind          text             NOT NULL,
    department_id uuid,
    totals        numeric(16, 2)[] NOT NULL,
    own_shares    numeric(16, 2)[] NOT NULL,
    updated_at    timestamptz      NOT NULL,
    CONSTRAINT expected_prices_count_check CHECK (cardinality(totals) BETWEEN 1 AND 50 AND cardinality(own_shares) = cardinality(totals))
);
CREATE UNIQUE INDEX expected_prices_key ON expected_prices (region, tier, kind, department_id) NULLS NOT DISTINCT;

COMMENT ON TABLE  expected_prices               IS 'The last quotes made for appointments, of whom is not kept; the median is shown.';
COMMENT ON COLUMN expected_prices.department_id IS 'Null for the tier as a whole.';
COMMENT ON COLUMN expected_prices.totals        IS 'The newest last, at most 50.';
COMMENT ON COLUMN expected_prices.own_shares    IS 'What the resident pays of each, in the same order.';

CALL protect_by_region('expected_prices');
