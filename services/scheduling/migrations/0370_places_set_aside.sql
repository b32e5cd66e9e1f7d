-- A place that is freed while somebody of those who wait for one cannot be asked, because another transaction has their row, is set aside for the
-- line: it counts as taken, so that nobody who polls gets it, until everybody in the line has had their turn.

ALTER TABLE slot_pools ADD COLUMN set_aside integer NOT NULL DEFAULT 0;
ALTER TABLE slot_pools ADD CONSTRAINT slot_pools_set_aside_check CHECK (
    set_aside BETWEEN 0 AND taken AND (set_aside = 0 OR pool = 'PUBLIC'));
CREATE INDEX slot_pools_set_aside ON slot_pools (slot_id) WHERE set_aside > 0;

COMMENT ON COLUMN slot_pools.taken     IS 'Appointments HELD, CONFIRMED, KEPT, NO_SHOW or DISPLACED in it, and places set aside. Moved by guarded updates only.';
COMMENT ON COLUMN slot_pools.set_aside IS 'Places among those taken that nobody has: they are for those who wait, who are asked one after the other.';

CALL audited('slot_pools', apart => '{taken,set_aside}');

DO $$
BEGIN
    EXECUTE format('GRANT SELECT (slot_id, pool, region, set_aside) ON slot_pools TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON slot_pools FOR SELECT TO %I USING (true)', worker_role());
END
$$;

-- Whether the clinic of a slot closes: nothing new is booked there.
CREATE FUNCTION is_closing(slot uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sessions.closing_at IS NOT NULL FROM slots JOIN sessions ON sessions.id = slots.session_id WHERE slots.id = slot), false)
$$;

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
-- may book together with earlier ones of the batch, or that names the journey of an earlier one of another person. Who calls has locked bookers,
-- devices and journeys before, in one order. A wish for several places comes alone: it gets all of them or none. A clinic that closes has no
-- place left. What constraints say remains the last word.
CREATE OR REPLACE FUNCTION give_places(wishes jsonb) RETURNS TABLE (place integer, refusal text) LANGUAGE plpgsql
-- One plan for batches of every size: a plan that is made anew costs more than a batch.
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    here text := current_setting('anjia.region');
    asked_ids uuid[];
    own_ids uuid[];
    wanted_ids uuid[];
    wanted_pools text[];
