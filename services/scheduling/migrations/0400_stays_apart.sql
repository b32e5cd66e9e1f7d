-- A person is in one hospital at a time, and so their stays never overlap, in whichever region and by whichever id of the person: one may begin at
-- the instant at which another ends. Judged is what is written from now on. A stay that is opened, or told together with its end, is held against
-- all others. The end of an open one is held against those that began after it alone: what stands beside it from before, or became one person's
-- by a merge, would else keep it open for good.

DROP TRIGGER visits_open_stay ON visits;
DROP FUNCTION keep_one_open_stay();

CREATE FUNCTION keep_stays_apart() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids uuid[] := one_person(NEW.resident_id);
    lacks_end boolean;
BEGIN
    -- Of two at once the second sees the first; and whoever became one person while it waited is read as one.
    PERFORM pg_advisory_xact_lock(hashtextextended('stay ' || ids[1]::text, 0));
    ids := one_person(NEW.resident_id);
    -- Whether the end of the one that began before is all that is missing for both to stand. A stay without length overlaps with what it lies within.
    SELECT CASE
        WHEN other.opened_at < NEW.opened_at THEN other.ended_at IS NULL
        WHEN other.opened_at > NEW.opened_at THEN NEW.ended_at IS NULL
        ELSE other.ended_at IS NULL OR NEW.ended_at IS NULL
    END
    INTO lacks_end FROM visits AS other
    WHERE other.resident_id = ANY (ids) AND other.kind = 'INPATIENT' AND other.id <> NEW.id
        AND other.opened_at < coalesce(NEW.ended_at, 'infinity') AND NEW.opened_at < coalesce(other.ended_at, 'infinity')
        AND (TG_OP = 'INSERT' OR other.opened_at > NEW.opened_at)
    ORDER BY 1 LIMIT 1;
    IF lacks_end THEN
        RAISE EXCEPTION 'a stay of the person has no end' USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'visits_open_stay';
    ELSIF NOT lacks_end THEN
        RAISE EXCEPTION 'two stays of the person overlap' USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'visits_stays_apart';
    END IF;
    RETURN NULL;
END
$$;

-- After the row, so that a visit that is reported twice is named as such.
CREATE TRIGGER visits_stay_told AFTER INSERT ON visits FOR EACH ROW
    WHEN (NEW.kind = 'INPATIENT') EXECUTE FUNCTION keep_stays_apart();
CREATE TRIGGER visits_stay_ended AFTER UPDATE OF ended_at ON visits FOR EACH ROW
    WHEN (NEW.kind = 'INPATIENT' AND NEW.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at) EXECUTE FUNCTION keep_stays_apart();
