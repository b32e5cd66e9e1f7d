\set number random(1, 192)
\set person random(1, 100000)
WITH wanted AS (
    SELECT slots.id AS slot_id, slots.session_id, slots.starts_at, slots.ends_at, sessions.organisation_id, sessions.department_id,
        ('00000000-0000-7000-8000-' || lpad(to_hex(:person::integer), 12, '0'))::uuid AS resident_id
    FROM bench_slots JOIN slots ON slots.id = bench_slots.slot_id JOIN sessions ON sessions.id = slots.session_id
    WHERE bench_slots.number = :number::integer
), patient AS (
    INSERT INTO patients (region, resident_id) SELECT '110000', resident_id FROM wanted
    ON CONFLICT (region, resident_id) DO UPDATE SET resident_id = excluded.resident_id RETURNING resident_id
), free AS (
    SELECT wanted.* FROM wanted JOIN patient USING (resident_id)
    WHERE NOT EXISTS (
            SELECT FROM appointments other WHERE other.resident_id = wanted.resident_id AND other.state IN ('HELD', 'CONFIRMED')
            AND other.starts_at < wanted.ends_at AND other.ends_at > wanted.starts_at)
        AND 1000000 > (SELECT count(*) FROM appointments booked WHERE booked.resident_id = wanted.resident_id
            AND booked.starts_at >= wanted.starts_at - interval '1 day' AND booked.starts_at < wanted.starts_at + interval '1 day'
            AND booked.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW') AND booked.organisation_id = wanted.organisation_id
            AND booked.department_id IS NOT DISTINCT FROM wanted.department_id)
        AND 1000000 > (SELECT count(*) FROM appointments booked WHERE booked.resident_id = wanted.resident_id
            AND booked.starts_at >= wanted.starts_at - interval '7 days' AND booked.starts_at < wanted.starts_at + interval '7 days'
            AND booked.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW') AND booked.pool <> 'REFERRAL')
        AND 1000000 > (SELECT count(*) FROM appointments booked WHERE booked.resident_id = wanted.resident_id
            AND booked.starts_at >= wanted.starts_at - interval '30 days' AND booked.starts_at < wanted.starts_at + interval '30 days'
            AND booked.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW') AND booked.pool <> 'REFERRAL')
        AND 1000000 > (SELECT count(*) FROM appointments booked WHERE booked.resident_id = wanted.resident_id
            AND booked.starts_at >= wanted.starts_at - interval '90 days' AND booked.starts_at < wanted.starts_at + interval '90 days'
            AND booked.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW') AND booked.pool <> 'REFERRAL')
), taken AS (
    UPDATE slot_pools SET taken = taken + 1 FROM free
    WHERE slot_pools.slot_id = free.slot_id AND slot_pools.pool = 'PUBLIC' AND slot_pools.taken < slot_pools.places
    RETURNING free.*
), made AS (
    INSERT INTO appointments (id, region, resident_id, slot_id, pool, session_id, organisation_id, department_id, starts_at, ends_at, kind,
        channel, booked_by, journey_id, expected_lines, state, held_at, hold_expires_at, confirmed_at)
    SELECT gen_random_uuid(), '110000', resident_id, slot_id, 'PUBLIC', session_id, organisation_id, department_id, starts_at, ends_at,
        'OUTPATIENT', 'APP', 'resident:' || resident_id, gen_random_uuid(), '[]', 'CONFIRMED', now(), now() + interval '5 minutes', now()
    FROM taken
    RETURNING *
), answered AS (
    INSERT INTO requests (region, subject, request_id, method, actor, organisation, body_digest, response, key_version, resident_ids)
    SELECT '110000', booked_by, gen_random_uuid(), 'anjia.scheduling.v1.AppointmentService/Book', '', '', sha256(uuid_send(id)),
        decode(repeat(md5(id::text), 24), 'hex'), 1, ARRAY[resident_id]
    FROM made
), told AS (
    INSERT INTO events (id, region, kind, subject, data, occurred_at)
    SELECT gen_random_uuid(), '110000', happened.kind, made.id::text, jsonb_build_object('resident_id', resident_id,
        'provider_organisation_id', organisation_id, 'referral_id', '', 'journey_id', journey_id, 'booked_by', booked_by, 'delegation_id', ''), now()
    FROM made, (VALUES ('anjia.scheduling.appointment.held.v1'), ('anjia.scheduling.appointment.confirmed.v1')) AS happened (kind)
)
INSERT INTO audit_entries (region, actor, subject, resident_id, action, salt, rows)
SELECT '110000', booked_by, booked_by, resident_id, action, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    jsonb_build_array(jsonb_build_object('table', 'appointments', 'id', id, 'columns', 3,
        'digest', encode(sha256(uuid_send(id) || convert_to(made::text, 'UTF8')), 'hex')))
FROM made, (VALUES ('scheduling.appointment.hold'), ('scheduling.appointment.confirm')) AS done (action);
