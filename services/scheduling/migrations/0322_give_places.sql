-- `give_places` for several places at once, for an appointment that moves, and with two more limits: a suspension, and a device.

-- Gives places to those who asked, in order; answers of each why not, or null. Refusals change nothing.
--
-- `wishes` is a list of objects: `appointment`, the row as it will stand; `is_id_chosen`; `is_moved`, of a row that stands and gets another place,
-- whose own one was given back before: it counts nowhere twice; `heeds_suspension`; `uses_max` of the delegation, or null; `bounds`, a list of
-- {period, since, until, most, of}: at most so many bookings that start in that span, `of` the PERSON, of the person in the same DEPARTMENT, or
-- made for others by the same BOOKER or from the same DEVICE that day (then the span is that of the holds), or GIVEN_UP by the person in the
-- same department for a time within a day of the wish's (then the span is that of giving up, or of letting a hold run out).
--
-- A person's bookings are counted, and places are counted, only after the locks of both are held: each statement in here sees what
-- was committed before it began. Locks are taken in the order of ids, persons first, so that two batches never wait in a circle. A second wish of the
-- same person is not judged: AGAIN, with the next batch, when the first one counts; nor is one that may go past what its booker or its device
-- may book, which is counted without a lock. A wish for several places comes alone: it gets all of them or none. What constraints say remains
-- the last word.
CREATE OR REPLACE FUNCTION give_places(wishes jsonb) RETURNS TABLE (place integer, refusal text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    here text := current_setting('anjia.region');
    asked_ids uuid[];
    own_ids uuid[];
BEGIN
    SELECT array_agg(DISTINCT (wish -> 'appointment' ->> 'resident_id')::uuid) INTO asked_ids FROM jsonb_array_elements(wishes) AS wish;
    own_ids := asked_ids;
    IF EXISTS (SELECT FROM resident_aliases) THEN
        SELECT array_agg(same.asked), array_agg(same.own) INTO asked_ids, own_ids FROM same_persons(asked_ids) AS same;
    END IF;

    IF jsonb_array_length(wishes) > 1 AND jsonb_path_exists(wishes, '$[*].appointment.more_slot_ids[*]') THEN
        RAISE EXCEPTION 'several places are wished for alone';
    END IF;

    INSERT INTO patients (region, resident_id)
    SELECT here, person.own FROM (SELECT DISTINCT own FROM unnest(own_ids) AS each (own)) AS person ORDER BY person.own
    ON CONFLICT (region, resident_id) DO UPDATE SET resident_id = excluded.resident_id;

    PERFORM FROM slot_pools
    JOIN (SELECT (wish -> 'appointment' ->> 'slot_id')::uuid AS slot_id, wish -> 'appointment' ->> 'pool' AS pool
          FROM jsonb_array_elements(wishes) AS wish
          UNION
          SELECT more.slot_id::uuid, wish -> 'appointment' ->> 'pool' FROM jsonb_array_elements(wishes) AS wish
          CROSS JOIN LATERAL jsonb_array_elements_text(wish -> 'appointment' -> 'more_slot_ids') AS more (slot_id)) AS wanted USING (slot_id, pool)
    ORDER BY slot_pools.slot_id, slot_pools.pool FOR NO KEY UPDATE OF slot_pools;

    RETURN QUERY
    WITH wish AS MATERIALIZED (
        SELECT asked.place::integer AS place, (asked.wish ->> 'is_id_chosen')::boolean AS is_id_chosen, (asked.wish ->> 'uses_max')::integer AS uses_max,
            coalesce((asked.wish ->> 'is_moved')::boolean, false) AS is_moved,
            coalesce((asked.wish ->> 'heeds_suspension')::boolean, false) AS heeds_suspension,
            asked.wish -> 'bounds' AS bounds, drafted.*,
            count(*) FILTER (WHERE drafted.device IS NOT NULL) OVER (PARTITION BY drafted.device ORDER BY asked.place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS from_device_before,
            count(*) FILTER (WHERE drafted.delegation_id IS NOT NULL) OVER (PARTITION BY drafted.booked_by ORDER BY asked.place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS booked_before
        FROM jsonb_array_elements(wishes) WITH ORDINALITY AS asked (wish, place)
        CROSS JOIN LATERAL jsonb_populate_record(NULL::appointments, asked.wish -> 'appointment') AS drafted
    ), person AS MATERIALIZED (
        SELECT same.asked, array_agg(same.own ORDER BY same.own) AS ids FROM unnest(asked_ids, own_ids) AS same (asked, own) GROUP BY same.asked
    ), judged AS MATERIALIZED (
        SELECT wish.*, CASE
            WHEN row_number() OVER (PARTITION BY person.ids ORDER BY wish.place) > 1 THEN 'AGAIN'
            WHEN wish.delegation_id IS NOT NULL
                AND (SELECT true FROM revoked_delegations WHERE delegation_id = wish.delegation_id LIMIT 1) THEN 'NO_DELEGATION'
            WHEN wish.uses_max IS NOT NULL AND wish.uses_max <= (
                SELECT count(*) FROM appointments used WHERE used.delegation_id = wish.delegation_id AND NOT (wish.is_moved AND used.id = wish.id)
                AND (used.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED')
                     OR used.state = 'CANCELLED' AND used.cancelled_by = 'PATIENT' AND used.confirmed_at IS NOT NULL)) THEN 'DELEGATION_USED_UP'
            WHEN wish.is_id_chosen AND (SELECT chosen.is_cancelled FROM chosen_appointment_ids chosen
                WHERE chosen.id = wish.id AND chosen.resident_id = ANY (person.ids) LIMIT 1) THEN 'APPOINTMENT_CANCELLED'
            WHEN wish.is_id_chosen AND coalesce((SELECT true FROM chosen_appointment_ids chosen WHERE chosen.id = wish.id LIMIT 1),
                (SELECT true FROM appointments known WHERE known.id = wish.id LIMIT 1)) THEN 'APPOINTMENT_EXISTS'
            WHEN wish.heeds_suspension AND (SELECT true FROM suspensions suspended WHERE suspended.resident_id = ANY (person.ids)
                AND suspended.state <> 'LIFTED' AND suspended.until > wish.held_at LIMIT 1) THEN 'SUSPENDED'
            WHEN (SELECT true FROM unnest(near.appointments) AS other WHERE other.state IN ('HELD', 'CONFIRMED')
                AND other.starts_at < wish.ends_at AND other.ends_at > wish.starts_at LIMIT 1) THEN 'PATIENT_CONFLICT'
            ELSE coalesce((
                SELECT CASE WHEN bound.most <= counted.bookings THEN 'BOOKING_LIMIT ' || bound.period ELSE 'AGAIN' END
                FROM ROWS FROM (jsonb_to_recordset(wish.bounds) AS (period text, since timestamptz, until timestamptz, most integer, "of" text))
                    WITH ORDINALITY AS bound (period, since, until, most, "of", number)
                CROSS JOIN LATERAL (SELECT CASE bound."of"
                    WHEN 'BOOKER' THEN (
                        SELECT count(*) FROM appointments made WHERE made.booked_by = wish.booked_by AND made.delegation_id IS NOT NULL
                        AND made.held_at >= bound.since AND made.held_at < bound.until)
                    WHEN 'DEVICE' THEN (
                        SELECT count(*) FROM appointments made WHERE made.device = wish.device
                        AND made.held_at >= bound.since AND made.held_at < bound.until)
                    WHEN 'GIVEN_UP' THEN (
                        SELECT count(*) FROM unnest(near.appointments) AS given_up
                        WHERE given_up.organisation_id = wish.organisation_id
                        AND given_up.department_id IS NOT DISTINCT FROM wish.department_id AND given_up.pool <> 'REFERRAL'
                        AND given_up.starts_at > wish.starts_at - interval '1 day' AND given_up.starts_at < wish.starts_at + interval '1 day'
                        AND (given_up.state = 'CANCELLED' AND given_up.cancelled_by = 'PATIENT'
                                AND given_up.cancelled_at >= bound.since AND given_up.cancelled_at < bound.until
                            OR given_up.state = 'EXPIRED' AND given_up.hold_expires_at >= bound.since AND given_up.hold_expires_at < bound.until))
                    ELSE (
                        SELECT count(*) FROM unnest(near.appointments) AS booked
                        WHERE booked.starts_at >= bound.since AND booked.starts_at < bound.until
                        AND booked.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW') AND booked.pool <> 'REFERRAL' AND booked.kind <> 'EMERGENCY'
                        AND (bound."of" = 'PERSON' OR booked.organisation_id = wish.organisation_id
                            AND booked.department_id IS NOT DISTINCT FROM wish.department_id))
                    END AS bookings) AS counted
                WHERE bound.most <= counted.bookings + CASE bound."of" WHEN 'BOOKER' THEN wish.booked_before WHEN 'DEVICE' THEN wish.from_device_before ELSE 0 END
                ORDER BY bound.number LIMIT 1
            ), CASE WHEN cardinality(wish.more_slot_ids) > (
                SELECT count(*) FROM slot_pools room WHERE room.slot_id = ANY (wish.more_slot_ids) AND room.pool = wish.pool AND room.taken < room.places
            ) THEN 'SLOT_TAKEN' END)
            END AS refusal
        FROM wish JOIN person ON person.asked = wish.resident_id
        -- What the person has or had about that time, found once, by index: a quarter to either side is as far as bounds reach.
        CROSS JOIN LATERAL (
            SELECT array_agg(found.appointment) AS appointments FROM unnest(person.ids) AS own (id)
            CROSS JOIN LATERAL (
                SELECT about_then AS appointment FROM appointments about_then WHERE about_then.resident_id = own.id AND NOT (wish.is_moved AND about_then.id = wish.id)
                AND about_then.starts_at > wish.starts_at - interval '100 days' AND about_then.starts_at < wish.starts_at + interval '100 days'
                LIMIT 10000) AS found
        ) AS near
    ), ranked AS (
        SELECT place, slot_id, pool, row_number() OVER (PARTITION BY slot_id, pool ORDER BY place) AS number FROM judged WHERE refusal IS NULL
    ), won AS MATERIALIZED (
        SELECT ranked.place FROM ranked JOIN slot_pools USING (slot_id, pool) WHERE ranked.number <= slot_pools.places - slot_pools.taken
    ), taken AS (
        UPDATE slot_pools SET taken = slot_pools.taken + given.places
        FROM (SELECT each.slot_id, judged.pool, count(*)::integer AS places FROM judged JOIN won USING (place)
              CROSS JOIN LATERAL unnest(judged.slot_id || judged.more_slot_ids) AS each (slot_id) GROUP BY each.slot_id, judged.pool) AS given
        WHERE slot_pools.slot_id = given.slot_id AND slot_pools.pool = given.pool
    ), chosen AS (
        INSERT INTO chosen_appointment_ids (id, region, resident_id, is_cancelled, claimed_at)
        SELECT id, here, resident_id, false, held_at FROM judged JOIN won USING (place) WHERE is_id_chosen ORDER BY id
    ), made AS (
        INSERT INTO appointments (id, region, resident_id, slot_id, pool, session_id, organisation_id, department_id, practitioner_id,
            starts_at, ends_at, kind, channel, booked_by, delegation_id, referral_id, journey_id, expected_lines, revision, state, held_at,
            hold_expires_at, confirmed_at, more_slot_ids, device)
        SELECT id, here, resident_id, slot_id, pool, session_id, organisation_id, department_id, practitioner_id,
            starts_at, ends_at, kind, channel, booked_by, delegation_id, referral_id, journey_id, expected_lines, revision, state, held_at,
            hold_expires_at, confirmed_at, coalesce(more_slot_ids, '{}'), device
        FROM judged JOIN won USING (place) WHERE NOT is_moved ORDER BY place
    ), moved AS (
        UPDATE appointments SET slot_id = judged.slot_id, pool = judged.pool, session_id = judged.session_id,
            organisation_id = judged.organisation_id, department_id = judged.department_id, practitioner_id = judged.practitioner_id,
            starts_at = judged.starts_at, ends_at = judged.ends_at, revision = judged.revision, state = judged.state,
            more_slot_ids = coalesce(judged.more_slot_ids, '{}'), displaced_until = NULL
        FROM judged JOIN won USING (place) WHERE judged.is_moved AND appointments.id = judged.id
    )
    SELECT judged.place, coalesce(judged.refusal, CASE WHEN won.place IS NULL THEN 'SLOT_TAKEN' END)
    FROM judged LEFT JOIN won ON won.place = judged.place ORDER BY judged.place;
END
$$;
