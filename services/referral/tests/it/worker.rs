//! What the loops' role may do with sagas beyond taking them: nothing.

use postgres::Scope;
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
