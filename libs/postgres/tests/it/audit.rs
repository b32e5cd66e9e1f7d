use postgres::{
    Error, Scope, Transaction,
    audit::{self, Against, Entry, Place, Row, Verified, What},
    sealer,
};
use sqlx::types::Json;
use types::ids::ResidentId;
use uuid::Uuid;

use crate::harness::{BEIJING, ELSEWHERE, TestDb, add_note, caller};

/// Entries that migrations wrote, one to each audited table.
const LISTS: u64 = 10;
const EDITED: &str = "the entry was edited";
const MISSING: &str = "no audit entry at this position";
const UNLINKED: &str = "the entry does not follow from the one before it";

async fn record(test: &TestDb, scope: Scope, note: &str) {
    let mut tx = test.db.begin(scope).await.unwrap();
    let id = add_note(&mut tx, note).await.unwrap();
    let entry = Entry::new(&caller(ResidentId::generate()), "notes.note.add").row("notes", id);
    audit::record(&mut tx, entry).await.unwrap();
    tx.commit().await.unwrap();
}

async fn verified(test: &TestDb) -> Verified {
    let mut insider = test.insider().await;
    let opener = audit::unlock(&mut insider, test.db.vault()).await.unwrap();
    audit::verify(&mut insider, Against { opener: Some(&*opener), ..Against::default() }).await.unwrap()
}

/// Where it is wrong first, and what.
async fn first(test: &TestDb) -> (Place, &'static str) {
    let verified = verified(test).await;
    let finding = verified.findings.into_iter().next().expect("it is whole");
    (finding.place, finding.what)
}

async fn five_sealed() -> TestDb {
    let test = TestDb::new().await;
    for (scope, note) in [(BEIJING, "a"), (ELSEWHERE, "b"), (BEIJING, "c")] {
        record(&test, scope, note).await;
    }
    assert_eq!(sealer::seal_all(&test.db).await.unwrap().audit_entries, LISTS + 3);
    for note in ["d", "e"] {
        record(&test, BEIJING, note).await;
    }
    sealer::seal_all(&test.db).await.unwrap();
    test
}

/// As an insider would: past grants and row security.
async fn tamper(test: &TestDb, sql: &'static str) {
    assert!(sqlx::raw_sql(sql).execute(&mut test.insider().await).await.unwrap().rows_affected() > 0);
}

#[tokio::test]
async fn an_untouched_chain_is_intact() {
    let test = five_sealed().await;
    let before = verified(&test).await;
    assert_eq!((before.wrong, before.entries, before.rows), (0, LISTS + 5, LISTS + 5), "{before:?}");
    assert_ne!(before.hash, [0; 32]);
    // Not yet sealed entries are no break.
    record(&test, BEIJING, "f").await;
    assert_eq!(verified(&test).await, Verified { rows: LISTS + 6, ..before });
}

#[tokio::test]
async fn an_empty_chain_is_intact() {
    let test = TestDb::new().await;
    let verified = verified(&test).await;
    assert_eq!((verified.wrong, verified.entries, verified.hash), (0, 0, [0; 32]));
}

#[tokio::test]
async fn any_edit_is_found_where_it_was_made() {
    let edits = [
        "UPDATE audit_entries SET actor = 'service:nobody' WHERE position = 11",
        "UPDATE audit_entries SET resident_id = NULL WHERE position = 11",
        "UPDATE audit_entries SET organisation_id = gen_random_uuid() WHERE position = 11",
        "UPDATE audit_entries SET occurred_at = occurred_at + interval '1 microsecond' WHERE position = 11",
        "UPDATE audit_entries SET rows = jsonb_set(rows, '{0,id}', '\"x\"') WHERE position = 11",
        "UPDATE audit_entries SET rows = jsonb_set(rows, '{0,extra}', '1') WHERE position = 11",
        "UPDATE audit_entries SET rows = '[]' WHERE position = 11",
        "UPDATE audit_entries SET salt = sha256(salt) WHERE position = 11",
    ];
    for edit in edits {
        let test = five_sealed().await;
        tamper(&test, edit).await;
        assert_eq!(first(&test).await, (Place::Entry(11), EDITED), "{edit}");
    }
}

#[tokio::test]
async fn a_deleted_entry_is_found() {
    let test = five_sealed().await;
    tamper(&test, "DELETE FROM audit_entries WHERE position = 10").await;
    assert_eq!(first(&test).await, (Place::Entry(10), MISSING));
}

#[tokio::test]
async fn a_cut_tail_is_found() {
    let test = five_sealed().await;
    tamper(&test, "DELETE FROM audit_entries WHERE position >= 12").await;
    assert_eq!(first(&test).await, (Place::Entry(12), MISSING));
}

#[tokio::test]
async fn a_deletion_that_closes_the_gap_is_found() {
    let test = five_sealed().await;
    tamper(
        &test,
        "DELETE FROM audit_entries WHERE position = 10; \
         UPDATE audit_entries SET position = 10 WHERE position = 11; \
         UPDATE audit_entries SET position = 11 WHERE position = 12; \
         UPDATE audit_entries SET position = 12 WHERE position = 13; \
         UPDATE chain_heads SET position = 12 WHERE chain = 'audit_entries'",
    )
    .await;
    assert_eq!(first(&test).await, (Place::Entry(10), UNLINKED));
}

