-- By what terms the region of care pays its providers: documents with digest, released like policies.
CREATE TABLE payment_terms (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    scheme text NOT NULL CHECK (scheme IN ('EMPLOYEE', 'RESIDENT')),
    demonstration boolean NOT NULL,
    effective_from date NOT NULL,
    effective_until date,
    -- Text, not jsonb: the digest is over these bytes.
    document text NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    state text NOT NULL CHECK (state IN ('PROPOSED', 'RELEASED', 'SUPERSEDED')),
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    released_by text,
    released_at timestamptz,
    CONSTRAINT payment_terms_days CHECK (effective_until IS NULL OR effective_until >= effective_from),
    CONSTRAINT payment_terms_two_persons CHECK (released_by IS NULL OR released_by <> proposed_by),
    CONSTRAINT payment_terms_released CHECK ((state = 'PROPOSED') = (released_at IS NULL) AND (released_at IS NULL) = (released_by IS NULL)),
    CONSTRAINT payment_terms_same_document UNIQUE (region, scheme, digest)
);
-- One document a region, scheme and first day is in force.
CREATE UNIQUE INDEX payment_terms_in_force ON payment_terms (region, scheme, effective_from) WHERE state <> 'PROPOSED';
CALL protect_by_region('payment_terms');
CALL audited('payment_terms');

-- What was released is immutable, but for being superseded.
CREATE FUNCTION refuse_terms_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.region, NEW.scheme, NEW.document, NEW.digest, NEW.effective_from, NEW.proposed_by)
        IS DISTINCT FROM (OLD.id, OLD.region, OLD.scheme, OLD.document, OLD.digest, OLD.effective_from, OLD.proposed_by) THEN
        RAISE EXCEPTION 'a document of terms is immutable';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER payment_terms_immutable BEFORE UPDATE ON payment_terms FOR EACH ROW EXECUTE FUNCTION refuse_terms_change();

-- What the fund is expected to pay for a settlement. The id is the settlement's.
CREATE TABLE provider_payments (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    claim_id uuid NOT NULL,
    resident_id uuid NOT NULL,
    provider_organisation_id uuid NOT NULL,
    terms_id uuid NOT NULL REFERENCES payment_terms (id),
    terms_digest text NOT NULL,
    method text NOT NULL CHECK (method IN ('FEE_FOR_SERVICE', 'DRG', 'DIP', 'CAPITATION', 'PER_UNIT', 'MIXTURE')),
    -- Null where a number or the group is missing.
    gross numeric(16, 2),
    own_share numeric(16, 2) CHECK (own_share >= 0),
    floor numeric(16, 2) CHECK (floor >= 0),
    adjustment numeric(16, 2),
    fund numeric(16, 2),
    detail_sealed bytea NOT NULL,
    key_version integer NOT NULL CONSTRAINT provider_payments_key_version_check CHECK (key_version > 0),
    expected_at timestamptz NOT NULL,
    CONSTRAINT provider_payments_decided CHECK (num_nulls(gross, own_share, floor, adjustment, fund) IN (0, 5)),
    CONSTRAINT provider_payments_parts CHECK (fund = gross - own_share + floor + adjustment)
);
CREATE INDEX provider_payments_provider ON provider_payments (provider_organisation_id, id);
CREATE INDEX provider_payments_resident ON provider_payments (resident_id, id);
CREATE INDEX provider_payments_dated ON provider_payments USING brin (expected_at);
CALL protect_by_region('provider_payments');
CALL audited('provider_payments', sealed => '{detail_sealed}', apart => '{key_version}');

COMMENT ON COLUMN provider_payments.detail_sealed IS 'JSON: {record, group, steps}: procedures, the group they lead to and why.';
COMMENT ON COLUMN provider_payments.key_version   IS 'Which data key of the region sealed the columns of this row.';

-- Accounts go after an appraisal only, which is no work of the service.
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON provider_payments FROM %I', service_role());
END
$$;
