-- A person is in one hospital at a time. A stay that is open in another region counts as well, since its claims do, by whichever id of the
-- person it was opened. Only stays opened from now on are judged: what stands is the providers' to end. Nor does a stay that began later keep one
-- that began before from being told: that it is told late is no second admission, and whoever reports it reports its end, too.

CREATE FUNCTION keep_one_open_stay() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids uuid[] := one_person(NEW.resident_id);
BEGIN
    -- Of two at once the second sees the first; and whoever became one person while it waited is read as one.
    PERFORM pg_advisory_xact_lock(hashtextextended('stay ' || ids[1]::text, 0));
    ids := one_person(NEW.resident_id);
    IF EXISTS (SELECT FROM visits WHERE resident_id = ANY (ids) AND kind = 'INPATIENT' AND state = 'OPEN' AND id <> NEW.id
               AND opened_at <= NEW.opened_at) THEN
        RAISE EXCEPTION 'the person has an open stay' USING ERRCODE = 'unique_violation', CONSTRAINT = 'visits_open_stay';
    END IF;
    RETURN NULL;
END
$$;

-- After the row, so that a visit that is reported twice is named as such.
CREATE TRIGGER visits_open_stay AFTER INSERT ON visits FOR EACH ROW
    WHEN (NEW.kind = 'INPATIENT' AND NEW.state = 'OPEN') EXECUTE FUNCTION keep_one_open_stay();
