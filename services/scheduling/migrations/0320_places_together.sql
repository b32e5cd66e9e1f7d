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

-- As before, with every place of an appointment counted.
CREATE OR REPLACE VIEW booking_violations AS
SELECT 'places taken are not the appointments in them' AS violation, slot_pools.slot_id AS row_id
FROM slot_pools
LEFT JOIN (
    SELECT unnest(slot_id || more_slot_ids) AS slot_id, pool FROM appointments WHERE state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW')
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
