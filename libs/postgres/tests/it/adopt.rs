//! Rows from before their table was audited: an upgrade of a database that has some.

use std::collections::BTreeMap;

use postgres::{
    Scope,
    audit::{self, Against, Entry, Place},
    personal::PersonalTable,
    sealer,
    vault::Cell,
};
use sqlx::PgConnection;
use types::{ids::ResidentId, region::RegionCode};
use uuid::Uuid;

use crate::harness::{BEIJING, ELSEWHERE, TestDb, caller};

/// As the releases before had it, and as the next one audits it.
const BEFORE: &str = "CREATE TABLE letters (id uuid PRIMARY KEY, region text NOT NULL, resident_id uuid, text_sealed bytea, key_version integer); \
    CALL protect_by_region('letters'); CREATE TABLE stamps (name text PRIMARY KEY, price integer); \
    INSERT INTO stamps VALUES ('red', 80), ('blue', 120)";
const UPGRADE: &str =
    "CALL audited('letters', sealed => '{text_sealed}', apart => '{key_version}'); CALL audited('stamps')";
const LETTERS: &[PersonalTable] = &[PersonalTable::new("letters", &["text_sealed"], ["信", "letters"], "permission")];

async fn write(test: &TestDb, scope: Scope, resident: Option<ResidentId>, said: &str) -> Uuid {
    let id = Uuid::now_v7();
    let mut tx = test.db.begin(scope).await.unwrap();
    let keys = tx.keys().unwrap();
    let cell = Cell { table: "letters", column: "text_sealed", row: id };
    let sealed = keys.seal_bytes(cell, said.as_bytes()).unwrap();
    let region = tx.region().unwrap();
    sqlx::query("INSERT INTO letters VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(region.as_str())
        .bind(resident.map(ResidentId::uuid))
        .bind(sealed)
        .bind(keys.version())
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

async fn found(test: &TestDb) -> Vec<Place> {
    sealer::seal_all(&test.db).await.unwrap();
    let replica = test.replica().await;
    let mut owner = test.insider().await;
    let opener = audit::unlock(&mut owner, replica.vault()).await.unwrap();
    let verified = audit::verify(&mut owner, Against { opener: Some(&*opener), ..Against::default() }).await.unwrap();
    assert_eq!(verified.unopened, 0);
    verified.findings.into_iter().map(|finding| finding.place).collect()
}

fn place(id: Uuid) -> Place {
    Place::Row { table: "letters".to_owned(), id: id.to_string() }
}

async fn run(owner: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(owner).await.unwrap();
}

#[tokio::test]
async fn id_09_rows_from_before_their_table_was_audited_get_an_entry_each_and_what_slips_in_later_none() {
    let test = TestDb::new().await;
    let mut owner = test.insider().await;
    run(&mut owner, BEFORE).await;
    let resident = ResidentId::generate();
    let letter = write(&test, BEIJING, Some(resident), "of hers").await;
    write(&test, ELSEWHERE, Some(resident), "from elsewhere").await;
    write(&test, BEIJING, None, "to nobody").await;
    run(&mut owner, UPGRADE).await;
    // Written by the next release, which records it; and behind its back.
    let recorded = write(&test, BEIJING, Some(resident), "of the next release").await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    sqlx::query("UPDATE letters SET region = region WHERE id = $1").bind(recorded).execute(&mut *tx).await.unwrap();
    let entry = Entry::new(&caller(resident), "notes.letter.write");
    let entry = entry.sealed_row("letters", recorded, [("text_sealed", Some("of the next release"))]);
    audit::record(&mut tx, entry).await.unwrap();
    tx.commit().await.unwrap();
    let slipped_in = write(&test, BEIJING, Some(resident), "from behind").await;
    assert_eq!(found(&test).await.len(), 6, "three letters, two stamps, and what slipped in");

    let adopted = audit::adopt(&test.db, &mut owner, "notes", LETTERS, RegionCode::BEIJING).await.unwrap();
    assert_eq!(adopted, BTreeMap::from([("letters".to_owned(), 3), ("stamps".to_owned(), 2)]));
    assert_eq!(found(&test).await, [place(slipped_in)]);
    let entries = test.count("SELECT count(*) FROM audit_entries WHERE action = 'notes.row.adopt'").await;
    assert_eq!(entries, 4, "one for each person and region, one for what is nobody's, one for the other table");
    let about = test.count("SELECT count(*) FROM audit_entries WHERE action = 'notes.row.adopt' AND resident_id IS NOT NULL AND octet_length(salt) > 16").await;
    assert_eq!(about, 2, "what is about a person is salted under their key");
    let again = audit::adopt(&test.db, &mut owner, "notes", LETTERS, RegionCode::BEIJING).await.unwrap();
    assert_eq!(again, BTreeMap::new());

    // Covered from then on.
    sqlx::query("UPDATE letters SET resident_id = NULL WHERE id = $1").bind(letter).execute(&mut owner).await.unwrap();
    run(&mut owner, "UPDATE stamps SET price = 81 WHERE name = 'red'").await;
    let places = found(&test).await;
    let stamp = Place::Row { table: "stamps".to_owned(), id: "red".to_owned() };
    assert!(places.len() == 3 && places.contains(&place(letter)) && places.contains(&stamp), "{places:?}");
}