BEGIN
    SELECT array_agg(DISTINCT (wish -> 'appointment' ->> 'resident_id')::uuid) INTO asked_ids FROM jsonb_array_elements(wishes) AS wish;
    own_ids := asked_ids;
    IF EXISTS (SELECT FROM resident_aliases) THEN
        SELECT array_agg(same.asked), array_agg(same.own) INTO asked_ids, own_ids FROM same_persons(asked_ids) AS same;
    END IF;

    SELECT array_agg((wish -> 'appointment' ->> 'slot_id')::uuid), array_agg(wish -> 'appointment' ->> 'pool') INTO wanted_ids, wanted_pools
    FROM jsonb_array_elements(wishes) AS wish;
    IF jsonb_path_exists(wishes, '$[*].appointment.more_slot_ids[*]') THEN
        IF jsonb_array_length(wishes) > 1 THEN
            RAISE EXCEPTION 'several places are wished for alone';
        END IF;
        SELECT wanted_ids || array_agg(more.slot_id::uuid), wanted_pools || array_agg(wanted_pools[1]) INTO wanted_ids, wanted_pools
        FROM jsonb_array_elements_text(wishes -> 0 -> 'appointment' -> 'more_slot_ids') AS more (slot_id);
    END IF;

    INSERT INTO patients (region, resident_id)
    SELECT here, person.own FROM (SELECT DISTINCT own FROM unnest(own_ids) AS each (own)) AS person ORDER BY person.own
    ON CONFLICT (region, resident_id) DO UPDATE SET resident_id = excluded.resident_id;

    -- One by one, in this order.
    PERFORM FROM (SELECT DISTINCT slot_id, pool FROM unnest(wanted_ids, wanted_pools) AS each (slot_id, pool) ORDER BY slot_id, pool) AS wanted
    CROSS JOIN LATERAL (
        SELECT FROM slot_pools room WHERE room.slot_id = wanted.slot_id AND room.pool = wanted.pool LIMIT 1 FOR NO KEY UPDATE) AS locked;

    RETURN QUERY
    WITH person AS MATERIALIZED (
        SELECT same.asked, array_agg(same.own ORDER BY same.own) AS ids, min(same.own::text) AS known_as
        FROM unnest(asked_ids, own_ids) AS same (asked, own) GROUP BY same.asked
    ), wish AS MATERIALIZED (
        SELECT asked.place::integer AS place, (asked.wish ->> 'is_id_chosen')::boolean AS is_id_chosen, (asked.wish ->> 'uses_max')::integer AS uses_max,
            coalesce((asked.wish ->> 'is_moved')::boolean, false) AS is_moved,
            coalesce((asked.wish ->> 'heeds_suspension')::boolean, false) AS heeds_suspension,
            asked.wish -> 'bounds' AS bounds, drafted.*, person.ids AS person_ids, person.known_as,
            first_value(person.known_as) OVER (PARTITION BY drafted.journey_id ORDER BY asked.place) AS journey_of,
            row_number() OVER (PARTITION BY person.known_as ORDER BY asked.place) AS wish_of_person,
            count(*) FILTER (WHERE drafted.device IS NOT NULL) OVER (PARTITION BY drafted.device ORDER BY asked.place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS from_device_before,
            count(*) FILTER (WHERE drafted.delegation_id IS NOT NULL) OVER (PARTITION BY drafted.booked_by ORDER BY asked.place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS booked_before
        FROM jsonb_array_elements(wishes) WITH ORDINALITY AS asked (wish, place)
        CROSS JOIN LATERAL jsonb_populate_record(NULL::appointments, asked.wish -> 'appointment') AS drafted
        JOIN person ON person.asked = drafted.resident_id
    ), bound AS MATERIALIZED (
        SELECT wish.place, asked.number, asked.period, asked.since, asked.until, asked.most, asked."of"
        FROM wish CROSS JOIN LATERAL ROWS FROM (
            jsonb_to_recordset(wish.bounds) AS (period text, since timestamptz, until timestamptz, most integer, "of" text))
            WITH ORDINALITY AS asked (period, since, until, most, "of", number)
    ), near AS MATERIALIZED (
        -- What the person has or had about that time, found once, by index: a quarter to either side is as far as bounds reach.
        SELECT wish.place, found.starts_at, found.given_up_at,
            found.is_live AND found.starts_at < wish.ends_at AND found.ends_at > wish.starts_at AS is_in_the_way,
            found.is_counted, found.organisation_id = wish.organisation_id AND found.department_id IS NOT DISTINCT FROM wish.department_id AS is_same,
            found.given_up_at IS NOT NULL AND found.starts_at > wish.starts_at - interval '1 day'
                AND found.starts_at < wish.starts_at + interval '1 day' AS is_given_up
        FROM wish CROSS JOIN LATERAL unnest(wish.person_ids) AS own (id)
        CROSS JOIN LATERAL (
            SELECT had.starts_at, had.ends_at, had.organisation_id, had.department_id, had.state IN ('HELD', 'CONFIRMED') AS is_live,
                had.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW') AND had.pool <> 'REFERRAL' AND had.kind <> 'EMERGENCY' AS is_counted,
                CASE WHEN had.pool = 'REFERRAL' THEN NULL WHEN had.state = 'CANCELLED' AND had.cancelled_by = 'PATIENT' THEN had.cancelled_at
                    WHEN had.state = 'EXPIRED' THEN had.hold_expires_at END AS given_up_at
            FROM appointments had WHERE had.resident_id = own.id AND NOT (wish.is_moved AND had.id = wish.id)
                AND had.starts_at > wish.starts_at - interval '100 days' AND had.starts_at < wish.starts_at + interval '100 days'
            LIMIT 10000) AS found
    ), in_the_way AS MATERIALIZED (
        SELECT DISTINCT near.place FROM near WHERE near.is_in_the_way
    ), over AS MATERIALIZED (
        -- Of each wish the first bound that it would break.
        SELECT DISTINCT ON (counted.place) counted.place,
            CASE WHEN counted.most <= counted.bookings THEN 'BOOKING_LIMIT ' || counted.period ELSE 'AGAIN' END AS refusal
        FROM (
            SELECT bound.place, bound.number, bound.period, bound.most, 0 AS before, count(near.place) AS bookings
            FROM bound LEFT JOIN near ON near.place = bound.place AND CASE WHEN bound."of" = 'GIVEN_UP'
                THEN near.is_given_up AND near.is_same AND near.given_up_at >= bound.since AND near.given_up_at < bound.until
                ELSE near.starts_at >= bound.since AND near.starts_at < bound.until AND near.is_counted AND (bound."of" = 'PERSON' OR near.is_same) END
            WHERE bound."of" NOT IN ('BOOKER', 'DEVICE')
            GROUP BY bound.place, bound.number, bound.period, bound.most
            UNION ALL
            SELECT bound.place, bound.number, bound.period, bound.most, wish.booked_before, made.bookings
            FROM bound JOIN wish USING (place) CROSS JOIN LATERAL (
                SELECT count(*) AS bookings FROM appointments made WHERE made.booked_by = wish.booked_by AND made.delegation_id IS NOT NULL
                AND made.held_at >= bound.since AND made.held_at < bound.until) AS made
            WHERE bound."of" = 'BOOKER'
            UNION ALL
            SELECT bound.place, bound.number, bound.period, bound.most, wish.from_device_before, made.bookings
            FROM bound JOIN wish USING (place) CROSS JOIN LATERAL (
                SELECT count(*) AS bookings FROM appointments made WHERE made.device = wish.device
                AND made.held_at >= bound.since AND made.held_at < bound.until) AS made
            WHERE bound."of" = 'DEVICE'
        ) AS counted
        WHERE counted.most <= counted.bookings + counted.before
        ORDER BY counted.place, counted.number
    ), judged AS MATERIALIZED (
        SELECT wish.*, CASE
            WHEN wish.wish_of_person > 1 THEN 'AGAIN'
            WHEN NOT wish.is_moved AND wish.journey_of <> wish.known_as THEN 'AGAIN'
            WHEN wish.delegation_id IS NOT NULL
                AND (SELECT true FROM revoked_delegations WHERE delegation_id = wish.delegation_id LIMIT 1) THEN 'NO_DELEGATION'
            WHEN wish.uses_max IS NOT NULL AND wish.uses_max <= (
                SELECT count(*) FROM appointments used WHERE used.delegation_id = wish.delegation_id AND NOT (wish.is_moved AND used.id = wish.id)
                AND (used.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED')
                     OR used.state = 'CANCELLED' AND used.cancelled_by = 'PATIENT' AND used.confirmed_at IS NOT NULL)) THEN 'DELEGATION_USED_UP'
            WHEN wish.is_id_chosen AND (SELECT chosen.is_cancelled FROM chosen_appointment_ids chosen
                WHERE chosen.id = wish.id AND chosen.resident_id = ANY (wish.person_ids) LIMIT 1) THEN 'APPOINTMENT_CANCELLED'
            WHEN wish.is_id_chosen AND coalesce((SELECT true FROM chosen_appointment_ids chosen WHERE chosen.id = wish.id LIMIT 1),
                (SELECT true FROM appointments known WHERE known.id = wish.id LIMIT 1)) THEN 'APPOINTMENT_EXISTS'
            WHEN NOT wish.is_moved AND ((SELECT true FROM appointments episode WHERE episode.journey_id = wish.journey_id
                AND episode.resident_id <> ALL (wish.person_ids) LIMIT 1)
                OR (SELECT true FROM visits episode WHERE episode.journey_id = wish.journey_id
                AND episode.resident_id <> ALL (wish.person_ids) LIMIT 1)) THEN 'JOURNEY_OF_ANOTHER'
            WHEN wish.heeds_suspension AND (SELECT true FROM suspensions suspended WHERE suspended.resident_id = ANY (wish.person_ids)
                AND suspended.state <> 'LIFTED' AND suspended.until > wish.held_at LIMIT 1) THEN 'SUSPENDED'
            WHEN in_the_way.place IS NOT NULL THEN 'PATIENT_CONFLICT'
            WHEN over.refusal IS NOT NULL THEN over.refusal
            WHEN cardinality(wish.more_slot_ids) > 0 AND cardinality(wish.more_slot_ids) > (
                SELECT count(*) FROM slot_pools room WHERE room.slot_id = ANY (wish.more_slot_ids) AND room.pool = wish.pool AND room.taken < room.places
                    AND NOT is_closing(room.slot_id)
            ) THEN 'SLOT_TAKEN'
            END AS refusal
        FROM wish LEFT JOIN in_the_way ON in_the_way.place = wish.place LEFT JOIN over ON over.place = wish.place
    ), ranked AS (
        SELECT place, slot_id, pool, row_number() OVER (PARTITION BY slot_id, pool ORDER BY place) AS number FROM judged WHERE refusal IS NULL
    ), won AS MATERIALIZED (
        SELECT ranked.place FROM ranked CROSS JOIN LATERAL (
            SELECT room.places - room.taken AS free FROM slot_pools room WHERE room.slot_id = ranked.slot_id AND room.pool = ranked.pool LIMIT 1) AS room
        WHERE ranked.number <= room.free AND NOT is_closing(ranked.slot_id)
    ), given AS MATERIALIZED (
        SELECT judged.* FROM judged JOIN won USING (place)
    ), taken AS (
        UPDATE slot_pools SET taken = slot_pools.taken + more.places
        FROM (SELECT each.slot_id, given.pool, count(*)::integer AS places FROM given
              CROSS JOIN LATERAL unnest(given.slot_id || given.more_slot_ids) AS each (slot_id) GROUP BY each.slot_id, given.pool) AS more
        WHERE slot_pools.slot_id = more.slot_id AND slot_pools.pool = more.pool
    ), chosen AS (
        INSERT INTO chosen_appointment_ids (id, region, resident_id, is_cancelled, claimed_at)
        SELECT id, here, resident_id, false, held_at FROM given WHERE is_id_chosen ORDER BY id
    ), made AS (
        INSERT INTO appointments (id, region, resident_id, slot_id, pool, session_id, organisation_id, department_id, practitioner_id,
            starts_at, ends_at, kind, channel, booked_by, delegation_id, referral_id, journey_id, expected_lines, revision, state, held_at,
            hold_expires_at, confirmed_at, more_slot_ids, device)
        SELECT id, here, resident_id, slot_id, pool, session_id, organisation_id, department_id, practitioner_id,
            starts_at, ends_at, kind, channel, booked_by, delegation_id, referral_id, journey_id, expected_lines, revision, state, held_at,
            hold_expires_at, confirmed_at, coalesce(more_slot_ids, '{}'), device
        FROM given WHERE NOT is_moved ORDER BY place
    ), moved AS (
        UPDATE appointments SET slot_id = given.slot_id, pool = given.pool, session_id = given.session_id,
            organisation_id = given.organisation_id, department_id = given.department_id, practitioner_id = given.practitioner_id,
            starts_at = given.starts_at, ends_at = given.ends_at, revision = given.revision, state = given.state,
            more_slot_ids = coalesce(given.more_slot_ids, '{}'), displaced_until = NULL
        FROM given WHERE given.is_moved AND appointments.id = given.id
    )
    SELECT judged.place, coalesce(judged.refusal, CASE WHEN won.place IS NULL THEN 'SLOT_TAKEN' END)
    FROM judged LEFT JOIN won ON won.place = judged.place ORDER BY judged.place;
END
$$;
