-- One person, several ids: somebody registered twice goes by the id that survived, and rows of the other id stay as they were written.
-- Whoever asks for a person's rows asks `WHERE resident_id = ANY (one_person($1))`, by whichever id they know.
CREATE TABLE resident_aliases (
    resident_id uuid        PRIMARY KEY,
    region      text        NOT NULL CONSTRAINT resident_aliases_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    survivor_id uuid        NOT NULL,
    since       timestamptz NOT NULL,
    CONSTRAINT resident_aliases_two CHECK (resident_id <> survivor_id)
);
CREATE INDEX resident_aliases_survivor ON resident_aliases (survivor_id);

COMMENT ON TABLE  resident_aliases             IS 'Residents merged into others. A row goes when the merge is undone; nothing else has to change for either.';
COMMENT ON COLUMN resident_aliases.survivor_id IS 'Into whom; who may have been merged into another in turn.';

CALL protect_by_region('resident_aliases');
CALL audited('resident_aliases');
DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, TRUNCATE ON resident_aliases FROM %I', service_role());
END
$$;

-- The id by which a person goes: the last of the chain.
CREATE FUNCTION survivor(resident uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain (id, place) AS (
        SELECT resident, 0
        UNION ALL
        SELECT alias.survivor_id, chain.place + 1 FROM chain JOIN resident_aliases alias ON alias.resident_id = chain.id
        WHERE chain.place < 100
    )
    SELECT id FROM chain ORDER BY place DESC LIMIT 1
$$;

-- Every id of the person, the given one among them.
CREATE FUNCTION one_person(resident uuid) RETURNS uuid[] LANGUAGE sql STABLE AS $$
    WITH RECURSIVE same (id) AS (
        SELECT survivor(resident)
        UNION
        SELECT alias.resident_id FROM same JOIN resident_aliases alias ON alias.survivor_id = same.id
    )
    SELECT array_agg(id ORDER BY id) FROM same
$$;

-- The same of a party, `resident:<uuid>`; whoever is no resident goes by one name.
CREATE FUNCTION one_party(party text) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN party LIKE 'resident:%'
        THEN (SELECT array_agg('resident:' || id) FROM unnest(one_person(substr(party, 10)::uuid)) AS id)
        ELSE ARRAY[party]
    END
$$;
