-- Persons who asked to be erased: how far this service has come with each, and what only their erasure may destroy.
CREATE TABLE erasures (
    region      text        NOT NULL CONSTRAINT erasures_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id uuid        NOT NULL,
    erasure_id  uuid        NOT NULL,
    state       text        NOT NULL CONSTRAINT erasures_state_check CHECK (state IN ('WATCHED', 'CLOSED', 'ERASED', 'CANCELLED')),
    changed_at  timestamptz NOT NULL DEFAULT now(),
    due_at      timestamptz DEFAULT now(),
    tries       integer     NOT NULL DEFAULT 0 CONSTRAINT erasures_tries_check CHECK (tries >= 0),
    PRIMARY KEY (region, resident_id)
);
CREATE INDEX erasures_due ON erasures (due_at) WHERE due_at IS NOT NULL;

COMMENT ON TABLE  erasures            IS 'One row per person who asked, in every service. What is recorded about a person locks it, so that nothing begins while it closes.';
COMMENT ON COLUMN erasures.erasure_id IS 'Identity''s request.';
COMMENT ON COLUMN erasures.state      IS 'WATCHED: what is open is looked for. CLOSED: nothing is, and nothing new begins. ERASED: what may go is gone; the rest is only kept.';
COMMENT ON COLUMN erasures.due_at     IS 'When to tell identity again; null: there is nothing left to tell.';
COMMENT ON COLUMN erasures.tries      IS 'Looks that found nothing new in a row.';

CALL protect_by_region('erasures');
CALL audited('erasures', apart => '{due_at,tries}');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON erasures FROM %I', service_role());
    -- The loop finds due rows of all regions and learns nothing else about them.
    EXECUTE format('GRANT SELECT (region, resident_id, due_at) ON erasures TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON erasures FOR SELECT TO %I USING (true)', worker_role());
    -- A person's key is made once, and sealed anew when the data key of its region is replaced.
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON person_keys FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (wrapped, key_version) ON person_keys TO %I', service_role());
END
$$;

CREATE FUNCTION keep_person_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user !~ '_owner$' AND (NEW.key_version = OLD.key_version OR NOT EXISTS (
        SELECT FROM data_keys WHERE region_code = NEW.region AND version = NEW.key_version AND state = 'ACTIVE')) THEN
        RAISE EXCEPTION 'a person''s key changes only when it is sealed anew under the newest data key'
            USING ERRCODE = 'insufficient_privilege', TABLE = 'person_keys';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER person_keys_kept BEFORE UPDATE ON person_keys FOR EACH ROW EXECUTE FUNCTION keep_person_key();

-- Destroys the key of a person who was erased here, together with the audit entry of the same transaction that says so: a key that is
-- gone without one is a finding. Runs as the owner; it sees the region of the transaction only.
CREATE FUNCTION destroy_person_key(whose uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    here text := current_setting('anjia.region', true);
BEGIN
    IF NOT EXISTS (SELECT FROM erasures WHERE region = here AND resident_id = whose AND state = 'ERASED')
        OR NOT EXISTS (SELECT FROM audit_entries WHERE region = here AND resident_id = whose AND position IS NULL
            AND action ~ '\.person_key\.destroy$' AND xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION 'a person''s key is destroyed by their recorded erasure only'
            USING ERRCODE = 'insufficient_privilege', TABLE = 'person_keys';
    END IF;
    DELETE FROM person_keys WHERE region = here AND resident_id = whose;
    RETURN FOUND;
END
$$;

ALTER TABLE requests ADD COLUMN resident_ids uuid[] NOT NULL DEFAULT '{}';
CREATE INDEX requests_resident_ids ON requests USING gin (resident_ids) WHERE resident_ids <> '{}';

COMMENT ON COLUMN requests.resident_ids IS 'Whose data the call read or changed, as its audit entries say: their erasure takes the answer along.';

-- Forgets what was answered about a person who was erased here. Runs as the owner; it sees the region of the transaction only.
CREATE FUNCTION forget_answers(whose uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    here text := current_setting('anjia.region', true);
    gone bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM erasures WHERE region = here AND resident_id = whose AND state = 'ERASED') THEN
        RAISE EXCEPTION 'answers are forgotten with an erasure only' USING ERRCODE = 'insufficient_privilege', TABLE = 'requests';
    END IF;
    DELETE FROM requests
    WHERE region = here AND (resident_ids <> '{}' AND resident_ids @> ARRAY[whose] OR subject = 'resident:' || whose);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;

DO $$
BEGIN
    EXECUTE format('GRANT UPDATE (resident_ids) ON requests TO %I', service_role());
    EXECUTE 'REVOKE EXECUTE ON FUNCTION destroy_person_key(uuid), forget_answers(uuid) FROM PUBLIC';
    EXECUTE format('GRANT EXECUTE ON FUNCTION destroy_person_key(uuid), forget_answers(uuid) TO %I', service_role());
END
$$;
