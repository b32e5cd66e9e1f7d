-- A person is in one hospital at a time, and so their stays never overlap, in whichever region and by whichever id of the person: one may begin at
-- the instant at which another ends. Judged is what is told from now on: a stay that is opened, or told together with its end, is held
-- against all others. The end of an open one is not: as long as it is open no other is taken, and what stands beside it from before, or became one
-- person's by a merge, would keep it open for good. A stay that was left unseen never was: it is held against none, and none against it.

DROP TRIGGER visits_open_stay ON visits;
DROP FUNCTION keep_one_open_stay();

ALTER TABLE visits
    ADD COLUMN reported_at timestamptz,
    ADD COLUMN end_reason  text NOT NULL DEFAULT '' CONSTRAINT visits_end_reason_check CHECK (length(end_reason) <= 200);
-- By itself: what is there already was reported before.
ALTER TABLE visits ALTER COLUMN reported_at SET DEFAULT now();

COMMENT ON COLUMN visits.reported_at IS 'When it was told; null: before stays were kept apart.';
COMMENT ON COLUMN visits.end_reason  IS 'Why it was ended, as an operator says; empty of a provider that said nothing.';

CALL audited('visits');

CREATE FUNCTION keep_stays_apart() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids       uuid[];
    locked    uuid[] := '{}';
    one_id    uuid;
    lacks_end boolean;
BEGIN
    -- Of two at once the second sees the first, by whichever id of the person. Who became one person during the wait is waited for as well, until all
    -- ids are locked that are known then; two who meet crosswise in that are told to try again.
    LOOP
        ids := one_person(NEW.resident_id);
        EXIT WHEN ids <@ locked;
        FOREACH one_id IN ARRAY ids LOOP
            PERFORM pg_advisory_xact_lock(hashtextextended('stay ' || one_id::text, 0));
        END LOOP;
        locked := locked || ids;
    END LOOP;
    -- Whether the end of the one that began before is all that is missing for both to stand. A stay without length overlaps with what it lies within.
    SELECT CASE
        WHEN other.opened_at < NEW.opened_at THEN other.ended_at IS NULL
        WHEN other.opened_at > NEW.opened_at THEN NEW.ended_at IS NULL
        ELSE other.ended_at IS NULL OR NEW.ended_at IS NULL
    END
    INTO lacks_end FROM visits AS other
    WHERE other.resident_id = ANY (ids) AND other.kind = 'INPATIENT' AND other.state <> 'LEFT_UNSEEN' AND other.id <> NEW.id
        AND other.opened_at < coalesce(NEW.ended_at, 'infinity') AND NEW.opened_at < coalesce(other.ended_at, 'infinity')
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
    WHEN (NEW.kind = 'INPATIENT' AND NEW.state <> 'LEFT_UNSEEN') EXECUTE FUNCTION keep_stays_apart();

-- The rule as a query, for the owner, as booking_violations. The later of two was held against the earlier when it was told, unless both stood before
-- the rule, or were another person's: of two by two ids one must have been told since, a minute after the merge, when it was known here. From then
-- on a stay only gets shorter.
CREATE VIEW stay_violations AS
SELECT 'two stays of a person overlap' AS violation, one.id AS row_id
FROM visits one
JOIN visits other ON other.resident_id = one.resident_id AND other.id > one.id
    AND other.opened_at < coalesce(one.ended_at, 'infinity') AND one.opened_at < coalesce(other.ended_at, 'infinity')
WHERE one.kind = 'INPATIENT' AND one.state <> 'LEFT_UNSEEN' AND other.kind = 'INPATIENT' AND other.state <> 'LEFT_UNSEEN'
    AND (one.reported_at IS NOT NULL OR other.reported_at IS NOT NULL)
UNION ALL
SELECT 'two stays of a person overlap', one.id
FROM (SELECT resident_id FROM resident_aliases UNION SELECT survivor_id FROM resident_aliases) AS known
JOIN visits one ON one.resident_id = known.resident_id
JOIN visits other ON other.resident_id = ANY (one_person(one.resident_id)) AND other.resident_id <> one.resident_id AND other.id > one.id
    AND other.opened_at < coalesce(one.ended_at, 'infinity') AND one.opened_at < coalesce(other.ended_at, 'infinity')
WHERE one.kind = 'INPATIENT' AND one.state <> 'LEFT_UNSEEN' AND other.kind = 'INPATIENT' AND other.state <> 'LEFT_UNSEEN'
    AND greatest(one.reported_at, other.reported_at) > interval '1 minute' + (
        SELECT max(alias.since) FROM resident_aliases alias WHERE alias.resident_id = ANY (one_person(one.resident_id)));

COMMENT ON VIEW stay_violations IS 'One row for every violation. A view sees what its owner sees, so nobody else may read it.';

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON stay_violations FROM %I', service_role());
END
$$;
