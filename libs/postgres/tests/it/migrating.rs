//! Migrating several times at once, and again after an end in the middle.

use std::borrow::Cow;

use futures_util::future::join_all;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection as _, PgConnection, SqlSafeStr as _};

use crate::harness::{MIGRATOR, TestDb};

const INDEX: &str = "CREATE INDEX CONCURRENTLY IF NOT EXISTS notes_text ON notes (text)";
const INDEX_STATE: &str = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('notes_text') AND indisvalid";
const RECORDED: &str = "SELECT count(*) FROM _sqlx_migrations WHERE version = 9 AND success";

const LEFT: &str = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('notes_text') AND NOT indisvalid";
/// Ends who builds the index, once it waits.
const WAITING: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
    WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' AND datname = current_database()";

/// The notes, and an index on them that is built while others write.
fn with_an_index() -> &'static Migrator {
    let sql = INDEX.into_sql_str();
    let index = Migration::new(9, Cow::Borrowed("index"), MigrationType::Simple, sql, true);
    Box::leak(Box::new(Migrator::with_migrations(MIGRATOR.iter().cloned().chain([index]).collect())))
}

#[tokio::test]
async fn g11_several_migrate_at_once_and_an_index_is_built_without_waiting_for_each_other() {
    let test = TestDb::new().await;
    let newer = with_an_index();
    for migrated in join_all((0..4).map(|_| postgres::migrate(test.owner_url(), newer, &[]))).await {
        migrated.unwrap();
    }
    assert_eq!((test.count(INDEX_STATE).await, test.count(RECORDED).await), (1, 1));
    postgres::migrate(test.owner_url(), newer, &[]).await.unwrap();
    assert_eq!(test.count(RECORDED).await, 1);
}

#[tokio::test]
async fn g11_an_index_whose_building_was_cut_off_is_built_by_the_next_to_migrate() {
    let test = TestDb::new().await;
    // A writer keeps it from its end, and whoever builds it is killed.
    let mut writer = test.insider().await;
    let mut writing = writer.begin().await.unwrap();
    sqlx::query("LOCK TABLE notes IN ROW EXCLUSIVE MODE").execute(&mut *writing).await.unwrap();
    let mut builder = PgConnection::connect(test.owner_url()).await.unwrap();
    let building = tokio::spawn(async move { sqlx::raw_sql(INDEX).execute(&mut builder).await });
    while test.count(WAITING).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    building.await.unwrap().unwrap_err();
    writing.rollback().await.unwrap();
    assert_eq!(test.count(LEFT).await, 1, "it is there and good for nothing");

    postgres::migrate(test.owner_url(), with_an_index(), &[]).await.unwrap();
    assert_eq!((test.count(INDEX_STATE).await, test.count(RECORDED).await), (1, 1));
}
