-- A person's year is one, whichever region gives the care: deductible, ceiling and what layers above count are borne once. Rows stay hidden from
-- other regions; what a claim has to know of them these functions tell, which run as the owner and which the service alone calls. To whoever is in
-- a region and names the person, as a desk does whom the person stands before, they tell the totals of a year and where it began, that a stay is
-- open, and in which regions claims are, with an id of the person there; who names a journey of theirs, too, is told tier, first day, scheme, year
-- and deductible of its stays. Of other single settlements (days, tier, journey, claim id, what they moved) only a region is told that has a claim
-- of the person itself. Nobody is told who gave the care, or for what. No rows have to be moved: a year was one row already.

-- The region that the transaction was begun for has claims of the person, by any id of theirs.
CREATE FUNCTION is_cared_for_here(person uuid) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM claims WHERE resident_id = ANY (one_person(person)) AND region = current_setting('anjia.region', true));
END
$$;

-- The rows of a person's year.
CREATE FUNCTION year_rows(person uuid, in_year integer, under_scheme text) RETURNS SETOF accumulators LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT counted.* FROM accumulators counted
        WHERE counted.resident_id = ANY (one_person(person)) AND counted.year = in_year AND counted.scheme = under_scheme
            AND current_setting('anjia.region', true) <> '';
END
$$;

-- The same, locked until the end of the transaction; none where the region has no claim of the person. Rows are made where they are missing, in
-- one order, so that there is something to lock.
CREATE FUNCTION lock_year(person uuid, in_year integer, under_scheme text) RETURNS SETOF accumulators LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids uuid[] := one_person(person);
    here text := current_setting('anjia.region', true);
    locked bigint;
BEGIN
    IF NOT is_cared_for_here(person) THEN
        RETURN;
    END IF;
    PERFORM FROM accumulators counted
        WHERE counted.resident_id = ANY (ids) AND counted.year = in_year AND counted.scheme = under_scheme
        ORDER BY counted.resident_id, counted.kind FOR UPDATE;
    GET DIAGNOSTICS locked = ROW_COUNT;
    IF locked < 2 * cardinality(ids) THEN
        INSERT INTO accumulators (region, resident_id, year, scheme, kind, in_scope, deductible, pooled_fund, large_amount_fund, stays, version)
            SELECT here, missing.id, in_year, under_scheme, missing.kind, 0, 0, 0, 0, 0, 0
            FROM (SELECT id, kind FROM unnest(ids) AS id, unnest(ARRAY['INPATIENT', 'OUTPATIENT']) AS kind ORDER BY id, kind) missing
            ON CONFLICT DO NOTHING;
        PERFORM FROM accumulators counted
            WHERE counted.resident_id = ANY (ids) AND counted.year = in_year AND counted.scheme = under_scheme
            ORDER BY counted.resident_id, counted.kind FOR UPDATE;
    END IF;
    RETURN QUERY SELECT counted.* FROM accumulators counted
        WHERE counted.resident_id = ANY (ids) AND counted.year = in_year AND counted.scheme = under_scheme;
END
$$;

-- Moves a row of a year. False where there is no such row, or the region has no claim of the person. By how much is the service's word: that a
-- settlement moves a year by what it says, once, its own transaction sees to, and `anjia verify` adds up.
CREATE FUNCTION move_year(resident uuid, in_year integer, under_scheme text, of_kind text, in_scope_by numeric, deductible_by numeric,
    pooled_fund_by numeric, large_amount_fund_by numeric, stays_by integer, own_in_scope_by numeric, critical_illness_fund_by numeric,
    assistance_base_by numeric, assistance_fund_by numeric, top_up_base_by numeric, top_up_by numeric, voucher_by numeric)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT is_cared_for_here(resident) THEN
        RETURN false;
    END IF;
    UPDATE accumulators counted
    SET in_scope = counted.in_scope + in_scope_by, deductible = counted.deductible + deductible_by,
        pooled_fund = counted.pooled_fund + pooled_fund_by, large_amount_fund = counted.large_amount_fund + large_amount_fund_by,
        stays = counted.stays + stays_by, own_in_scope = counted.own_in_scope + own_in_scope_by,
        critical_illness_fund = counted.critical_illness_fund + critical_illness_fund_by,
        assistance_base = counted.assistance_base + assistance_base_by, assistance_fund = counted.assistance_fund + assistance_fund_by,
        top_up_base = counted.top_up_base + top_up_base_by, top_up = counted.top_up + top_up_by, voucher = counted.voucher + voucher_by,
        version = counted.version + 1
    WHERE counted.resident_id = resident AND counted.year = in_year AND counted.scheme = under_scheme AND counted.kind = of_kind;
    RETURN FOUND;
END
$$;

