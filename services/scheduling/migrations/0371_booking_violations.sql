-- I5 once more: with places that are set aside, and with a person who is booked twice by two ids. Both appointments of those stood when the merge
-- came, perhaps, and then stand: of two that overlap by two ids one must have been taken since, a minute later, when the merge was known here.
CREATE OR REPLACE VIEW booking_violations AS
SELECT 'places taken are not the appointments in them' AS violation, slot_pools.slot_id AS row_id
FROM slot_pools
LEFT JOIN (
    SELECT unnest(slot_id || more_slot_ids) AS slot_id, pool FROM appointments
    WHERE state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED')
) AS given ON given.slot_id = slot_pools.slot_id AND given.pool = slot_pools.pool
GROUP BY slot_pools.slot_id, slot_pools.pool, slot_pools.taken, slot_pools.set_aside
HAVING count(given.slot_id) <> slot_pools.taken - slot_pools.set_aside
UNION ALL
SELECT 'more is given than there are places', slot_id FROM slot_pools WHERE taken > places
UNION ALL
SELECT 'a patient is booked twice at one time', one.id
FROM appointments one
JOIN appointments other ON other.resident_id = one.resident_id AND other.id > one.id
    AND tstzrange(other.starts_at, other.ends_at) && tstzrange(one.starts_at, one.ends_at)
WHERE one.state IN ('HELD', 'CONFIRMED') AND other.state IN ('HELD', 'CONFIRMED')
UNION ALL
SELECT 'a patient is booked twice at one time', one.id
FROM (SELECT resident_id FROM resident_aliases UNION SELECT survivor_id FROM resident_aliases) AS known
JOIN appointments one ON one.resident_id = known.resident_id
JOIN appointments other ON other.resident_id = ANY (one_person(one.resident_id)) AND other.resident_id <> one.resident_id AND other.id > one.id
    AND tstzrange(other.starts_at, other.ends_at) && tstzrange(one.starts_at, one.ends_at)
WHERE one.state IN ('HELD', 'CONFIRMED') AND other.state IN ('HELD', 'CONFIRMED')
    AND greatest(one.held_at, other.held_at) > interval '1 minute' + (
        SELECT max(alias.since) FROM resident_aliases alias WHERE alias.resident_id = ANY (one_person(one.resident_id)))
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
WHERE state = 'DISPLACED' AND displaced_until < now() - interval '30 seconds'
UNION ALL
SELECT 'a journey is of two persons', episode.journey_id
FROM (
    SELECT told.journey_id, array_agg(DISTINCT told.resident_id) AS resident_ids
    FROM (SELECT region, journey_id, resident_id FROM appointments UNION SELECT region, journey_id, resident_id FROM visits) AS told
    GROUP BY told.region, told.journey_id HAVING count(*) > 1
) AS episode
WHERE (SELECT count(DISTINCT survivor(each.resident_id)) FROM unnest(episode.resident_ids) AS each (resident_id)) > 1;
