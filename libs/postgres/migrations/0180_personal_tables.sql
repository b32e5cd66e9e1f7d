-- Which tables hold data about persons, how one is found in them, and how long law has them kept: `store::PERSONAL` of the service and
-- `retention.toml`, as the release says that migrated last. The owner writes it; what may be forgotten is decided by it, not by whoever asks.
CREATE TABLE personal_tables (
    name          text    NOT NULL,
    rule          text    NOT NULL,
    whose         text    NOT NULL,
    key           text    NOT NULL,
    since         text,
    dated         text,
    unreferred    text    NOT NULL,
    years         integer NOT NULL,
    days          integer NOT NULL,
    on_request    boolean NOT NULL,
    appraised     boolean NOT NULL,
    PRIMARY KEY (name, rule)
);

COMMENT ON TABLE  personal_tables            IS 'Written by the owner after migrations; expressions are SQL about a row t.';
COMMENT ON COLUMN personal_tables.whose      IS 'Whether a row is about the resident $1, by whichever id of theirs.';
COMMENT ON COLUMN personal_tables.key        IS 'The text that names a row.';
COMMENT ON COLUMN personal_tables.since      IS 'The instant from which on a row is kept for the period; null: its period never ends by itself.';
COMMENT ON COLUMN personal_tables.dated      IS 'An instant or day that is never later, by which rows are found: there is an index on it.';
COMMENT ON COLUMN personal_tables.unreferred IS 'Whether a row may go before others do that refer to it.';
COMMENT ON COLUMN personal_tables.on_request IS 'The person''s own request ends it.';
COMMENT ON COLUMN personal_tables.appraised  IS 'Nothing is destroyed before people have appraised it.';

CALL read_only('personal_tables');
CALL audited('personal_tables');

-- Writes the entry of a row that the owner wrote, of a table with a key of several columns and none sealed. It concerns no person and no region; 990000 is
-- assigned to none. The body is the text of the row's digested columns.
CREATE PROCEDURE record_by_owner(what text, listed text, row_id text, is_there boolean) LANGUAGE plpgsql AS $$
DECLARE
    list audited_tables;
    salt bytea := uuid_send(gen_random_uuid());
    head bytea;
    body text;
    note jsonb := jsonb_build_object('table', listed, 'id', row_id);
BEGIN
    SELECT * INTO STRICT list FROM audited_tables WHERE name = listed ORDER BY version DESC LIMIT 1;
    IF is_there THEN
        head := audit_part('anjia audit row v1')
            || audit_part(sha256(audit_part('anjia audit row salt v1') || audit_part(salt)
                || audit_part(convert_to(listed, 'UTF8')) || audit_part(convert_to(row_id, 'UTF8'))))
            || audit_part(convert_to(listed, 'UTF8')) || audit_part(convert_to(row_id, 'UTF8')) || audit_part(int4send(list.version));
        EXECUTE format('SELECT ROW(%s)::text FROM %I AS t WHERE %s = $1',
            (SELECT string_agg(format('t.%I', name), ', ' ORDER BY place) FROM unnest(list.columns) WITH ORDINALITY AS part (name, place)),
            listed,
            (SELECT string_agg(format('replace(replace(t.%I::text, ''%%'', ''%%25''), ''/'', ''%%2F'')', name), ' || ''/'' || ' ORDER BY place)
                FROM unnest(list.key) WITH ORDINALITY AS part (name, place)))
        INTO STRICT body USING row_id;
        note := note || jsonb_build_object('columns', list.version, 'digest', encode(sha256(head || convert_to(body, 'UTF8')), 'hex'));
    ELSE
        note := note || '{"removed": true}';
    END IF;
    INSERT INTO audit_entries (region, actor, subject, action, salt, rows)
    VALUES ('990000', 'service:' || service_role(), 'service:' || service_role(), what, salt, jsonb_build_array(note));
END
$$;

CREATE OR REPLACE PROCEDURE record_audited(listed text, listed_version integer) LANGUAGE plpgsql AS $$
BEGIN
    CALL record_by_owner('platform.audited_table.declare', 'audited_tables',
        replace(replace(listed, '%', '%25'), '/', '%2F') || '/' || listed_version, true);
END
$$;

-- Said once for all: who removes rows is the person's erasure and retention, by the functions below.
COMMENT ON PROCEDURE append_only(regclass) IS 'The service may insert and read, never change or remove; rows about persons go by forget_rows and forget_overdue alone.';

-- Removes the rows of a person whose erasure is recorded here, from a table that their request ends, and answers the keys of these. Runs as
-- the owner; it sees the region of the transaction only.
CREATE FUNCTION forget_rows(listed text, by_rule text, person uuid) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    here text := current_setting('anjia.region', true);
    list personal_tables;
BEGIN
    SELECT * INTO list FROM personal_tables WHERE name = listed AND rule = by_rule AND on_request;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM erasures WHERE region = here AND resident_id = person AND state = 'ERASED') THEN
        RAISE EXCEPTION 'rows that a request ends are forgotten with their person''s recorded erasure only'
            USING ERRCODE = 'insufficient_privilege', TABLE = listed;
    END IF;
    RETURN QUERY EXECUTE format('DELETE FROM %I AS t WHERE t.region = $2 AND %s RETURNING %s', list.name, list.whose, list.key)
        USING person, here;
