use postgres::{
    Scope,
    audit::{self, Break, Entry, Verdict},
    sealer,
};
use types::ids::ResidentId;

use crate::harness::{BEIJING, ELSEWHERE, TestDb, caller};

async fn record(test: &TestDb, scope: Scope, note: &str) {
    let mut tx = test.db.begin(scope).await.unwrap();
    let entry = Entry::new(&caller(ResidentId::generate()), "notes.note.add").row(
        "notes",
        note,
        1,
        &[&note, &audit::optional(&None::<u8>)],
    );
    audit::record(&mut tx, entry).await.unwrap();
    tx.commit().await.unwrap();
}

async fn verdict(test: &TestDb) -> Verdict {
    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    audit::verify(&mut tx).await.unwrap()
}

async fn five_sealed() -> TestDb {
    let test = TestDb::new().await;
    for (scope, note) in [(BEIJING, "a"), (ELSEWHERE, "b"), (BEIJING, "c")] {
        record(&test, scope, note).await;
    }
    assert_eq!(sealer::seal_all(&test.db).await.unwrap().audit_entries, 3);
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
    let Verdict::Intact { entries, hash } = verdict(&test).await else { panic!("broken") };
    assert_eq!(entries, 5);
    assert_ne!(hash, [0; 32]);
    // Not yet sealed entries are no break.
    record(&test, BEIJING, "f").await;
    assert_eq!(verdict(&test).await, Verdict::Intact { entries, hash });
}

#[tokio::test]
async fn an_empty_chain_is_intact() {
    let test = TestDb::new().await;
    assert_eq!(verdict(&test).await, Verdict::Intact { entries: 0, hash: [0; 32] });
}

#[tokio::test]
async fn any_edit_is_found_where_it_was_made() {
    let edits = [
        "UPDATE audit_entries SET actor = 'service:nobody' WHERE position = 3",
        "UPDATE audit_entries SET resident_id = NULL WHERE position = 3",
        "UPDATE audit_entries SET organisation_id = gen_random_uuid() WHERE position = 3",
        "UPDATE audit_entries SET occurred_at = occurred_at + interval '1 microsecond' WHERE position = 3",
        "UPDATE audit_entries SET rows = jsonb_set(rows, '{0,id}', '\"x\"') WHERE position = 3",
        "UPDATE audit_entries SET rows = jsonb_set(rows, '{0,extra}', '1') WHERE position = 3",
        "UPDATE audit_entries SET rows = '[]' WHERE position = 3",
    ];
    for edit in edits {
        let test = five_sealed().await;
        tamper(&test, edit).await;
        assert_eq!(verdict(&test).await, Verdict::Broken { position: 3, kind: Break::Edited }, "{edit}");
    }
}

#[tokio::test]
async fn a_deleted_entry_is_found() {
    let test = five_sealed().await;
    tamper(&test, "DELETE FROM audit_entries WHERE position = 2").await;
    assert_eq!(verdict(&test).await, Verdict::Broken { position: 2, kind: Break::Missing });
}

#[tokio::test]
async fn a_cut_tail_is_found() {
    let test = five_sealed().await;
    tamper(&test, "DELETE FROM audit_entries WHERE position >= 4").await;
    assert_eq!(verdict(&test).await, Verdict::Broken { position: 4, kind: Break::Missing });
}

#[tokio::test]
async fn a_deletion_that_closes_the_gap_is_found() {
    let test = five_sealed().await;
    tamper(
        &test,
        "DELETE FROM audit_entries WHERE position = 2; \
         UPDATE audit_entries SET position = 2 WHERE position = 3; \
         UPDATE audit_entries SET position = 3 WHERE position = 4; \
         UPDATE audit_entries SET position = 4 WHERE position = 5; \
         UPDATE chain_heads SET position = 4 WHERE chain = 'audit_entries'",
    )
    .await;
    assert_eq!(verdict(&test).await, Verdict::Broken { position: 2, kind: Break::Unlinked });
}

#[tokio::test]
async fn swapped_entries_are_found() {
    let test = five_sealed().await;
    tamper(
        &test,
        "UPDATE audit_entries SET position = 99 WHERE position = 2; \
         UPDATE audit_entries SET position = 2 WHERE position = 3; \
         UPDATE audit_entries SET position = 3 WHERE position = 99",
    )
    .await;
    assert_eq!(verdict(&test).await, Verdict::Broken { position: 2, kind: Break::Unlinked });
}

#[tokio::test]
async fn a_forged_entry_at_the_end_is_found() {
    let test = five_sealed().await;
    tamper(
        &test,
        "INSERT INTO audit_entries (region, actor, subject, action, rows, position, previous_hash, hash) \
         SELECT region, actor, subject, action, rows, 6, hash, sha256('forged') FROM audit_entries WHERE position = 5",
    )
    .await;
    assert_eq!(verdict(&test).await, Verdict::Broken { position: 6, kind: Break::Edited });
}

#[tokio::test]
async fn a_row_is_digested_with_its_salt() {
    let test = TestDb::new().await;
    record(&test, BEIJING, "secret").await;
    record(&test, BEIJING, "secret").await;
    let rows: Vec<sqlx::types::Json<Vec<audit::RowDigest>>> =
        sqlx::query_scalar("SELECT rows FROM audit_entries ORDER BY sequence")
            .fetch_all(&mut test.insider().await)
            .await
            .unwrap();
    let (first, second) = (&rows[0][0], &rows[1][0]);
    assert_ne!(first.digest, second.digest, "equal values must not look equal");
    let salt = hex::decode(&first.salt).unwrap();
    let again = audit::digest(&salt, "notes", 1, &[&"secret", &audit::optional(&None::<u8>)]);
    assert_eq!(hex::encode(again), first.digest);
}
