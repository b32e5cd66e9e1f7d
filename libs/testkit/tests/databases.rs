//! Test databases: fresh for each test, side by side, with the powers of the service and no more.

use std::sync::LazyLock;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection, PgConnection, SqlStr};
use testkit::TestDb;
use types::caller::{Party, Role};
use types::region::RegionCode;

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let sql = SqlStr::from_static(
        "CREATE TABLE notes (region text NOT NULL, body text NOT NULL); CALL protect_by_region('notes');",
    );
    let notes = Migration::new(1, "notes".into(), MigrationType::Simple, sql, false);
    Migrator::with_migrations(vec![notes])
});

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let (one, other) = tokio::join!(TestDb::of("probe", &MIGRATOR), TestDb::of("probe", &MIGRATOR));
    let mut owner = one.owner().await;
    sqlx::query("INSERT INTO notes VALUES ('110000', 'here')").execute(&mut owner).await.unwrap();
    let mut owner = other.owner().await;
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(&mut owner).await.unwrap();
    assert_eq!(found, 0);
}

#[tokio::test]
async fn the_service_role_is_bound_by_row_security() {
    let db = TestDb::of("probe", &MIGRATOR).await;
    let mut owner = db.owner().await;
    sqlx::query("INSERT INTO notes VALUES ('110000', 'here')").execute(&mut owner).await.unwrap();
    let mut service = PgConnection::connect(&db.urls().service).await.unwrap();
    let visible: i64 = sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(&mut service).await.unwrap();
    assert_eq!(visible, 0, "no region was set");
    let powers: bool = sqlx::query_scalar("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        .fetch_one(&mut service)
        .await
        .unwrap();
    assert!(!powers);
}

#[test]
fn the_callers_of_the_journey_are_written_in_the_words_of_the_mesh() {
    for client in testkit::callers::all() {
        assert!(client.party.parse::<Party>().is_ok(), "{}", client.party);
        assert!(client.region.parse::<RegionCode>().is_ok(), "{}", client.region);
        for role in &client.roles {
            assert!(role.parse::<Role>().is_ok(), "{role}");
        }
    }
}