-- The inpatient stays in force of a person, with their place in the order of service: of a journey to whoever names it; all of them,
-- `of_journey` null, where the region has claims of the person.
CREATE FUNCTION inpatient_stays(person uuid, of_journey uuid)
RETURNS TABLE (journey_id uuid, scheme text, tier text, year integer, deductible numeric, from_date date, place bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF coalesce(current_setting('anjia.region', true), '') = '' OR of_journey IS NULL AND NOT is_cared_for_here(person) THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT settled.journey_id, settled.scheme, settled.tier, settled.year, settled.deductible, claim.from_date,
            row_number() OVER (ORDER BY claim.from_date,
                (SELECT min(first.confirmed_at) FROM settlements first WHERE first.claim_id = claim.id), claim.id)
        FROM settlements settled JOIN claims claim ON claim.id = settled.claim_id
        WHERE settled.resident_id = ANY (one_person(person)) AND settled.state = 'CONFIRMED' AND settled.kind = 'INPATIENT'
            AND (of_journey IS NULL OR settled.journey_id = of_journey);
END
$$;

-- What settlements in force of other regions have moved of a person's years from one on, where this region has claims of the person, too.
CREATE FUNCTION settled_elsewhere(person uuid, from_year integer)
RETURNS TABLE (claim_id uuid, resident_id uuid, from_date date, first_confirmed_at timestamptz, year integer, scheme text, kind text, tier text,
    journey_id uuid, moved jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT is_cared_for_here(person) THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT claim.id, settled.resident_id, claim.from_date,
            (SELECT min(first.confirmed_at) FROM settlements first WHERE first.claim_id = claim.id),
            settled.year, settled.scheme, settled.kind, settled.tier, settled.journey_id,
            jsonb_strip_nulls(jsonb_build_object('before', settled.adjudication->'before', 'after', settled.adjudication->'after',
                'year_before', settled.adjudication->'year_before', 'year_after', settled.adjudication->'year_after',
                'deductible', settled.adjudication->'shares'->'deductible'))
        FROM settlements settled JOIN claims claim ON claim.id = settled.claim_id
        WHERE settled.resident_id = ANY (one_person(person)) AND settled.region <> current_setting('anjia.region', true)
            AND settled.state = 'CONFIRMED' AND settled.year >= from_year;
END
$$;

-- Whether care after a day is settled under a scheme for a year or later ones, here or elsewhere.
CREATE FUNCTION is_settled_after(person uuid, from_year integer, under_scheme text, day date) RETURNS boolean LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM claims later JOIN settlements settled ON settled.id = later.settlement_id
        WHERE later.resident_id = ANY (one_person(person)) AND settled.state = 'CONFIRMED' AND settled.year >= from_year
            AND settled.scheme = under_scheme AND later.from_date > day)
        AND is_cared_for_here(person);
END
$$;

-- Where claims of a person are settled, or may yet be, for care that lasted until a day or longer; with an id of theirs there.
CREATE FUNCTION regions_of_care(person uuid, since date) RETURNS TABLE (region text, resident_id uuid) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT claim.region, (min(claim.resident_id::text))::uuid
        FROM claims claim JOIN settlements settled ON settled.id = claim.settlement_id
        WHERE claim.resident_id = ANY (one_person(person)) AND claim.until_date >= since AND settled.state IN ('CONFIRMED', 'DIVIDED')
            AND current_setting('anjia.region', true) <> ''
        GROUP BY claim.region ORDER BY claim.region;
END
$$;

-- Whether a stay of the person is open, wherever, that began on this local day or before.
CREATE FUNCTION has_open_stay(person uuid, day date) RETURNS boolean LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM stays stay
        WHERE stay.resident_id = ANY (one_person(person)) AND stay.ended_at IS NULL
            AND (stay.opened_at AT TIME ZONE 'Asia/Shanghai')::date <= day AND current_setting('anjia.region', true) <> '');
END
$$;

DO $$
DECLARE
    told text := 'year_rows(uuid, integer, text), lock_year(uuid, integer, text), move_year(uuid, integer, text, text, numeric, numeric, numeric, '
        'numeric, integer, numeric, numeric, numeric, numeric, numeric, numeric, numeric), inpatient_stays(uuid, uuid), '
        'settled_elsewhere(uuid, integer), is_settled_after(uuid, integer, text, date), regions_of_care(uuid, date), has_open_stay(uuid, date)';
BEGIN
    EXECUTE format('REVOKE EXECUTE ON FUNCTION is_cared_for_here(uuid), %s FROM PUBLIC', told);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', told, service_role());
END
$$;

COMMENT ON COLUMN accumulators.region IS 'Where the year began; every region that cares for the person reads and moves it, by functions.';
