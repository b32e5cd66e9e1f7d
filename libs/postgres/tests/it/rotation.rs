//! Data keys replaced while everything goes on (F20), interrupted anywhere, and without a row lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use postgres::{
    Database, Error, Scope,
    audit::{self, Against, Entry},
    vault::{self, Cell, Progress, SealedTable},
};
use types::{ids::ResidentId, region::RegionCode};
use uuid::Uuid;

use crate::harness::{BEIJING, ELSEWHERE, TestDb, add_note, caller};

const TABLES: &[SealedTable] = &[SealedTable { name: "secrets", id: "id", columns: &["text_sealed", "more_sealed"] }];

const fn cell(id: Uuid, column: &'static str) -> Cell {
    Cell { table: "secrets", column, row: id }
}

async fn keep(db: &Database, scope: Scope, text: &str) -> Result<Uuid, Error> {
    let mut tx = db.begin(scope).await?;
    let (id, keys) = (Uuid::now_v7(), tx.keys()?);
    let region = tx.region()?;
    sqlx::query("INSERT INTO secrets (id, region, text_sealed, key_version) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(region.as_str())
        .bind(keys.seal(cell(id, "text_sealed"), text)?)
        .bind(keys.version())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(id)
}

async fn look(db: &Database, scope: Scope, id: Uuid) -> Result<String, Error> {
    let mut tx = db.begin(scope).await?;
    let (sealed, version): (Vec<u8>, i32) =
        sqlx::query_as("SELECT text_sealed, key_version FROM secrets WHERE id = $1")
            .bind(id)
            .fetch_one(&mut *tx)
            .await?;
    tx.keys()?.open(cell(id, "text_sealed"), version, &sealed)
}

async fn rotate(db: &Database) -> Vec<Progress> {
    let mut told = vec![];
    vault::rotate(db, TABLES, None, &mut |progress| told.push(progress)).await.unwrap();
    told
}

async fn states(test: &TestDb, region: RegionCode) -> Vec<String> {
    sqlx::query_scalar("SELECT version || ' ' || state FROM data_keys WHERE region_code = $1 ORDER BY version")
        .bind(region.as_str())
        .fetch_all(&mut test.insider().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn id_08_a_rotation_seals_every_row_anew_and_retires_the_key_before() {
    let test = TestDb::new().await;
    let mut kept = vec![];
    for number in 0..620 {
        kept.push((BEIJING, keep(&test.db, BEIJING, &format!("text {number}")).await.unwrap(), number));
    }
    kept.push((ELSEWHERE, keep(&test.db, ELSEWHERE, "text 9").await.unwrap(), 9));

    let told = rotate(&test.db).await;
    assert!(told.contains(&Progress::Sealing {
        region: RegionCode::BEIJING,
        version: 2,
        table: "secrets",
        sealed_anew: 620,
        finished: true
    }));
    assert_eq!(states(&test, RegionCode::BEIJING).await, ["1 RETIRED", "2 ACTIVE"]);
    assert_eq!(states(&test, RegionCode::DEMONSTRATION).await, ["1 RETIRED", "2 ACTIVE"]);
    assert_eq!(test.count("SELECT count(*) FROM secrets WHERE key_version <> 2").await, 0);
    let replica = test.replica().await;
    for (scope, id, number) in kept {
        assert_eq!(look(&replica, scope, id).await.unwrap(), format!("text {number}"));
    }
}

#[tokio::test]
async fn id_08_an_interrupted_rotation_is_gone_on_with_where_it_was() {
    let test = TestDb::new().await;
    let mut kept = vec![];
    for number in 0..1100 {
        kept.push(keep(&test.db, BEIJING, &number.to_string()).await.unwrap());
    }
    // As kill -9 would: nothing is said and nothing given back, the lease included.
    let db = test.replica().await;
    let (stopped, stop) = tokio::sync::oneshot::channel();
    let mut stopped = Some(stopped);
    let interrupted = tokio::spawn(async move {
        let mut told = |progress: Progress| {
            if matches!(progress, Progress::Sealing { table: "secrets", sealed_anew: 500.., .. })
                && let Some(stopped) = stopped.take()
            {
                let _ = stopped.send(());
            }
        };
        vault::rotate(&db, TABLES, None, &mut told).await
    });
    stop.await.unwrap();
    interrupted.abort();
    let _ = interrupted.await;
    let before: i64 = test.count("SELECT count(*) FROM secrets WHERE key_version = 2").await;
    assert!((500..1100).contains(&before), "{before}");
    assert_eq!(states(&test, RegionCode::BEIJING).await, ["1 RETIRING", "2 ACTIVE"]);

    let told = rotate(&test.db).await;
    assert_eq!(told[0], Progress::Began { region: RegionCode::BEIJING, version: 2, resumed: true });
    assert_eq!(states(&test, RegionCode::BEIJING).await, ["1 RETIRED", "2 ACTIVE"]);
    assert_eq!(test.count("SELECT sealed_anew FROM key_rotations WHERE table_name = 'secrets'").await, 1100);
    for (number, id) in kept.into_iter().enumerate() {
        assert_eq!(look(&test.db, BEIJING, id).await.unwrap(), number.to_string());
    }
}

#[tokio::test]
async fn f20_nothing_fails_to_be_read_or_written_while_keys_rotate() {
    let test = TestDb::new().await;
    let replicas = [test.db.clone(), test.replica().await];
    let (done, times) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut working = vec![];
    for (number, db) in replicas.iter().cloned().cycle().take(4).enumerate() {
        let (done, times, other) = (Arc::clone(&done), Arc::clone(&times), replicas[(number + 1) % 2].clone());
        working.push(tokio::spawn(async move {
            let mut kept = vec![];
            while !done.load(Ordering::Relaxed) {
                let said = Uuid::now_v7().to_string();
                let id = keep(&db, BEIJING, &said).await.unwrap();
                kept.push((id, said));
                let (id, said) = &kept[kept.len() / 2];
                // What one replica has just written, the other reads.
                assert_eq!(look(&other, BEIJING, *id).await.unwrap(), *said);
                times.fetch_add(1, Ordering::Relaxed);
            }
            kept
        }));
    }
    let rotator = test.replica().await;
    for version in 2..=4 {
        while times.load(Ordering::Relaxed) < 40 * version {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rotate(&rotator).await;
    }
    done.store(true, Ordering::Relaxed);
    let mut kept = vec![];
    for work in working {
        kept.extend(work.await.unwrap());
    }
    assert_eq!(test.count("SELECT count(*) FROM secrets WHERE key_version <> 4").await, 0);
    for (id, text) in kept {
        assert_eq!(look(&test.db, BEIJING, id).await.unwrap(), text);
    }
}

#[tokio::test]
async fn id_08_a_sealed_column_that_nobody_lists_is_noticed_before_its_key_is_gone() {
    let test = TestDb::new().await;
    keep(&test.db, BEIJING, "text").await.unwrap();
    let some = [SealedTable { columns: &["text_sealed"], ..TABLES[0] }];
    let refused = vault::rotate(&test.db, &some, None, &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, Error::SealedColumnUnlisted { ref column, .. } if column == "more_sealed"), "{refused}");
    assert_eq!(states(&test, RegionCode::BEIJING).await, ["1 ACTIVE"]);
}

#[tokio::test]
async fn id_08_rewrapping_touches_no_row() {
    let test = TestDb::new().await;
    let id = keep(&test.db, BEIJING, "text").await.unwrap();
    let before: Vec<u8> =
        sqlx::query_scalar("SELECT text_sealed FROM secrets").fetch_one(&mut test.insider().await).await.unwrap();
    let wrapped = test.count("SELECT count(DISTINCT wrapped) FROM data_keys").await;
    let mut told = vec![];
    vault::rewrap(&test.replica().await, &mut |progress| told.push(progress)).await.unwrap();
    assert_eq!(i64::try_from(told.len()).unwrap(), wrapped);
    let after: Vec<u8> =
        sqlx::query_scalar("SELECT text_sealed FROM secrets").fetch_one(&mut test.insider().await).await.unwrap();
    assert_eq!(before, after);
    assert_eq!(look(&test.replica().await, BEIJING, id).await.unwrap(), "text");
}

#[tokio::test]
async fn id_08_what_the_audit_says_of_a_row_outlives_a_rotation_and_ends_with_the_persons_key() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let note = add_note(&mut tx, "seen").await.unwrap();
    let entry = Entry::new(&caller(resident), "notes.note.write").row("notes", note);
    audit::record(&mut tx, entry).await.unwrap();
    tx.commit().await.unwrap();
    let salt: Vec<u8> = sqlx::query_scalar("SELECT salt FROM audit_entries WHERE resident_id = $1")
        .bind(resident.uuid())
        .fetch_one(&mut test.insider().await)
        .await
        .unwrap();
    assert_eq!(salt.len(), 12 + 16 + 16, "nonce, salt, tag");

    rotate(&test.db).await;
    let replica = test.replica().await;
    let mut tx = replica.begin(BEIJING).await.unwrap();
    let id = note.to_string();
    assert!(audit::told(&mut tx, resident, "notes", &id).await.unwrap().unwrap().stands);
    tx.commit().await.unwrap();
    sqlx::query("DELETE FROM person_keys").execute(&mut test.insider().await).await.unwrap();

    let replica = test.replica().await;
    let mut tx = replica.begin(BEIJING).await.unwrap();
    assert!(
        !audit::told(&mut tx, resident, "notes", &id).await.unwrap().unwrap().stands,
        "the digest means nothing now"
    );
    drop(tx);
    postgres::sealer::seal_all(&test.db).await.unwrap();
    let mut owner = test.insider().await;
    let vault = replica.vault().clone();
    let opener = audit::unlock(&mut owner, &vault).await.unwrap();
    let against = Against { opener: Some(&*opener), ..Against::default() };
    let verified = audit::verify(&mut owner, against).await.unwrap();
    assert_eq!((verified.entries, verified.rows, verified.erased), (11, 11, 1), "ten lists of columns, and the note");
    let told: Vec<String> = verified.findings.iter().map(|finding| finding.place.to_string()).collect();
    assert_eq!(told, [format!("notes/{note}")], "nobody destroys a key unseen, and the chain is whole");
}

#[tokio::test]
async fn id_08_a_person_key_made_in_vain_is_used_by_nobody() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let vain = tx.person_key(resident).await.unwrap();
    let sealed = vain.seal_salt(b"salt").unwrap();
    tx.rollback().await.unwrap();
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let key = tx.person_key(resident).await.unwrap();
    assert_eq!(key.open_salt(&sealed), None);
    tx.commit().await.unwrap();
    let mut tx = test.replica().await.begin(BEIJING).await.unwrap();
    let same = tx.person_key(resident).await.unwrap();
    assert_eq!(same.open_salt(&key.seal_salt(b"salt").unwrap()).unwrap(), b"salt");
}
