//! Every table with data about a person is listed: they are shown it, and its keys can be replaced.

use postgres::retention::{self, Applied};
use postgres::{Scope, erasure, personal, vault};
use testkit::TestDb;
use types::ids::ResidentId;
use types::region::RegionCode;

use payment::app::{OPEN, PERSONAL};

#[tokio::test]
async fn id_08_no_table_about_a_resident_is_left_out_of_export_and_rotation() {
    let test = TestDb::new(&payment::MIGRATOR).await;
    let unlisted = personal::unlisted(&mut test.owner().await, PERSONAL).await.unwrap();
    assert_eq!(unlisted, Vec::<String>::new(), "add to store::PERSONAL");
    for table in PERSONAL {
        assert!(postgres::retention::rule(table.rule).is_some(), "{} of {}", table.rule, table.table.name);
    }
    let mut tx = test.database().begin(Scope::Region(RegionCode::BEIJING)).await.unwrap();
    let rows = personal::export(&mut tx, PERSONAL, ResidentId::generate(), None, 200).await.unwrap();
    assert!(rows.is_empty());
    tx.commit().await.unwrap();
    vault::rotate(test.database(), &personal::sealed(PERSONAL), None, &mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn id_08_every_table_can_be_asked_what_is_kept_of_it_and_what_has_had_its_time() {
    let test = TestDb::new(&payment::MIGRATOR).await;
    let mut tx = test.database().begin(Scope::Region(RegionCode::BEIJING)).await.unwrap();
    assert_eq!(erasure::open(&mut tx, OPEN, ResidentId::generate(), 1).await.unwrap(), []);
    assert_eq!(erasure::kept(&mut tx, PERSONAL, ResidentId::generate()).await.unwrap(), []);
    tx.commit().await.unwrap();
    postgres::migrate(&test.urls().owner, &payment::MIGRATOR, PERSONAL).await.unwrap();
    assert_eq!(retention::apply(test.database(), "payment", PERSONAL).await.unwrap(), Applied::default());
    assert_eq!(retention::without_index(&mut test.owner().await).await.unwrap(), Vec::<String>::new());
}
