-- Three roles per database, named after its owner: x_owner migrates, x serves (its own region's rows), x_worker runs loops
-- (queue tables across regions, nothing else). Services call these procedures in their own migrations.

DO $$
BEGIN
    IF current_user !~ '^.+_owner$' THEN
        RAISE EXCEPTION 'migrations run as <service>_owner, not as %', current_user;
    END IF;
END
$$;

CREATE FUNCTION service_role() RETURNS text LANGUAGE sql STABLE
AS $$ SELECT regexp_replace(current_user, '_owner$', '') $$;

CREATE FUNCTION worker_role() RETURNS text LANGUAGE sql STABLE
AS $$ SELECT service_role() || '_worker' $$;

-- CALL protect_by_region('slots'): the service sees and writes only rows of the region its transaction was begun for. Needs a
-- column `region text NOT NULL`. The owner, who only migrates, is not bound by it.
CREATE PROCEDURE protect_by_region(protected regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
    EXECUTE format(
        'CREATE POLICY own_region ON %s TO %I USING (region = current_setting(''anjia.region'', true))',
        protected, service_role());
END
$$;

-- CALL open_to_worker('sagas'): the worker role reads and updates this queue table across all regions.
CREATE PROCEDURE open_to_worker(queue regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT SELECT, UPDATE ON %s TO %I', queue, worker_role());
    EXECUTE format('CREATE POLICY all_regions ON %s TO %I USING (true)', queue, worker_role());
END
$$;

-- CALL append_only('ledger_entries'): the service may insert and read, never change or remove.
CREATE PROCEDURE append_only(ledger regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM %I', ledger, service_role());
END
$$;

-- CALL read_only('…'): the service may only read.
CREATE PROCEDURE read_only(reference regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON %s FROM %I', reference, service_role());
    EXECUTE format('GRANT SELECT ON %s TO %I', reference, service_role());
END
$$;

-- Tables the owner creates from here on are usable by the service; the worker gets nothing it was not given.
DO $$
BEGIN
    EXECUTE format(
        'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', service_role());
    EXECUTE format(
        'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO %I', service_role());
END
$$;

CALL read_only('platform_migrations');
