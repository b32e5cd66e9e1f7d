-- A merge is a row of the region in which it was decided, and whoever was merged there is one person in every other region, too: to the service,
-- which sees the rows of its region, as to the functions of 0410 and 0411, which see all. So these run as the owner; they tell ids and no more.
ALTER FUNCTION survivor(uuid) SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION one_person(uuid) SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION one_party(text) SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION same_persons(uuid[]) SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;

-- Whether a region was asked already to judge a person's years from one on for this cause, by whomever, and has not begun. It does not begin
-- before the transaction ends, and so sees what the transaction changes.
CREATE FUNCTION is_asked(of_region text, person uuid, first_year integer, for_cause text) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM readjudications asked
        WHERE asked.resident_id = ANY (one_person(person)) AND asked.region = of_region AND asked.from_year <= first_year
            AND asked.cause = for_cause AND asked.state = 'RUNNING' AND asked.fence = 0 AND current_setting('anjia.region', true) <> ''
        LIMIT 1 FOR SHARE SKIP LOCKED;
    RETURN FOUND;
END
$$;

DO $$
BEGIN
    EXECUTE 'REVOKE EXECUTE ON FUNCTION is_asked(text, uuid, integer, text) FROM PUBLIC';
    EXECUTE format('GRANT EXECUTE ON FUNCTION is_asked(text, uuid, integer, text) TO %I', service_role());
END
$$;

-- What a provider's year comes to is added up by its care.
CREATE INDEX claims_by_provider ON claims (provider_organisation_id, from_date);
