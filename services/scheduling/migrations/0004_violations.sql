-- Invariant I5 as a query: no row here, or something is broken. For the owner (`anjia verify`, fault tests), who sees every region.

CREATE VIEW booking_violations AS
SELECT 'places taken are not the appointments in them' AS violation, slot_pools.slot_id AS row_id
FROM slot_pools
LEFT JOIN appointments ON appointments.slot_id = slot_pools.slot_id AND appointments.pool = slot_pools.pool
    AND appointments.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW')
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
WHERE appointments.visit_id IS DISTINCT FROM visits.id;

COMMENT ON VIEW booking_violations IS 'I5: one row for every violation. A view sees what its owner sees, so nobody else may read it.';

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON booking_violations FROM %I', service_role());
END
$$;