END
$$;

-- How far retention has looked through a table of a region; no row: it begins with the oldest.
CREATE TABLE retention_progress (
    region   text        NOT NULL CONSTRAINT retention_progress_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    name     text        NOT NULL,
    rule     text        NOT NULL,
    after    text        NOT NULL,
    after_at timestamptz,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (region, name, rule)
);

COMMENT ON TABLE  retention_progress       IS 'Where the next page of a table begins that retention looks through.';
COMMENT ON COLUMN retention_progress.after IS 'Key of the last row looked at, among those of its date.';

CALL protect_by_region('retention_progress');

-- Looks through the next rows that are old enough by date, and removes those whose time is over: $1 region, $2 and $3 date and key of the
-- last row looked at before, $4 how many, $5 now.
CREATE FUNCTION retention_page(list personal_tables) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT format(
        'WITH page AS MATERIALIZED ( '
            'SELECT t.ctid AS place, (%2$s)::timestamptz AS at, %3$s AS key FROM %1$I AS t '
            'WHERE t.region = $1 AND %2$s < $5 - %5$L::interval AND %2$s >= $2 AND (%2$s > $2 OR %3$s > $3) ORDER BY %2$s, %3$s LIMIT $4), '
        'gone AS (DELETE FROM %1$I AS t USING page '
            'WHERE t.ctid = page.place AND %4$s + %5$L::interval < $5 AND %6$s RETURNING page.key) '
        'SELECT (SELECT count(*) FROM page), (SELECT coalesce(array_agg(key), ''{}'') FROM gone), '
            '(SELECT max(at) FROM page), (SELECT key FROM page ORDER BY at DESC, key DESC LIMIT 1)',
        list.name, list.dated, list.key, list.since, make_interval(years => list.years, days => list.days)::text, list.unreferred)
$$;

-- $1 region, $2 counted up to, $3 now.
CREATE FUNCTION overdue_count(list personal_tables) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT format(
        'SELECT count(*) FROM (SELECT FROM %1$I AS t WHERE t.region = $1 AND %2$s < $3 - %4$L::interval AND %3$s + %4$L::interval < $3 '
        'LIMIT $2) AS overdue',
        list.name, list.dated, list.since, make_interval(years => list.years, days => list.days)::text)
$$;

-- Looks through the next page of a table, removes the rows of it that have outlived the period of their rule by the clock of the
-- database, and answers their keys; where the page ends is kept. Runs as the owner; it sees the region of the transaction only.
CREATE FUNCTION forget_overdue(listed text, by_rule text, page integer, OUT looked_at bigint, OUT removed text[]) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    here text := current_setting('anjia.region', true);
    list personal_tables;
    seen retention_progress;
    last_at timestamptz;
    last_key text;
BEGIN
    SELECT * INTO list FROM personal_tables WHERE name = listed AND rule = by_rule AND dated IS NOT NULL AND NOT appraised;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no period ends what is kept in %', listed USING ERRCODE = 'insufficient_privilege', TABLE = listed;
    END IF;
    SELECT * INTO seen FROM retention_progress WHERE region = here AND name = listed AND rule = by_rule FOR UPDATE;
    EXECUTE retention_page(list) INTO looked_at, removed, last_at, last_key
    USING here, coalesce(seen.after_at, '-infinity'), coalesce(seen.after, ''), page, now();
    IF looked_at < page THEN
        DELETE FROM retention_progress WHERE region = here AND name = listed AND rule = by_rule;
    ELSE
        INSERT INTO retention_progress (region, name, rule, after, after_at) VALUES (here, listed, by_rule, last_key, last_at)
        ON CONFLICT (region, name, rule) DO UPDATE SET after = excluded.after, after_at = excluded.after_at, moved_at = now();
    END IF;
END
$$;

-- How many rows have outlived their period and wait to be appraised; counted up to `most`.
CREATE FUNCTION count_overdue(listed text, by_rule text, most bigint) RETURNS bigint LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    list personal_tables;
    counted bigint;
BEGIN
    SELECT * INTO list FROM personal_tables WHERE name = listed AND rule = by_rule AND dated IS NOT NULL;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    EXECUTE overdue_count(list) INTO counted USING current_setting('anjia.region', true), most, now();
    RETURN counted;
END
$$;

-- The loop takes due rows of all regions, and puts them off while it works on them.
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON retention_progress FROM %I', service_role());
    EXECUTE 'REVOKE EXECUTE ON FUNCTION forget_rows(text, text, uuid), forget_overdue(text, text, integer), count_overdue(text, text, bigint), retention_page(personal_tables), overdue_count(personal_tables) FROM PUBLIC';
    EXECUTE format('GRANT EXECUTE ON FUNCTION forget_rows(text, text, uuid), forget_overdue(text, text, integer), count_overdue(text, text, bigint) TO %I', service_role());
    EXECUTE format('GRANT UPDATE (due_at) ON erasures TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions_put_off ON erasures FOR UPDATE TO %I USING (true)', worker_role());
END
$$;

-- Persons who are erased and whose keys are still there, page by page.
CREATE INDEX erasures_erased ON erasures (region, resident_id) WHERE state = 'ERASED';
