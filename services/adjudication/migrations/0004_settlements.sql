-- A person's year under a scheme and kind of care. `version` counts confirmed settlements: a division made on an older version is
-- stale.
CREATE TABLE accumulators (
    region text NOT NULL,
    resident_id uuid NOT NULL,
    year integer NOT NULL,
    scheme text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('OUTPATIENT', 'INPATIENT')),
    in_scope numeric(16, 2) NOT NULL CHECK (in_scope >= 0),
    deductible numeric(16, 2) NOT NULL CHECK (deductible >= 0),
    pooled_fund numeric(16, 2) NOT NULL CHECK (pooled_fund >= 0),
    large_amount_fund numeric(16, 2) NOT NULL CHECK (large_amount_fund >= 0),
    stays integer NOT NULL CHECK (stays >= 0),
    version bigint NOT NULL CHECK (version >= 0),
    PRIMARY KEY (resident_id, year, scheme, kind)
);
CALL protect_by_region('accumulators');

CREATE TABLE settlements (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    claim_id uuid NOT NULL REFERENCES claims (id) DEFERRABLE INITIALLY DEFERRED,
    claim_version integer NOT NULL,
    resident_id uuid NOT NULL,
    provider_organisation_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('DIVIDED', 'CONFIRMED', 'REVERSED', 'LAPSED')),
    outcome text NOT NULL CHECK (outcome IN ('PRICED', 'NOT_ENROLLED')),
    total numeric(16, 2) NOT NULL,
    fully_own numeric(16, 2) NOT NULL CHECK (fully_own >= 0),
    first_self_pay numeric(16, 2) NOT NULL CHECK (first_self_pay >= 0),
    in_scope numeric(16, 2) NOT NULL CHECK (in_scope >= 0),
    deductible numeric(16, 2) NOT NULL CHECK (deductible >= 0),
    pooled_fund numeric(16, 2) NOT NULL CHECK (pooled_fund >= 0),
    pooled_own numeric(16, 2) NOT NULL CHECK (pooled_own >= 0),
    large_amount_fund numeric(16, 2) NOT NULL CHECK (large_amount_fund >= 0),
    large_amount_own numeric(16, 2) NOT NULL CHECK (large_amount_own >= 0),
    beyond_cover numeric(16, 2) NOT NULL CHECK (beyond_cover >= 0),
    -- What the engine was given and what it answered, with the explanation; the columns above are its shares.
    basis jsonb NOT NULL,
    adjudication jsonb NOT NULL,
    policy_id uuid REFERENCES policies (id),
    policy_digest text,
    -- Which accumulator it moves; null when nobody insures the person.
    year integer,
    scheme text,
    kind text,
    accumulator_version bigint,
    quote_id uuid,
    drift jsonb NOT NULL,
    referral_id uuid,
    journey_id uuid NOT NULL,
    tier text NOT NULL,
    divided_at timestamptz NOT NULL,
    lapses_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    bill_id uuid,
    CONSTRAINT settlements_version UNIQUE (claim_id, claim_version),
    -- Every fen of the total stands in exactly one share.
    CONSTRAINT settlements_shares CHECK (
        total = fully_own + first_self_pay + in_scope
        AND in_scope = deductible + pooled_fund + pooled_own + large_amount_fund + large_amount_own + beyond_cover),
    CONSTRAINT settlements_confirmed CHECK ((state IN ('CONFIRMED', 'REVERSED')) = (confirmed_at IS NOT NULL)),
    CONSTRAINT settlements_accumulator CHECK (
        (outcome = 'PRICED') = (policy_id IS NOT NULL) AND (policy_id IS NULL) = (accumulator_version IS NULL))
);
CREATE INDEX settlements_chain ON settlements (journey_id) WHERE state = 'CONFIRMED';
CREATE INDEX settlements_resident ON settlements (resident_id, id);
CALL protect_by_region('settlements');
