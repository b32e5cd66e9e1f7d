use std::time::Duration;

use futures_util::FutureExt as _;
use postgres::{Database, Error, Scope, Transaction};
use sqlx::{Connection as _, PgConnection, migrate::Migrator};
use uuid::Uuid;

use crate::harness::{BEIJING, ELSEWHERE, MIGRATOR, TestDb, add_note, notes_seen};

#[tokio::test]
async fn a_region_neither_sees_nor_writes_rows_of_another() {
    let test = TestDb::new().await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    add_note(&mut tx, "ours").await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(notes_seen(&test.db, BEIJING).await, ["ours"]);
    assert!(notes_seen(&test.db, ELSEWHERE).await.is_empty());

    let mut tx = test.db.begin(ELSEWHERE).await.unwrap();
    let smuggled = sqlx::query("INSERT INTO notes (id, region, text) VALUES ($1, '110000', 'smuggled')")
        .bind(Uuid::now_v7())
        .execute(&mut *tx)
        .await;
    assert!(smuggled.unwrap_err().to_string().contains("row-level security"));
}

/// Begins as often as the pool has connections, at once.
async fn begin_on_all(test: &TestDb) -> Vec<Transaction> {
    let begun = (0..test.config().pool_size).map(|_| test.db.begin(BEIJING));
    futures_util::future::join_all(begun).await.into_iter().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn f5_whoever_begins_after_backends_were_ended_gets_a_connection_that_is_there() {
    let test = TestDb::new().await;
    for tx in begin_on_all(&test).await {
        tx.commit().await.unwrap();
    }
    let mut own = PgConnection::connect(&test.config().database_url).await.unwrap();
    let ended = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
        WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()";
    let ended: i64 = sqlx::query_scalar(ended).fetch_one(&mut own).await.unwrap();
    assert!(ended > 1, "{ended}");
    for tx in begin_on_all(&test).await {
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn whoever_is_gone_before_it_has_begun_leaves_no_connection_within_a_transaction() {
    let test = TestDb::new().await;
    for tx in begin_on_all(&test).await {
        tx.commit().await.unwrap();
    }
    // Each is gone before the database can have answered, and nobody begins on their connections afterwards: that would end what they left.
    for _ in 0..test.config().pool_size {
        assert!(test.db.begin(BEIJING).now_or_never().is_none());
    }
    let mut own = PgConnection::connect(&test.config().database_url).await.unwrap();
    let within = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user \
        AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '500 milliseconds'";
    tokio::time::sleep(Duration::from_secs(1)).await;
    let within: i64 = sqlx::query_scalar(within).fetch_one(&mut own).await.unwrap();
    assert_eq!(within, 0);
}

#[tokio::test]
async fn f20_newer_keys_are_loaded_and_leave_no_connection_in_a_transaction_that_failed() {
    let test = TestDb::new().await;
    for tx in begin_on_all(&test).await {
        tx.commit().await.unwrap();
    }
    let mut insider = test.insider().await;
    for _ in 0..2 {
        sqlx::query("UPDATE data_keys SET generation = generation + 1").execute(&mut insider).await.unwrap();
        for mut tx in begin_on_all(&test).await {
            let (isolation, region): (String, String) =
                sqlx::query_as("SELECT current_setting('transaction_isolation'), current_setting('anjia.region')")
                    .fetch_one(&mut *tx)
                    .await
                    .unwrap();
            assert_eq!((isolation.as_str(), region.as_str()), ("read committed", "110000"));
            tx.commit().await.unwrap();
        }
    }
    // What was set is over with its transaction.
    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    let region: String =
        sqlx::query_scalar("SELECT current_setting('anjia.region')").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(region, "");
}

#[tokio::test]
async fn without_begin_nothing_is_seen() {
    let test = TestDb::new().await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    add_note(&mut tx, "ours").await.unwrap();
    tx.commit().await.unwrap();

    let pool = sqlx::PgPool::connect(&test.config().database_url).await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(&pool).await.unwrap();
    assert_eq!(seen, 0);
}

#[tokio::test]
async fn the_worker_sees_queues_of_all_regions_and_nothing_else() {
    let test = TestDb::new().await;
    for scope in [BEIJING, ELSEWHERE] {
        let mut tx = test.db.begin(scope).await.unwrap();
        let region = tx.region().unwrap();
        sqlx::query("INSERT INTO chores (id, region) VALUES ($1, $2)")
            .bind(Uuid::now_v7())
            .bind(region.as_str())
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    let chores: i64 = sqlx::query_scalar("SELECT count(*) FROM chores").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(chores, 2);
    let notes = sqlx::query("SELECT FROM notes").execute(&mut *tx).await;
    assert!(notes.unwrap_err().to_string().contains("permission denied"));
}

#[tokio::test]
async fn neither_role_rewrites_what_was_written() {
    let test = TestDb::new().await;
    let forbidden: [(Scope, &'static str); 12] = [
        (BEIJING, "UPDATE events SET data = '{}'"),
        (BEIJING, "UPDATE events SET position = 1"),
        (BEIJING, "DELETE FROM events"),
        (BEIJING, "UPDATE audit_entries SET action = 'a.b'"),
        (
            BEIJING,
            "INSERT INTO audit_entries (region, actor, subject, action, rows, occurred_at) VALUES ('110000', 'a', 'b', 'a.b', '[]', now())",
        ),
        (BEIJING, "DELETE FROM audit_entries"),
        (BEIJING, "UPDATE chain_heads SET position = 0"),
        (BEIJING, "UPDATE requests SET body_digest = ''"),
        (BEIJING, "DELETE FROM requests"),
        (Scope::Worker, "UPDATE events SET data = '{}'"),
        (Scope::Worker, "DELETE FROM audit_entries"),
        (BEIJING, "DELETE FROM _sqlx_migrations"),
    ];
    for (scope, sql) in forbidden {
        let mut tx = test.db.begin(scope).await.unwrap();
        let error = sqlx::query(sql).execute(&mut *tx).await.expect_err(sql);
        assert!(error.to_string().contains("permission denied"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_transaction_begins_with_its_limits_and_leaves_none_behind() {
    const SETTINGS: &str = "SELECT array[current_setting('anjia.region'), current_setting('transaction_isolation'), \
        current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')]";
    let test = TestDb::new().await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let settings: Vec<String> = sqlx::query_scalar(SETTINGS).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(settings, ["110000", "read committed", "5s", "5s"]);
    tx.commit().await.unwrap();

    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    let settings: Vec<String> = sqlx::query_scalar(SETTINGS).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(settings[0], "");
}

#[tokio::test]
async fn a_violated_constraint_is_named() {
    let test = TestDb::new().await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let error = add_note(&mut tx, "").await.unwrap_err();
    assert_eq!(error.constraint(), Some("notes_text_check"));
    assert!(!error.is_retryable() && !error.is_unavailable());
}

#[tokio::test]
async fn a_standby_is_away_until_it_is_promoted() {
    let test = TestDb::new().await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    // What a standby answers, without the trouble of one.
    sqlx::query("SET TRANSACTION READ ONLY").execute(&mut *tx).await.unwrap();
    let error = add_note(&mut tx, "lost").await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    let test = TestDb::new().await;
    let hasty = postgres::PostgresConfig { statement_timeout_ms: 50, ..test.config() };
    let db = Database::connect(&hasty).await.unwrap();
    let mut tx = db.begin(BEIJING).await.unwrap();
    let error = Error::from(sqlx::query("SELECT pg_sleep(5)").execute(&mut *tx).await.unwrap_err());
    assert!(error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn a_database_that_may_lose_acknowledged_writes_is_refused() {
    let test = TestDb::new().await;
    let url = format!("{}?options[synchronous_commit]=off", test.config().database_url);
    let careless = postgres::PostgresConfig { database_url: url, ..test.config() };
    let error = Database::connect(&careless).await.unwrap_err();
    assert!(matches!(error, Error::SynchronousCommitOff { .. }), "{error}");
}

#[tokio::test]
async fn a_role_that_row_security_does_not_bind_is_refused() {
    let test = TestDb::new().await;
    let owner = test.owner_url().to_owned();
    let superuser = test.config().database_url.replacen("notes@", "admin@", 1);
    for url in [owner, superuser] {
        let as_service = postgres::PostgresConfig { database_url: url.clone(), ..test.config() };
        let as_worker = postgres::PostgresConfig { worker_database_url: Some(url), ..test.config() };
        for config in [as_service, as_worker] {
            let error = Database::connect(&config).await.unwrap_err();
            assert!(matches!(error, Error::RoleUnbound { .. }), "{error}");
        }
    }
}

#[tokio::test]
async fn ready_means_at_least_as_new_as_the_binary() {
    let test = TestDb::new().await;
    test.db.ready(&MIGRATOR).await.unwrap();
    // An older binary, after a rollback, is ready too, and migrating with it changes nothing.
    test.db.ready(&Migrator::DEFAULT).await.unwrap();
    postgres::migrate(test.owner_url(), &Migrator::DEFAULT, &[]).await.unwrap();

    let mut newer = MIGRATOR.iter().cloned().collect::<Vec<_>>();
    newer[0].version = 3;
    let error = test.db.ready(&Migrator::with_migrations(newer)).await.unwrap_err();
    assert!(matches!(error, Error::SchemaOutdated { found: 2, needed: 3, .. }), "{error}");
}

#[tokio::test]
async fn migrations_run_as_the_owner_only() {
    let test = TestDb::new().await;
    assert!(postgres::migrate(&test.config().database_url, &MIGRATOR, &[]).await.is_err());
}
