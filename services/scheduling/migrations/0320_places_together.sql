-- Several places under one appointment, and the device by which it was asked for.

ALTER TABLE appointments
    ADD COLUMN more_slot_ids uuid[] NOT NULL DEFAULT '{}'
        CONSTRAINT appointments_more_slots_check CHECK (cardinality(more_slot_ids) <= 11 AND slot_id <> ALL (more_slot_ids)),
    ADD COLUMN device text;

COMMENT ON COLUMN appointments.more_slot_ids IS 'Further places of it, in the same pool; starts_at and ends_at are those of all of them together.';
COMMENT ON COLUMN appointments.device        IS 'Keyed hash of what the app called its device.';

-- What a device asked for is counted by it.
CREATE INDEX appointments_by_device ON appointments (device, held_at) WHERE device IS NOT NULL;

CALL audited('appointments');

-- As before, with all the places there were.
CREATE OR REPLACE FUNCTION give_back_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE slot_pools SET taken = taken - 1 WHERE slot_id = ANY (OLD.slot_id || OLD.more_slot_ids) AND pool = OLD.pool;
    RETURN NULL;
END
$$;

-- I5 once more: with every place of an appointment, with what displacement and moves add.
CREATE OR REPLACE VIEW booking_violations AS
SELECT 'places taken are not the appointments in them' AS violation, slot_pools.slot_id AS row_id
FROM slot_pools
LEFT JOIN (
    SELECT unnest(slot_id || more_slot_ids) AS slot_id, pool FROM appointments
    WHERE state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED')
) AS given ON given.slot_id = slot_pools.slot_id AND given.pool = slot_pools.pool
GROUP BY slot_pools.slot_id, slot_pools.pool, slot_pools.taken
HAVING count(given.slot_id) <> slot_pools.taken
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
JOIN slots ON slots.id = ANY (appointments.slot_id || appointments.more_slot_ids)
WHERE slots.withdrawn_at IS NOT NULL AND appointments.state IN ('HELD', 'CONFIRMED', 'DISPLACED')
UNION ALL
SELECT 'a displaced appointment outlived its deadline by more than 30 s', id FROM appointments
WHERE state = 'DISPLACED' AND displaced_until < now() - interval '30 seconds';