#[tokio::test]
async fn swapped_entries_are_found() {
    let test = five_sealed().await;
    tamper(
        &test,
        "UPDATE audit_entries SET position = 99 WHERE position = 10; \
         UPDATE audit_entries SET position = 10 WHERE position = 11; \
         UPDATE audit_entries SET position = 11 WHERE position = 99",
    )
    .await;
    assert_eq!(first(&test).await, (Place::Entry(10), UNLINKED));
}

#[tokio::test]
async fn a_forged_entry_at_the_end_is_found() {
    let test = five_sealed().await;
    tamper(
        &test,
        "INSERT INTO audit_entries (region, actor, subject, action, rows, salt, position, previous_hash, hash) \
         SELECT region, actor, subject, action, rows, salt, 16, hash, sha256('forged') FROM audit_entries WHERE position = 15",
    )
    .await;
    assert_eq!(first(&test).await, (Place::Entry(16), EDITED));
}

async fn rows_of_last(test: &TestDb) -> Vec<Row> {
    let rows = sqlx::query_scalar("SELECT rows FROM audit_entries ORDER BY sequence DESC LIMIT 1");
    let Json(rows): Json<Vec<Row>> = rows.fetch_one(&mut test.insider().await).await.unwrap();
    rows
}

#[tokio::test]
async fn an_entry_knows_what_its_transaction_wrote_read_and_removed() {
    let test = TestDb::new().await;
    let who = caller(ResidentId::generate());
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let (kept, gone) = (add_note(&mut tx, "kept").await.unwrap(), add_note(&mut tx, "gone").await.unwrap());
    audit::record(&mut tx, Entry::new(&who, "notes.note.add").row("notes", kept).row("notes", gone)).await.unwrap();
    tx.commit().await.unwrap();
    let rows = rows_of_last(&test).await;
    let digests: Vec<_> = rows
        .iter()
        .filter_map(|row| match row.what {
            What::Written { columns: 1, digest } => Some(digest),
            _ => None,
        })
        .collect();
    assert_eq!(digests.len(), 2, "{rows:?}");

    let mut tx = test.db.begin(BEIJING).await.unwrap();
    sqlx::query("DELETE FROM notes WHERE id = $1").bind(gone).execute(&mut *tx).await.unwrap();
    audit::record(&mut tx, Entry::new(&who, "notes.note.tidy").removed("notes", gone).row("notes", kept))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let rows: Vec<What> = rows_of_last(&test).await.into_iter().map(|row| row.what).collect();
    assert_eq!(rows, [What::Removed, What::Read]);
}

async fn add_leaf(tx: &mut Transaction) {
    let leaf = "INSERT INTO leaves (book, number, region, sealed) VALUES ('a/%', 1, '110000', '\\x00')";
    sqlx::query(leaf).execute(&mut **tx).await.unwrap();
}

#[tokio::test]
async fn an_entry_names_no_row_that_is_not_as_it_says() {
    let test = TestDb::new().await;
    let who = caller(ResidentId::generate());
    let leaf_id = audit::id(&[&"a/%", &1]);
    for (name, entry) in [
        ("not there", Entry::new(&who, "notes.note.read").row("notes", Uuid::nil())),
        ("still there", Entry::new(&who, "notes.leaf.remove").removed("leaves", &leaf_id)),
        ("sealed, and not given", Entry::new(&who, "notes.leaf.add").row("leaves", &leaf_id)),
    ] {
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        add_leaf(&mut tx).await;
        let refused = audit::record(&mut tx, entry).await.unwrap_err();
        assert!(matches!(refused, Error::RowNotAsRecorded { .. }), "{name}: {refused}");
    }
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let refused = audit::record(&mut tx, Entry::new(&who, "notes.chore.add").row("chores", Uuid::nil())).await;
    assert!(matches!(refused, Err(Error::TableNotAudited { table: "chores" })), "{refused:?}");
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    add_leaf(&mut tx).await;
    let entry = Entry::new(&who, "notes.leaf.add").sealed_row("leaves", &leaf_id, [("sealed", Some("secret"))]);
    audit::record(&mut tx, entry).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn equal_rows_do_not_look_equal() {
    let test = TestDb::new().await;
    record(&test, BEIJING, "secret").await;
    let first = rows_of_last(&test).await;
    record(&test, BEIJING, "secret").await;
    assert_ne!(first[0].what, rows_of_last(&test).await[0].what);
}

#[tokio::test]
async fn the_audit_tells_whether_a_row_stands_as_it_was_written() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let id = add_note(&mut tx, "as written").await.unwrap().to_string();
    audit::record(&mut tx, Entry::new(&caller(resident), "notes.note.add").row("notes", &id)).await.unwrap();
    let told = audit::told(&mut tx, resident, "notes", &id).await.unwrap().unwrap();
    assert_eq!((told.stands, told.sealed), (true, None));
    assert_eq!(audit::told(&mut tx, ResidentId::generate(), "notes", &id).await.unwrap(), None);
    tx.commit().await.unwrap();
    sealer::seal_all(&test.db).await.unwrap();
    tamper(&test, "UPDATE notes SET text = 'edited'").await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let told = audit::told(&mut tx, resident, "notes", &id).await.unwrap().unwrap();
    assert_eq!((told.stands, told.sealed.map(|(position, _)| position)), (false, Some(11)));
}
