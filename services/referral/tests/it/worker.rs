//! What the loops' role may do with sagas beyond taking them: nothing.

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
    for gauge in GAUGES {
        let mut rows = gauges::read(db.database(), gauge).await.expect(gauge.name);
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        let none = ["COMPENSATING", "NEEDS_HUMAN", "RUNNING"].map(|state| (state.to_owned(), 0.0));
        assert_eq!(rows, none, "{}", gauge.name);
    }
}
