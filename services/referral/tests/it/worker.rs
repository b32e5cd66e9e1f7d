//! What the loops' role may do with sagas beyond taking them: nothing.

use std::collections::BTreeMap;

use postgres::{Scope, gauges};
use referral::store::sagas::GAUGES;
use testkit::TestDb;

#[tokio::test]
async fn the_worker_takes_sagas_and_can_do_nothing_else_with_them() {
    let db = TestDb::new(&referral::MIGRATOR).await;
    for statement in [
        "UPDATE sagas SET state = 'COMPLETED'",
        "UPDATE sagas SET deadline = now()",
        "SELECT expected_lines FROM sagas",
        "DELETE FROM sagas",
    ] {
        let mut tx = db.database().begin(Scope::Worker).await.unwrap();
        let refused = sqlx::query(statement).execute(&mut *tx).await.expect_err(statement);
        let code = refused.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn pl_02_every_state_that_an_acceptance_may_be_stuck_in_is_counted_with_its_age() {
    let db = TestDb::new(&referral::MIGRATOR).await;
    let mut owner = db.owner().await;
    // Without the referrals that they would be of.
    let stuck = "ALTER TABLE sagas DROP CONSTRAINT sagas_referral_fkey;
        INSERT INTO sagas (id, region, referral_id, accepted_by, slot_id, care_kind, expected_lines, appointment_id, quote_id, bill_id,
                started_at, deadline, hold_until, state, step, refusal, ended_at)
            SELECT gen_random_uuid(), '110000', gen_random_uuid(), 'client:c', gen_random_uuid(), 'OUTPATIENT', '[]',
                gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now() - make_interval(secs => age), now() + interval '1 hour',
                now() + interval '2 hours', state, step, refusal, ended_at
            FROM (VALUES ('RUNNING', 'PLACE', NULL, NULL::timestamptz, 100), ('RUNNING', 'PRICE', NULL, NULL, 200),
                ('NEEDS_HUMAN', NULL, 'SLOT_TAKEN', now(), 300))
                AS stuck (state, step, refusal, ended_at, age)";
    sqlx::raw_sql(stuck).execute(&mut owner).await.expect("sagas");
    let mut shown = BTreeMap::new();
    for gauge in GAUGES {
        let rows = gauges::read(db.database(), gauge).await.expect(gauge.name);
        shown.extend(rows.into_iter().map(|(state, value)| (format!("{} {state}", gauge.name), format!("{value:.0}"))));
    }
    let count = |state: &str| shown[&format!("anjia.saga.count {state}")].as_str();
    assert_eq!(["RUNNING", "COMPENSATING", "NEEDS_HUMAN"].map(count), ["2", "0", "1"]);
    let age = |state: &str| shown[&format!("anjia.saga.oldest {state}")].parse::<u32>().expect("seconds");
    assert!((200..260).contains(&age("RUNNING")), "{shown:?}");
    assert!((300..360).contains(&age("NEEDS_HUMAN")), "{shown:?}");
    assert_eq!(age("COMPENSATING"), 0);
}
