-- Reserved places fall back to everybody at stated times before the visit, and every change of a pool is written down.

CREATE TABLE release_ladders (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT release_ladders_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    organisation_id uuid        NOT NULL,
    department_id   uuid,
    pools           text[]      NOT NULL,
    hours_before    integer[]   NOT NULL,
    keep_percents   integer[]   NOT NULL,
    set_by          text        NOT NULL,
    set_at          timestamptz NOT NULL,
    CONSTRAINT release_ladders_once UNIQUE NULLS NOT DISTINCT (organisation_id, department_id),
    CONSTRAINT release_ladders_steps_check CHECK (
        cardinality(pools) = cardinality(hours_before) AND cardinality(pools) = cardinality(keep_percents)),
    CONSTRAINT release_ladders_pools_check CHECK (
        pools <@ ARRAY['REFERRAL', 'FAMILY_DOCTOR', 'COMMUNITY_WORKER', 'PHONE_ELDERLY'])
);

COMMENT ON TABLE  release_ladders               IS 'When reserved places of a department fall back to PUBLIC; one step at each index.';
COMMENT ON COLUMN release_ladders.keep_percents IS 'From then on at most this share of the places first published in the pool stays in it, rounded up.';

-- What was published never changes; what there is now follows from it by moves.
ALTER TABLE slot_pools DROP CONSTRAINT slot_pools_places_check;
ALTER TABLE slot_pools ADD CONSTRAINT slot_pools_places_check CHECK (places BETWEEN 0 AND 500);
ALTER TABLE slot_pools ADD COLUMN published integer;
UPDATE slot_pools SET published = places;

CREATE FUNCTION keep_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.published := CASE TG_OP WHEN 'INSERT' THEN NEW.places ELSE OLD.published END;
    RETURN NEW;
END
$$;
CREATE TRIGGER slot_pools_keep_published BEFORE INSERT OR UPDATE OF published ON slot_pools FOR EACH ROW EXECUTE FUNCTION keep_published();

COMMENT ON COLUMN slot_pools.published IS 'Places when the slot was made.';

CREATE TABLE pool_moves (
    id        uuid        PRIMARY KEY,
    region    text        NOT NULL CONSTRAINT pool_moves_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    slot_id   uuid        NOT NULL CONSTRAINT pool_moves_slot_id_fkey REFERENCES slots,
    from_pool text,
    to_pool   text,
    places    integer     NOT NULL CONSTRAINT pool_moves_places_check CHECK (places > 0),
    reason    text        NOT NULL,
    moved_by  text        NOT NULL,
    moved_at  timestamptz NOT NULL,
    -- Only a provider who changes a session makes places, or takes them away.
    CONSTRAINT pool_moves_reason_check CHECK (CASE reason
        WHEN 'RELEASED'  THEN from_pool IS NOT NULL AND to_pool IS NOT NULL AND from_pool <> to_pool
        WHEN 'WITHDRAWN' THEN from_pool IS NOT NULL AND to_pool IS NULL
        WHEN 'ADDED'     THEN from_pool IS NULL AND to_pool IS NOT NULL
        ELSE false END)
);
CREATE INDEX pool_moves_by_slot ON pool_moves (slot_id);

COMMENT ON TABLE pool_moves IS 'Every change of how many places a pool of a slot has: who or what made it, when and why.';

CALL protect_by_region('release_ladders');
CALL protect_by_region('pool_moves');
CALL append_only('pool_moves');
CALL audited('release_ladders');
CALL audited('pool_moves');
CALL audited('slot_pools', apart => '{taken}');

-- Which places of a slot should have fallen back by then: what a pool has above what it may keep, but for what is given already.
CREATE FUNCTION due_releases(slot uuid, by_then timestamptz) RETURNS TABLE (pool text, places integer) LANGUAGE sql STABLE AS $$
    SELECT held.pool, held.places - greatest(held.taken, min((held.published * step.keep_percent + 99) / 100))
    FROM slots
    JOIN sessions ON sessions.id = slots.session_id
    JOIN release_ladders ladder ON ladder.organisation_id = sessions.organisation_id
        AND ladder.department_id IS NOT DISTINCT FROM sessions.department_id
    CROSS JOIN LATERAL unnest(ladder.pools, ladder.hours_before, ladder.keep_percents) AS step (pool, hours_before, keep_percent)
    JOIN slot_pools held ON held.slot_id = slots.id AND held.pool = step.pool
    WHERE slots.id = slot AND slots.withdrawn_at IS NULL
        AND slots.starts_at > by_then AND slots.starts_at <= by_then + step.hours_before * interval '1 hour'
    GROUP BY held.pool, held.places, held.taken
    HAVING held.places > greatest(held.taken, min((held.published * step.keep_percent + 99) / 100))
