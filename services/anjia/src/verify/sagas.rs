//! Sagas (I6): referral's acceptance and payment's capture, seen from every database they touch.

use super::check::{Check, In, Invariant::I6};

pub(super) const CHECKS: &[Check] = &[
    Check::rows(
        I6,
        "referral",
        "a referral that has not ended has an owner and a deadline",
        "SELECT id::text, format('%s without an owner or a deadline', state) FROM referrals \
         WHERE state IN ('SUBMITTED', 'INFORMATION_REQUESTED', 'ACCEPTING', 'BOOKED', 'ATTENDED', 'NEEDS_HUMAN') \
             AND (owner_id IS NULL OR deadline IS NULL)",
    ),
    Check::rows(
        I6,
        "referral",
        "an acceptance under way has one saga, and the saga its referral",
        "SELECT referral.id::text, format('ACCEPTING with %s sagas under way', running.sagas) FROM referrals referral \
         CROSS JOIN LATERAL (SELECT count(*) AS sagas FROM sagas \
             WHERE referral_id = referral.id AND state IN ('RUNNING', 'COMPENSATING')) running \
         WHERE referral.state = 'ACCEPTING' AND running.sagas <> 1 \
         UNION ALL \
         SELECT saga.id::text, format('%s, but its referral is %s', saga.state, coalesce(referral.state, 'missing')) \
         FROM sagas saga LEFT JOIN referrals referral ON referral.id = saga.referral_id \
         WHERE saga.state IN ('RUNNING', 'COMPENSATING') AND referral.state IS DISTINCT FROM 'ACCEPTING'",
    ),
    Check::rows(
        I6,
        "referral",
        "a saga ends, in one state, within a minute of its deadline",
        "SELECT id::text, format('still %s %s after its deadline', state, date_trunc('second', now() - deadline)) \
         FROM sagas WHERE state IN ('RUNNING', 'COMPENSATING') AND deadline < now() - interval '1 minute' \
         UNION ALL \
         SELECT id::text, format('%s, ended at %s', state, coalesce(ended_at::text, 'no time')) FROM sagas \
         WHERE (state IN ('COMPLETED', 'COMPENSATED', 'NEEDS_HUMAN')) <> (ended_at IS NOT NULL)",
    ),
    Check::rows(
        I6,
        "referral",
        "a booked referral was accepted by a completed saga",
        "SELECT id::text, format('%s without a completed saga for its place', state) FROM referrals \
         WHERE state IN ('BOOKED', 'ATTENDED', 'CLOSED', 'NOT_ATTENDED') AND NOT EXISTS (SELECT FROM sagas \
             WHERE referral_id = referrals.id AND appointment_id = referrals.appointment_id AND sagas.state = 'COMPLETED')",
    ),
    Check::rows(
        I6,
        "referral",
        "an acceptance on credit reserved what is to be paid",
        "SELECT saga.id::text, format('COMPLETED without a reservation of %s', saga.own_share) FROM sagas saga \
         JOIN referrals referral ON referral.id = saga.referral_id \
         WHERE saga.state = 'COMPLETED' AND referral.payment = 'CREDIT' AND saga.own_share > 0 AND NOT saga.authorised",
    ),
    Check::matched(
        I6,
        "a completed acceptance has its place",
        In(
            "referral",
            "SELECT id::text, appointment_id::text, 'COMPLETED, but its place was never confirmed' \
             FROM sagas WHERE state = 'COMPLETED'",
        ),
        In("scheduling", "SELECT id::text FROM appointments WHERE confirmed_at IS NOT NULL"),
    ),
    Check::matched(
        I6,
        "a completed acceptance has its reservation",
        In(
            "referral",
            "SELECT id::text, bill_id::text, 'COMPLETED, but nothing was reserved' \
             FROM sagas WHERE state = 'COMPLETED' AND authorised",
        ),
        In("payment", "SELECT id::text FROM bills"),
    ),
    Check::unmatched(
        I6,
        "a compensated acceptance left no place taken",
        In(
            "referral",
            "SELECT id::text, appointment_id::text, 'COMPENSATED, but its place is still taken' \
             FROM sagas WHERE state = 'COMPENSATED'",
        ),
        In("scheduling", "SELECT id::text FROM appointments WHERE state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW')"),
    ),
    Check::unmatched(
        I6,
        "a compensated acceptance left no money reserved or charged",
        In(
            "referral",
            "SELECT id::text, bill_id::text, 'COMPENSATED, but its bill still stands' \
             FROM sagas WHERE state = 'COMPENSATED'",
        ),
        In("payment", "SELECT id::text FROM bills WHERE state IN ('AUTHORISED', 'CAPTURING', 'CAPTURED', 'SETTLED')"),
    ),
    Check::matched(
        I6,
        "a place in a referral pool belongs to an acceptance",
        In(
            "scheduling",
            "SELECT id::text, id::text, format('%s in the referral pool, but no acceptance wants it', state) \
             FROM appointments WHERE pool = 'REFERRAL' AND state IN ('HELD', 'CONFIRMED', 'KEPT')",
        ),
        In("referral", "SELECT appointment_id::text FROM sagas WHERE state <> 'COMPENSATED'"),
    ),
    Check::matched(
        I6,
        "a booked referral has its appointment",
        In(
            "referral",
            "SELECT id::text, appointment_id::text, 'BOOKED, but its appointment is not' \
             FROM referrals WHERE state = 'BOOKED'",
        ),
        In("scheduling", "SELECT id::text FROM appointments WHERE state IN ('CONFIRMED', 'KEPT')"),
    ),
    Check::matched(
        I6,
        "a booked referral has its bill",
        In(
            "referral",
            "SELECT id::text, bill_id::text, 'BOOKED, but its bill does not stand' \
             FROM referrals WHERE state = 'BOOKED' AND bill_id IS NOT NULL",
        ),
        In("payment", "SELECT id::text FROM bills WHERE state IN ('AUTHORISED', 'CAPTURING', 'CAPTURED', 'SETTLED')"),
    ),
    Check::matched(
        I6,
        "an attended referral has its visit",
        In(
            "referral",
            "SELECT id::text, concat_ws(' ', visit_id, appointment_id), format('%s, but the visit is not there', state) \
             FROM referrals WHERE state IN ('ATTENDED', 'CLOSED')",
        ),
        In("scheduling", "SELECT concat_ws(' ', id, appointment_id) FROM visits"),
    ),
    Check::rows(
        I6,
        "payment",
        "a bill being captured has one attempt, a captured one the attempt that did it",
        "SELECT bill.id::text, format('%s with %s attempts under way and %s completed', bill.state, attempt.open, attempt.done) \
         FROM bills bill CROSS JOIN LATERAL ( \
             SELECT count(*) FILTER (WHERE state IN ('CONFIRMING', 'CONFIRMED', 'NEEDS_HUMAN')) AS open, \
                    count(*) FILTER (WHERE state = 'COMPLETED') AS done FROM captures WHERE bill_id = bill.id) attempt \
         WHERE attempt.open <> (bill.state = 'CAPTURING')::integer \
             OR attempt.done <> (bill.state IN ('CAPTURED', 'SETTLED'))::integer",
    ),
    Check::rows(
        I6,
        "payment",
        "a capture ends within a minute of its deadline",
        "SELECT id::text, format('still %s %s after its deadline', state, date_trunc('second', now() - deadline)) \
         FROM captures WHERE state IN ('CONFIRMING', 'CONFIRMED') AND deadline < now() - interval '1 minute'",
    ),
    Check::rows(
        I6,
        "adjudication",
        "a year that is to be judged anew is, within a minute of its deadline",
        "SELECT id::text, format('still %s %s after its deadline', state, date_trunc('second', now() - deadline)) \
         FROM readjudications WHERE state = 'RUNNING' AND deadline < now() - interval '1 minute' \
         UNION ALL \
         SELECT id::text, format('%s, ended at %s', state, coalesce(ended_at::text, 'no time')) FROM readjudications \
         WHERE (state = 'RUNNING') <> (ended_at IS NULL)",
    ),
];
