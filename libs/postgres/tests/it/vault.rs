//! The keys of personal data: made once per region, stored wrapped, and useless without their provider.

use std::io::Write as _;

use postgres::{
    Database, Error, PostgresConfig, Scope,
    vault::{Cell, ProviderError, VaultConfig},
};
use types::region::RegionCode;
use uuid::Uuid;

use crate::harness::{BEIJING, ELSEWHERE, MIGRATOR, TestDb};

const NAME: Cell = Cell { table: "notes", column: "text", row: Uuid::nil() };

/// A file of wrapping keys, one line to a byte.
fn key_file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for byte in bytes {
        writeln!(file, "{}", hex::encode([*byte; 32])).unwrap();
    }
    file
}

fn with_keys(test: &TestDb, file: &tempfile::NamedTempFile) -> PostgresConfig {
    let vault = VaultConfig { wrapping_key_file: Some(file.path().to_owned()), ..VaultConfig::default() };
    PostgresConfig { vault, ..test.config() }
}

async fn seal(db: &Database, scope: Scope) -> (i32, Vec<u8>) {
    let tx = db.begin(scope).await.unwrap();
    let keys = tx.keys().unwrap();
    (keys.version(), keys.seal(NAME, "陈桂英").unwrap())
}

async fn open(db: &Database, scope: Scope, (version, sealed): &(i32, Vec<u8>)) -> Result<String, Error> {
    db.begin(scope).await.unwrap().keys().unwrap().open(NAME, *version, sealed)
}

#[tokio::test]
async fn id_08_every_region_has_a_key_of_its_own_which_every_replica_opens() {
    let test = TestDb::new().await;
    let sealed = seal(&test.db, BEIJING).await;
    let replica = test.replica().await;
    assert_eq!(open(&replica, BEIJING, &sealed).await.unwrap(), "陈桂英");
    assert!(open(&replica, ELSEWHERE, &sealed).await.is_err());
    assert_eq!(test.count("SELECT count(*) FROM data_keys WHERE region_code <> ''").await, 2);
}

#[tokio::test]
async fn id_08_a_key_is_made_once_however_many_need_it_first() {
    let test = TestDb::new().await;
    let replicas = [test.replica().await, test.replica().await, test.replica().await];
    let sealed = futures_util::future::join_all(replicas.iter().map(|db| seal(db, BEIJING))).await;
    for sealed in &sealed {
        assert_eq!(open(&test.db, BEIJING, sealed).await.unwrap(), "陈桂英");
    }
    assert_eq!(test.count("SELECT count(*) FROM data_keys").await, 2, "one of the region, one of the indexes");
}

#[tokio::test]
async fn id_08_a_wrapped_key_neither_unwraps_elsewhere_nor_under_another_wrapping_key() {
    let test = TestDb::new().await;
    let (right, wrong) = (key_file(&[1]), key_file(&[2]));
    let db = Database::connect(&with_keys(&test, &right)).await.unwrap();
    let sealed = seal(&db, BEIJING).await;
    db.ready(&MIGRATOR).await.unwrap();

    let stranger = Database::connect(&with_keys(&test, &wrong)).await.unwrap();
    let refused = stranger.ready(&MIGRATOR).await.unwrap_err();
    assert!(matches!(refused, Error::Keys(ProviderError::DoesNotUnwrap { .. })), "{refused:?}");

    // A further line wraps; what the first one wrapped still opens.
    let both = Database::connect(&with_keys(&test, &key_file(&[1, 2]))).await.unwrap();
    assert_eq!(open(&both, BEIJING, &sealed).await.unwrap(), "陈桂英");
    seal(&both, ELSEWHERE).await;
    assert_eq!(test.count("SELECT count(*) FROM data_keys WHERE provider_key = 'file:2'").await, 1);

    sqlx::query("UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE region_code = $1), generation = generation + 9 WHERE region_code = $2")
        .bind(RegionCode::BEIJING.as_str())
        .bind(RegionCode::DEMONSTRATION.as_str())
        .execute(&mut test.insider().await)
        .await
        .unwrap();
    let moved = Database::connect(&with_keys(&test, &key_file(&[1, 2]))).await.unwrap();
    assert!(matches!(moved.begin(ELSEWHERE).await, Err(Error::Keys(ProviderError::DoesNotUnwrap { .. }))));
}

#[tokio::test]
async fn id_08_without_a_provider_nothing_connects() {
    let test = TestDb::new().await;
    let unset = PostgresConfig { vault: VaultConfig::default(), ..test.config() };
    let unset = Database::connect(&unset).await.unwrap_err();
    assert!(matches!(&unset, Error::Setting(bad) if bad.name == "WRAPPING_KEY_FILE"), "{unset}");
    assert!(unset.to_string().contains("or KMS_URL"), "{unset}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "not a key").unwrap();
    let malformed = Database::connect(&with_keys(&test, &file)).await.unwrap_err();
    assert!(matches!(&malformed, Error::Setting(bad) if bad.name == "WRAPPING_KEY_FILE"), "{malformed}");
    assert!(!malformed.to_string().contains("not a key"));
}
