//! What holds of the tables with data about a person, whichever service keeps them.

use postgres::personal::{self, PersonalTable};
use postgres::retention::{self, Applied};
use postgres::{Scope, erasure, vault};
use sqlx::migrate::Migrator;
use types::ids::ResidentId;
use types::region::RegionCode;

use crate::{OrPanic, TestDb};

/// Every table about a resident is listed under a rule of retention that there is; the list can be exported, and its keys replaced.
pub async fn every_table_is_listed(migrator: &'static Migrator, listed: &[PersonalTable]) {
    let test = TestDb::new(migrator).await;
    let unlisted = personal::unlisted(&mut test.owner().await, listed).await.or_panic();
    assert_eq!(unlisted, Vec::<String>::new(), "add to store::PERSONAL");
    for table in listed {
        assert!(retention::rule(table.rule).is_some(), "{} of {}", table.rule, table.table.name);
    }
    let mut tx = test.database().begin(Scope::Region(RegionCode::BEIJING)).await.or_panic();
    let rows = personal::export(&mut tx, listed, ResidentId::generate(), None, 200).await.or_panic();
    assert!(rows.is_empty());
    tx.commit().await.or_panic();
    vault::rotate(test.database(), &personal::sealed(listed), None, &mut |_| {}).await.or_panic();
}

/// Every table can be asked what of it is open, where a service has `obligations`, what is kept, and, by index, what has had its time.
pub async fn every_table_can_be_asked(
    migrator: &'static Migrator,
    service: &str,
    listed: &'static [PersonalTable],
    obligations: Option<&'static str>,
) {
    let test = TestDb::new(migrator).await;
    let mut tx = test.database().begin(Scope::Region(RegionCode::BEIJING)).await.or_panic();
    if let Some(obligations) = obligations {
        assert_eq!(erasure::open(&mut tx, obligations, ResidentId::generate(), 1).await.or_panic(), []);
    }
    assert_eq!(erasure::kept(&mut tx, listed, ResidentId::generate()).await.or_panic(), []);
    tx.commit().await.or_panic();
    postgres::migrate(&test.urls().owner, migrator, listed).await.or_panic();
    assert_eq!(retention::apply(test.database(), service, listed).await.or_panic(), Applied::default());
    assert_eq!(retention::without_index(&mut test.owner().await).await.or_panic(), Vec::<String>::new());
}
