-- Every id of each of many persons, as one_person() tells of one: by two joins, whatever their number.
CREATE FUNCTION same_persons(residents uuid[]) RETURNS TABLE (asked uuid, own uuid) LANGUAGE sql STABLE AS $$
    WITH RECURSIVE into_whom (asked, own) AS (
        SELECT resident, resident FROM unnest(residents) AS resident
        UNION
        SELECT into_whom.asked, alias.survivor_id FROM into_whom JOIN resident_aliases alias ON alias.resident_id = into_whom.own
    ), same (asked, own) AS (
        SELECT asked, own FROM into_whom
        UNION
        SELECT same.asked, alias.resident_id FROM same JOIN resident_aliases alias ON alias.survivor_id = same.own
    )
    SELECT asked, own FROM same
$$;
