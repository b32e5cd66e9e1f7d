-- What only an erasure may destroy asks for ERASED, and that is written by the service's own role. So it never comes out of nothing: it
-- follows from CLOSED, which an earlier transaction committed, while everybody could see it and nothing about the person went on; and
-- it stays what it is.
ALTER TABLE erasures ADD COLUMN closed_in xid8;
UPDATE erasures SET closed_in = pg_current_xact_id() WHERE state = 'CLOSED';

COMMENT ON COLUMN erasures.closed_in IS 'The transaction that closed it, whatever the service writes.';

-- Whether ERASED may follow. `before` is the row as it stands, or null.
CREATE FUNCTION may_be_erased(before erasures, after erasures) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT before.state = 'CLOSED' AND before.erasure_id = after.erasure_id AND before.closed_in <> pg_current_xact_id()
$$;

CREATE FUNCTION guard_erasure() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before erasures;
    is_same boolean := false;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := OLD;
        is_same := (OLD.state, OLD.erasure_id) = (NEW.state, NEW.erasure_id);
        IF (OLD.region, OLD.resident_id) <> (NEW.region, NEW.resident_id) OR OLD.state = 'ERASED' AND NOT is_same THEN
            RAISE EXCEPTION 'an erasure stays whose it is, and what was erased stays erased'
                USING ERRCODE = 'insufficient_privilege', TABLE = 'erasures';
        END IF;
    ELSIF EXISTS (SELECT FROM erasures WHERE region = NEW.region AND resident_id = NEW.resident_id) THEN
        -- ON CONFLICT: the update is judged.
        RETURN NEW;
    END IF;
    IF NEW.state = 'ERASED' AND NOT is_same AND may_be_erased(before, NEW) IS NOT TRUE THEN
        RAISE EXCEPTION 'a person is erased after everything about them was closed, and not in the transaction that closed it'
            USING ERRCODE = 'insufficient_privilege', TABLE = 'erasures';
    END IF;
    NEW.closed_in := CASE WHEN NEW.state <> 'CLOSED' THEN NULL WHEN is_same THEN OLD.closed_in ELSE pg_current_xact_id() END;
    RETURN NEW;
END
$$;
CREATE TRIGGER erasures_guarded BEFORE INSERT OR UPDATE ON erasures FOR EACH ROW EXECUTE FUNCTION guard_erasure();

-- A table of the same name that the service makes for itself is not looked into.
ALTER FUNCTION keep_person_key() SET search_path = pg_catalog, public, pg_temp;
