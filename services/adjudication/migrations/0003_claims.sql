CREATE TABLE claims (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    visit_id uuid NOT NULL,
    resident_id uuid NOT NULL,
    provider_organisation_id uuid NOT NULL,
    tier text NOT NULL,
    kind text NOT NULL,
    insured_region text,
    from_date date NOT NULL,
    until_date date NOT NULL,
    diagnoses jsonb NOT NULL,
    total numeric(16, 2) NOT NULL CHECK (total >= 0),
    referral_id uuid,
    journey_id uuid NOT NULL,
    quote_id uuid,
    settlement_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT claims_days CHECK (until_date >= from_date),
    -- A visit is claimed once; what changes is the claim's version.
    CONSTRAINT claims_visit UNIQUE (visit_id)
);
CREATE INDEX claims_resident ON claims (resident_id, id);
CALL protect_by_region('claims');

-- Lines of every version, as billed and as classed on their day.
CREATE TABLE claim_lines (
    claim_id uuid NOT NULL REFERENCES claims (id),
    claim_version integer NOT NULL,
    line_number integer NOT NULL,
    region text NOT NULL,
    item_code text NOT NULL,
    name text NOT NULL,
    quantity numeric(16, 4) NOT NULL CHECK (quantity > 0),
    unit_price numeric(16, 4) NOT NULL CHECK (unit_price >= 0),
    amount numeric(16, 2) NOT NULL CHECK (amount >= 0),
    on_date date NOT NULL,
    class text NOT NULL CHECK (class IN ('A', 'B', 'C')),
    first_self_pay_ratio numeric(5, 4),
    PRIMARY KEY (claim_id, claim_version, line_number)
);
CALL protect_by_region('claim_lines');
CALL append_only('claim_lines');
