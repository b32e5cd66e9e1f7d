-- Policies and catalogues are public rules, not personal data: every region reads them, since a claim is judged by the policy of
-- the insured region and the catalogue of the region of care.

CREATE TABLE policies (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    scheme text NOT NULL CHECK (scheme IN ('EMPLOYEE', 'RESIDENT')),
    name_zh text NOT NULL,
    name_en text NOT NULL,
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
    CONSTRAINT policies_days CHECK (effective_until IS NULL OR effective_until >= effective_from),
    CONSTRAINT policies_two_persons CHECK (released_by IS NULL OR released_by <> proposed_by),
    CONSTRAINT policies_released CHECK ((state = 'PROPOSED') = (released_at IS NULL) AND (released_at IS NULL) = (released_by IS NULL)),
    CONSTRAINT policies_same_document UNIQUE (region, scheme, digest)
);
-- One policy a region, scheme and first day is in force.
CREATE UNIQUE INDEX policies_in_force ON policies (region, scheme, effective_from) WHERE state <> 'PROPOSED';

-- What was released is immutable, but for being superseded.
CREATE FUNCTION refuse_policy_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.region, NEW.scheme, NEW.document, NEW.digest, NEW.effective_from, NEW.proposed_by)
        IS DISTINCT FROM (OLD.id, OLD.region, OLD.scheme, OLD.document, OLD.digest, OLD.effective_from, OLD.proposed_by) THEN
        RAISE EXCEPTION 'a policy document is immutable';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER policies_immutable BEFORE UPDATE ON policies FOR EACH ROW EXECUTE FUNCTION refuse_policy_change();

CREATE TABLE catalogue_items (
    region text NOT NULL,
    item_code text NOT NULL,
    effective_from date NOT NULL,
    name text NOT NULL,
    class text NOT NULL CHECK (class IN ('A', 'B', 'C')),
    first_self_pay_ratio numeric(5, 4) CHECK (first_self_pay_ratio BETWEEN 0 AND 1),
    PRIMARY KEY (region, item_code, effective_from),
    CONSTRAINT catalogue_items_class_b CHECK ((class = 'B') = (first_self_pay_ratio IS NOT NULL))
);
CALL append_only('catalogue_items');