$$;

DO $$
BEGIN
    EXECUTE format('GRANT SELECT (region) ON release_ladders TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON release_ladders FOR SELECT TO %I USING (true)', worker_role());
END
$$;

-- I5 once more, with what displacement and moves add.
CREATE OR REPLACE VIEW booking_violations AS
SELECT 'places taken are not the appointments in them' AS violation, slot_pools.slot_id AS row_id
FROM slot_pools
LEFT JOIN appointments ON appointments.slot_id = slot_pools.slot_id AND appointments.pool = slot_pools.pool
    AND appointments.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED')
GROUP BY slot_pools.slot_id, slot_pools.pool, slot_pools.taken
HAVING count(appointments.id) <> slot_pools.taken
UNION ALL
SELECT 'more is given than there are places', slot_id FROM slot_pools WHERE taken > places
UNION ALL
SELECT 'a patient is booked twice at one time', one.id
FROM appointments one
JOIN appointments other ON other.resident_id = one.resident_id AND other.id > one.id
    AND tstzrange(other.starts_at, other.ends_at) && tstzrange(one.starts_at, one.ends_at)
WHERE one.state IN ('HELD', 'CONFIRMED') AND other.state IN ('HELD', 'CONFIRMED')
UNION ALL
SELECT 'a doctor has two sessions at one time', one.id
FROM sessions one
JOIN sessions other ON other.practitioner_id = one.practitioner_id AND other.id > one.id
    AND tstzrange(other.starts_at, other.ends_at) && tstzrange(one.starts_at, one.ends_at)
WHERE one.withdrawn_at IS NULL AND other.withdrawn_at IS NULL
UNION ALL
SELECT 'a hold outlived its end by more than 5 s', id FROM appointments
WHERE state = 'HELD' AND hold_expires_at < now() - interval '5 seconds'
UNION ALL
SELECT 'confirmed without a hold in force', id FROM appointments
WHERE confirmed_at IS NOT NULL AND (confirmed_at < held_at OR confirmed_at >= hold_expires_at)
UNION ALL
SELECT 'kept without its visit', appointments.id
FROM appointments
LEFT JOIN visits ON visits.id = appointments.visit_id AND visits.appointment_id = appointments.id
WHERE appointments.state = 'KEPT' AND visits.id IS NULL
UNION ALL
SELECT 'a visit keeps an appointment that does not know it', visits.id
FROM visits
JOIN appointments ON appointments.id = visits.appointment_id
WHERE appointments.visit_id IS DISTINCT FROM visits.id
UNION ALL
SELECT 'places of a pool are not those published and moved', slot_pools.slot_id
FROM slot_pools
LEFT JOIN pool_moves ON pool_moves.slot_id = slot_pools.slot_id
GROUP BY slot_pools.slot_id, slot_pools.pool, slot_pools.places, slot_pools.published
HAVING slot_pools.places <> slot_pools.published
    + coalesce(sum(pool_moves.places) FILTER (WHERE pool_moves.to_pool = slot_pools.pool), 0)
    - coalesce(sum(pool_moves.places) FILTER (WHERE pool_moves.from_pool = slot_pools.pool), 0)
UNION ALL
SELECT 'places were moved to or from a pool that is not there', pool_moves.slot_id
FROM pool_moves
CROSS JOIN LATERAL unnest(ARRAY[pool_moves.from_pool, pool_moves.to_pool]) AS named (pool)
WHERE named.pool IS NOT NULL
    AND NOT EXISTS (SELECT FROM slot_pools WHERE slot_pools.slot_id = pool_moves.slot_id AND slot_pools.pool = named.pool)
UNION ALL
SELECT 'a slot that was withdrawn has a free place', slots.id
FROM slots
JOIN slot_pools ON slot_pools.slot_id = slots.id
WHERE slots.withdrawn_at IS NOT NULL AND slot_pools.places > slot_pools.taken
UNION ALL
SELECT 'somebody has a place in a slot that was withdrawn', appointments.id
FROM appointments
JOIN slots ON slots.id = appointments.slot_id
WHERE slots.withdrawn_at IS NOT NULL AND appointments.state IN ('HELD', 'CONFIRMED', 'DISPLACED')
UNION ALL
SELECT 'a displaced appointment outlived its deadline by more than 30 s', id FROM appointments
WHERE state = 'DISPLACED' AND displaced_until < now() - interval '30 seconds';
