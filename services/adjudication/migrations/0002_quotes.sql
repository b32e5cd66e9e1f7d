CREATE TABLE quotes (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    resident_id uuid NOT NULL,
    provider_organisation_id uuid NOT NULL,
    kind text NOT NULL,
    on_date date NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('PRICED', 'NOT_ENROLLED', 'NO_POLICY')),
    total numeric(16, 2) NOT NULL CHECK (total >= 0),
    -- Null where there is no price.
    own_share numeric(16, 2),
    -- What the engine was given and what it answered: the same quote can be made again from it.
    basis jsonb NOT NULL,
    price jsonb NOT NULL,
    policy_id uuid REFERENCES policies (id),
    policy_digest text,
    referral_id uuid,
    appointment_id uuid,
    journey_id uuid,
    quoted_at timestamptz NOT NULL,
    CONSTRAINT quotes_price CHECK ((outcome = 'NO_POLICY') = (own_share IS NULL) AND (outcome = 'PRICED') = (policy_id IS NOT NULL)),
    CONSTRAINT quotes_own_share CHECK (own_share BETWEEN 0 AND total)
);
CREATE INDEX quotes_resident ON quotes (resident_id, id);
CALL protect_by_region('quotes');
CALL append_only('quotes');
