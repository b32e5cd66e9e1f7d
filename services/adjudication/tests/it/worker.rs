//! What the worker may do with the years that are to be judged anew, and what is told of them.

use std::collections::BTreeMap;

use adjudication::store::readjudications::GAUGES;
use postgres::{Scope, gauges};
use testkit::TestDb;

#[tokio::test]
async fn the_worker_takes_readjudications_and_can_do_nothing_else_with_them() {
    let db = TestDb::new(&adjudication::MIGRATOR).await;
    for statement in [
        "UPDATE readjudications SET state = 'COMPLETED'",
        "UPDATE readjudications SET deadline = now()",
        "SELECT last_refusal FROM readjudications",
        "DELETE FROM readjudications",
        "SELECT FROM settlements",
    ] {
        let mut tx = db.database().begin(Scope::Worker).await.unwrap();
        let refused = sqlx::query(statement).execute(&mut *tx).await.expect_err(statement);
        let code = refused.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn ad_03_every_state_that_a_readjudication_may_be_stuck_in_is_counted_with_its_age() {
    let db = TestDb::new(&adjudication::MIGRATOR).await;
    let mut owner = db.owner().await;
    let stuck = "INSERT INTO readjudications (id, region, resident_id, from_year, cause, state, requested_at, deadline, ended_at)
        SELECT gen_random_uuid(), '110000', gen_random_uuid(), 2026, 'LATE_CLAIM', state, now() - make_interval(secs => age),
            now() + interval '1 day', ended_at
        FROM (VALUES ('RUNNING', 100, NULL::timestamptz), ('RUNNING', 200, NULL), ('NEEDS_HUMAN', 300, now())) AS stuck (state, age, ended_at)";
    sqlx::raw_sql(stuck).execute(&mut owner).await.expect("readjudications");
    let mut shown = BTreeMap::new();
    for gauge in GAUGES {
        let rows = gauges::read(db.database(), gauge).await.expect(gauge.name);
        shown.extend(rows.into_iter().map(|(state, value)| (format!("{} {state}", gauge.name), value.round())));
    }
    let count = |state: &str| shown[&format!("anjia.saga.count {state}")].to_string();
    assert_eq!(["RUNNING", "NEEDS_HUMAN"].map(count), ["2", "1"].map(str::to_owned));
    let age = |state: &str| shown[&format!("anjia.saga.oldest {state}")];
    assert!((200.0..260.0).contains(&age("RUNNING")), "{shown:?}");
    assert!((300.0..360.0).contains(&age("NEEDS_HUMAN")), "{shown:?}");
}
