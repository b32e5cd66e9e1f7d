//! Every table is digested by the audit, or left out for a reason that is written down.

use postgres::audit;
use testkit::TestDb;

#[tokio::test]
async fn id_09_every_table_is_audited_or_left_out_for_a_reason() {
    let test = TestDb::new(&payment::MIGRATOR).await;
    let left_out = audit::undigested().unwrap();
    let undecided = audit::undecided(&mut test.owner().await, "payment", &left_out).await.unwrap();
    assert_eq!(undecided, Vec::<String>::new(), "CALL audited(…) in a migration, or say why not in undigested.toml");

    // A table that somebody adds is found until it is decided about.
    let mut owner = test.owner().await;
    sqlx::raw_sql("CREATE TABLE left_lying (id uuid PRIMARY KEY)").execute(&mut owner).await.unwrap();
    assert_eq!(audit::undecided(&mut owner, "payment", &left_out).await.unwrap(), ["left_lying"]);
}
