-- Identity closes nothing of its own: here ERASED follows from the request of the person, which was CLOSING in an earlier transaction,
-- when every service had closed or was about to.
ALTER TABLE erasure_requests ADD COLUMN closing_in xid8;
UPDATE erasure_requests SET closing_in = pg_current_xact_id() WHERE state = 'CLOSING';

COMMENT ON COLUMN erasure_requests.closing_in IS 'The transaction in which it began to close, whatever the service writes.';

CREATE FUNCTION note_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.closing_in := CASE
        WHEN NEW.state <> 'CLOSING' THEN NULL
        WHEN TG_OP = 'UPDATE' AND (OLD.state, OLD.id, OLD.resident_id) = (NEW.state, NEW.id, NEW.resident_id) THEN OLD.closing_in
        ELSE pg_current_xact_id()
    END;
    RETURN NEW;
END
$$;
CREATE TRIGGER erasure_requests_closing BEFORE INSERT OR UPDATE ON erasure_requests FOR EACH ROW EXECUTE FUNCTION note_closing();

CREATE OR REPLACE FUNCTION may_be_erased(before erasures, after erasures) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM erasure_requests AS request
        WHERE request.id = after.erasure_id AND request.region = after.region AND request.state = 'CLOSING'
            AND request.closing_in <> pg_current_xact_id() AND after.resident_id = ANY (one_person(request.resident_id)))
$$;
