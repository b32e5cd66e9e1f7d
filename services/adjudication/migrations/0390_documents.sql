-- Policies, terms of payment and rule books are documents alike: whatever their table, nothing of one changes but that it is released, and
-- that another takes over from it. What was said of its release stays.
CREATE FUNCTION refuse_document_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moving text[] := CASE OLD.state WHEN 'PROPOSED' THEN '{state,released_by,released_at}' ELSE '{state}' END;
BEGIN
    IF (OLD.state, NEW.state) NOT IN (('PROPOSED', 'RELEASED'), ('RELEASED', 'SUPERSEDED'))
        OR to_jsonb(NEW) - moving IS DISTINCT FROM to_jsonb(OLD) - moving THEN
        RAISE EXCEPTION 'a document of % is immutable', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER policies_immutable BEFORE UPDATE ON policies FOR EACH ROW EXECUTE FUNCTION refuse_document_change();
CREATE OR REPLACE TRIGGER payment_terms_immutable BEFORE UPDATE ON payment_terms FOR EACH ROW EXECUTE FUNCTION refuse_document_change();
CREATE OR REPLACE TRIGGER rule_books_immutable BEFORE UPDATE ON rule_books FOR EACH ROW EXECUTE FUNCTION refuse_document_change();

DROP FUNCTION refuse_policy_change();
DROP FUNCTION refuse_terms_change();
DROP FUNCTION refuse_rule_book_change();
