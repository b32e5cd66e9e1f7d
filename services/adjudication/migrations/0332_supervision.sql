-- What the funds of a region received. What they paid stands in the settlements.
CREATE TABLE fund_incomes (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    scheme text NOT NULL CHECK (scheme IN ('EMPLOYEE', 'RESIDENT')),
    kind text NOT NULL CHECK (kind IN ('CONTRIBUTION', 'SUBSIDY', 'INTEREST', 'OPENING')),
    on_date date NOT NULL,
    amount numeric(16, 2) NOT NULL CHECK (amount > 0),
    reference text NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX fund_incomes_month ON fund_incomes (region, scheme, on_date);
CALL protect_by_region('fund_incomes');
CALL append_only('fund_incomes');
CALL audited('fund_incomes');

-- What the year of a designated provider's contract was worth. Every assessment stays; the last one counts.
CREATE TABLE provider_assessments (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    provider_organisation_id uuid NOT NULL,
    year integer NOT NULL,
    rule_book_id uuid NOT NULL REFERENCES rule_books (id),
    figures jsonb NOT NULL,
    points numeric(7, 2) NOT NULL CHECK (points BETWEEN 0 AND 100),
    is_passed boolean NOT NULL,
    assessed_by text NOT NULL,
    assessed_at timestamptz NOT NULL
);
CREATE INDEX provider_assessments_year ON provider_assessments (provider_organisation_id, year, id);
CALL protect_by_region('provider_assessments');
CALL append_only('provider_assessments');
CALL audited('provider_assessments');

-- What somebody reported. Who did is in no column but the sealed one.
CREATE TABLE abuse_reports (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    provider_organisation_id uuid,
    text_sealed bytea NOT NULL,
    -- Who reported and how to reach them; null where they want to stay unknown.
    reporter_sealed bytea,
    key_version integer NOT NULL CONSTRAINT abuse_reports_key_version_check CHECK (key_version > 0),
    state text NOT NULL CHECK (state IN ('OPEN', 'CONFIRMED', 'DISMISSED')),
    recovered numeric(16, 2) NOT NULL CHECK (recovered >= 0),
    reward numeric(16, 2) NOT NULL CHECK (reward >= 0),
    reported_at timestamptz NOT NULL,
    closed_by text,
    closed_at timestamptz,
    CONSTRAINT abuse_reports_closed CHECK ((state = 'OPEN') = (closed_at IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    CONSTRAINT abuse_reports_reward CHECK (reward = 0 OR state = 'CONFIRMED')
);
CREATE INDEX abuse_reports_work ON abuse_reports (region, state, id);
CREATE INDEX abuse_reports_dated ON abuse_reports USING brin (reported_at);
CALL protect_by_region('abuse_reports');
CALL audited('abuse_reports', sealed => '{text_sealed,reporter_sealed}', apart => '{key_version}');
COMMENT ON COLUMN abuse_reports.text_sealed     IS 'What happened, in the words of the reporter.';
COMMENT ON COLUMN abuse_reports.reporter_sealed IS 'JSON: {party, contact}.';
COMMENT ON COLUMN abuse_reports.key_version     IS 'Which data key of the region sealed the columns of this row.';

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON rule_books, abuse_reports FROM %I', service_role());
END
$$;
