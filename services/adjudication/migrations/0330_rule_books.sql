-- The audit rules of a region. Public rules, not personal data; read and written in their region only.
CREATE TABLE rule_books (
    id uuid PRIMARY KEY,
    region text NOT NULL,
    effective_from date NOT NULL,
    -- Text, not jsonb: the digest is over these bytes.
    document text NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    state text NOT NULL CHECK (state IN ('PROPOSED', 'RELEASED')),
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    released_by text,
    released_at timestamptz,
    CONSTRAINT rule_books_two_persons CHECK (released_by IS NULL OR released_by <> proposed_by),
    CONSTRAINT rule_books_released CHECK ((state = 'PROPOSED') = (released_at IS NULL) AND (released_at IS NULL) = (released_by IS NULL)),
    CONSTRAINT rule_books_same_document UNIQUE (region, digest)
);
CREATE UNIQUE INDEX rule_books_in_force ON rule_books (region, effective_from) WHERE state = 'RELEASED';
CALL protect_by_region('rule_books');
CALL audited('rule_books');

CREATE FUNCTION refuse_rule_book_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'PROPOSED' OR (NEW.id, NEW.region, NEW.document, NEW.digest, NEW.effective_from, NEW.proposed_by)
        IS DISTINCT FROM (OLD.id, OLD.region, OLD.document, OLD.digest, OLD.effective_from, OLD.proposed_by) THEN
        RAISE EXCEPTION 'a rule book is immutable';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER rule_books_immutable BEFORE UPDATE ON rule_books FOR EACH ROW EXECUTE FUNCTION refuse_rule_book_change();
