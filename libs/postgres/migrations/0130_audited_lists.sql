-- What is digested, and over which columns, stands in the audit itself: a list that was edited, removed or slipped in is found like any
-- other row, and so is what it would have hidden.

-- A part of what is digested: it cannot run into the next one.
CREATE FUNCTION audit_part(part bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
AS $$ SELECT int8send(octet_length(part)) || part $$;

-- Writes the entry of one list. It concerns no person and no region; 990000 is assigned to none.
CREATE PROCEDURE record_audited(listed text, listed_version integer) LANGUAGE plpgsql AS $$
DECLARE
    row_id text  := replace(replace(listed, '%', '%25'), '/', '%2F') || '/' || listed_version;
    salt   bytea := uuid_send(gen_random_uuid());
    row_salt bytea := sha256(audit_part('anjia audit row salt v1') || audit_part(salt)
        || audit_part('audited_tables') || audit_part(convert_to(row_id, 'UTF8')));
    by_version integer := (SELECT max(version) FROM audited_tables WHERE name = 'audited_tables');
    head   bytea := audit_part('anjia audit row v1') || audit_part(row_salt) || audit_part('audited_tables')
        || audit_part(convert_to(row_id, 'UTF8')) || audit_part(int4send(by_version));
    body   text;
BEGIN
    SELECT ROW(name, version, key, key_types, columns, sealed)::text INTO STRICT body
    FROM audited_tables WHERE name = listed AND version = listed_version;
    INSERT INTO audit_entries (region, actor, subject, action, salt, rows)
    VALUES ('990000', 'service:' || service_role(), 'service:' || service_role(), 'platform.audited_table.declare', salt,
        jsonb_build_array(jsonb_build_object('table', 'audited_tables', 'id', row_id, 'columns', by_version,
            'digest', encode(sha256(head || convert_to(body, 'UTF8')), 'hex'))));
END
$$;

-- As before, and the list gets its entry.
CREATE OR REPLACE PROCEDURE audited(witnessed regclass, sealed text[] DEFAULT '{}', apart text[] DEFAULT '{}') LANGUAGE plpgsql AS $$
DECLARE
    unknown text;
    listed  text;
    listed_version integer;
BEGIN
    SELECT named INTO unknown FROM unnest(sealed || apart) AS named
    WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = witnessed AND attname = named AND attnum > 0 AND NOT attisdropped);
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION '% has no column %', witnessed, unknown;
    END IF;
    INSERT INTO audited_tables (name, version, key, key_types, columns, sealed)
    SELECT class.relname, 1 + (SELECT coalesce(max(version), 0) FROM audited_tables WHERE name = class.relname),
        (SELECT array_agg(attname ORDER BY place) FROM unnest(key.indkey::smallint[]) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute ON attrelid = witnessed AND attnum = part.number),
        (SELECT array_agg(format_type(atttypid, NULL) ORDER BY place) FROM unnest(key.indkey::smallint[]) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute ON attrelid = witnessed AND attnum = part.number),
        (SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = witnessed AND attnum > 0 AND NOT attisdropped AND attname <> ALL (sealed || apart)),
        sealed
    FROM pg_class class JOIN pg_index key ON key.indrelid = class.oid AND key.indisprimary
    WHERE class.oid = witnessed
    RETURNING name, version INTO listed, listed_version;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% has no primary key to name its rows by', witnessed;
    END IF;
    CALL record_audited(listed, listed_version);
END
$$;

-- Of the lists made before; first of all that of the lists.
DO $$
DECLARE
    list record;
BEGIN
    CALL audited('audited_tables');
    FOR list IN SELECT name, version FROM audited_tables WHERE name <> 'audited_tables' ORDER BY name, version LOOP
        CALL record_audited(list.name, list.version);
    END LOOP;
END
$$;
