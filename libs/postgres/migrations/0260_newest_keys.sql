-- No transaction begins without the newest keys of its region in memory. Whoever begins one says in the same round trip which they have.

CREATE FUNCTION require_newest_keys(asked_region text, asked_generation bigint) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF asked_generation <> coalesce((SELECT max(generation) FROM data_keys WHERE region_code IN (asked_region, '')), 0) THEN
        RAISE EXCEPTION 'region % has newer keys than those of generation %', asked_region, asked_generation USING ERRCODE = 'KEYS1';
    END IF;
END
$$;
