-- Hardly anybody was ever merged: whoever was not is told by two look-ups, whose plans a session keeps. The functions of 0090 were planned
-- anew with every statement that called them, which took longer than most of those statements.

-- The id by which a person goes: the last of the chain.
CREATE OR REPLACE FUNCTION survivor(resident uuid) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM resident_aliases WHERE resident_id = resident) THEN
        RETURN resident;
    END IF;
    RETURN (
        WITH RECURSIVE chain (id, place) AS (
            SELECT resident, 0
            UNION ALL
            SELECT alias.survivor_id, chain.place + 1 FROM chain JOIN resident_aliases alias ON alias.resident_id = chain.id
            WHERE chain.place < 100
        )
        SELECT id FROM chain ORDER BY place DESC LIMIT 1);
END
$$;

-- Every id of the person, the given one among them.
CREATE OR REPLACE FUNCTION one_person(resident uuid) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    last_id uuid := survivor(resident);
BEGIN
    IF NOT EXISTS (SELECT FROM resident_aliases WHERE survivor_id = last_id) THEN
        RETURN ARRAY[last_id];
    END IF;
    RETURN (
        WITH RECURSIVE same (id) AS (
            SELECT last_id
            UNION
            SELECT alias.resident_id FROM same JOIN resident_aliases alias ON alias.survivor_id = same.id
        )
        SELECT array_agg(id ORDER BY id) FROM same);
END
$$;
