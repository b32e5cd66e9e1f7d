//! Booking and sagas: I5 and I6.

use super::Seed;

pub(super) const SEEDS: &[Seed] = &[
    // I5
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO slot_pools (slot_id, pool, places, taken) VALUES (md5('s')::uuid, 'PUBLIC', 5, 1)",
        "places taken are not the appointments",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO slot_pools (slot_id, pool, places, taken) VALUES (md5('s')::uuid, 'PUBLIC', 1, 2)",
        "more is given than there are places",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO appointments (id, resident_id, state, starts_at, ends_at) SELECT md5(n::text)::uuid, md5('r')::uuid, 'CONFIRMED', \
         now() + n * interval '5 minutes', now() + interval '1 hour' FROM generate_series(1, 2) AS n",
        "a patient is booked twice",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO sessions (id, practitioner_id, starts_at, ends_at) SELECT md5(n::text)::uuid, md5('d')::uuid, \
         now(), now() + interval '1 hour' FROM generate_series(1, 2) AS n",
        "a doctor has two sessions",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO appointments (id, state, hold_expires_at) VALUES (md5('a')::uuid, 'HELD', now() - interval '6 seconds')",
        "outlived its end",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO appointments (id, held_at, hold_expires_at, confirmed_at) VALUES (md5('a')::uuid, now(), now(), now())",
        "confirmed without a hold",
    ),
    (
        "nobody and no place is booked twice, and holds end",
        "scheduling",
        "INSERT INTO appointments (id, state) VALUES (md5('a')::uuid, 'KEPT')",
        "kept without its visit",
    ),
    (
        "nobody lies in two hospitals at one time",
        "scheduling",
        "INSERT INTO visits (id, resident_id, kind, state, opened_at) SELECT md5(n::text)::uuid, md5('r')::uuid, 'INPATIENT', 'OPEN', now() \
         FROM generate_series(1, 2) AS n",
        "two stays of a person overlap",
    ),
    (
        "nobody lies in two hospitals at one time",
        "scheduling",
        "INSERT INTO resident_aliases (resident_id, survivor_id, since) VALUES (md5('1')::uuid, md5('2')::uuid, now() - interval '1 day'); \
         INSERT INTO visits (id, resident_id, kind, state, opened_at, ended_at) SELECT md5(n::text)::uuid, md5(n::text)::uuid, 'INPATIENT', \
         'ENDED', now(), now() + interval '1 day' FROM generate_series(1, 2) AS n",
        "two stays of a person overlap",
    ),
    // I6
    (
        "a referral that has not ended has an owner and a deadline",
        "referral",
        "INSERT INTO referrals (id, state, owner_id) VALUES (md5('r')::uuid, 'SUBMITTED', md5('o')::uuid)",
        "SUBMITTED without an owner or a deadline",
    ),
    (
        "an acceptance under way has one saga, and the saga its referral",
        "referral",
        "INSERT INTO referrals (id, state) VALUES (md5('r')::uuid, 'ACCEPTING'); \
         INSERT INTO sagas (id, referral_id, state) SELECT md5(n::text)::uuid, md5('r')::uuid, 'RUNNING' FROM generate_series(1, 2) AS n",
        "ACCEPTING with 2 sagas",
    ),
    (
        "an acceptance under way has one saga, and the saga its referral",
        "referral",
        "INSERT INTO referrals (id, state) VALUES (md5('r')::uuid, 'BOOKED'); \
         INSERT INTO sagas (id, referral_id, state) VALUES (md5('s')::uuid, md5('r')::uuid, 'COMPENSATING')",
        "COMPENSATING, but its referral is BOOKED",
    ),
    (
        "a saga ends, in one state, within a minute of its deadline",
        "referral",
        "INSERT INTO sagas (id, state, deadline) VALUES (md5('s')::uuid, 'RUNNING', now() - interval '2 minutes')",
        "still RUNNING 00:02:00 after its deadline",
    ),
    (
        "a saga ends, in one state, within a minute of its deadline",
        "referral",
        "INSERT INTO sagas (id, state) VALUES (md5('s')::uuid, 'COMPLETED')",
        "COMPLETED, ended at no time",
    ),
    (
        "a booked referral was accepted by a completed saga",
        "referral",
        "INSERT INTO referrals (id, state, appointment_id) VALUES (md5('r')::uuid, 'BOOKED', md5('a')::uuid); \
         INSERT INTO sagas (id, referral_id, appointment_id, state) VALUES (md5('s')::uuid, md5('r')::uuid, md5('a')::uuid, 'COMPENSATED')",
        "BOOKED without a completed saga",
    ),
    (
        "an acceptance on credit reserved what is to be paid",
        "referral",
        "INSERT INTO referrals (id, payment) VALUES (md5('r')::uuid, 'CREDIT'); \
         INSERT INTO sagas (id, referral_id, state, own_share, authorised) VALUES (md5('s')::uuid, md5('r')::uuid, 'COMPLETED', 9, false)",
        "without a reservation of 9.00",
    ),
    (
        "a completed acceptance has its place",
        "referral|scheduling",
        "INSERT INTO sagas (id, appointment_id, state) VALUES (md5('s')::uuid, md5('a')::uuid, 'COMPLETED') || ---- || \
         INSERT INTO appointments (id, state) VALUES (md5('a')::uuid, 'EXPIRED')",
        "its place was never confirmed",
    ),
    (
        "a completed acceptance has its reservation",
        "referral",
        "INSERT INTO sagas (id, bill_id, state, authorised) VALUES (md5('s')::uuid, md5('b')::uuid, 'COMPLETED', true)",
        "nothing was reserved",
    ),
    (
        "a compensated acceptance left no place taken",
        "referral|scheduling",
        "INSERT INTO sagas (id, appointment_id, state) VALUES (md5('s')::uuid, md5('a')::uuid, 'COMPENSATED') || ---- || \
         INSERT INTO appointments (id, state) VALUES (md5('a')::uuid, 'HELD')",
        "its place is still taken",
    ),
    (
        "a compensated acceptance left no money reserved or charged",
        "referral|payment",
        "INSERT INTO sagas (id, bill_id, state) VALUES (md5('s')::uuid, md5('b')::uuid, 'COMPENSATED') || ---- || \
         INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'AUTHORISED')",
        "its bill still stands",
    ),
    (
        "a place in a referral pool belongs to an acceptance",
        "scheduling",
        "INSERT INTO appointments (id, pool, state) VALUES (md5('a')::uuid, 'REFERRAL', 'CONFIRMED')",
        "no acceptance wants it",
    ),
    (
        "a booked referral has its appointment",
        "referral|scheduling",
        "INSERT INTO referrals (id, state, appointment_id) VALUES (md5('r')::uuid, 'BOOKED', md5('a')::uuid) || ---- || \
         INSERT INTO appointments (id, state) VALUES (md5('a')::uuid, 'CANCELLED')",
        "BOOKED, but its appointment is not",
    ),
    (
        "a booked referral has its bill",
        "referral|payment",
        "INSERT INTO referrals (id, state, bill_id) VALUES (md5('r')::uuid, 'BOOKED', md5('b')::uuid) || ---- || \
         INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'CANCELLED')",
        "its bill does not stand",
    ),
    (
        "an attended referral has its visit",
        "referral|scheduling",
        "INSERT INTO referrals (id, state, appointment_id, visit_id) \
         VALUES (md5('r')::uuid, 'ATTENDED', md5('a')::uuid, md5('v')::uuid) || ---- || \
         INSERT INTO visits (id, appointment_id) VALUES (md5('v')::uuid, md5('other')::uuid)",
        "the visit is not there",
    ),
    (
        "a bill being captured has one attempt, a captured one the attempt that did it",
        "payment",
        "INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'CAPTURING')",
        "CAPTURING with 0 attempts under way",
    ),
    (
        "a bill being captured has one attempt, a captured one the attempt that did it",
        "payment",
        "INSERT INTO bills (id, state) VALUES (md5('b')::uuid, 'AUTHORISED'); \
         INSERT INTO captures (id, bill_id, state) VALUES (md5('c')::uuid, md5('b')::uuid, 'COMPLETED')",
        "AUTHORISED with 0 attempts under way and 1 completed",
    ),
    (
        "a capture ends within a minute of its deadline",
        "payment",
        "INSERT INTO captures (id, state, deadline) VALUES (md5('c')::uuid, 'CONFIRMED', now() - interval '2 minutes')",
        "still CONFIRMED",
    ),
    (
        "a year that is to be judged anew is, within a minute of its deadline",
        "adjudication",
        "INSERT INTO readjudications (id, state, deadline) VALUES (md5('j')::uuid, 'RUNNING', now() - interval '2 minutes')",
        "still RUNNING",
    ),
];
