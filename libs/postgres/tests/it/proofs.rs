//! What is proved to whoever does not trust the database: offline, with a signed checkpoint and a key.

use postgres::{
    audit::{self, Anchor},
    sealer,
};

use crate::harness::TestDb;
use crate::tamper::{Past, notarised};

#[tokio::test]
async fn id_09_any_entry_is_proved_from_a_signed_checkpoint_offline() {
    let past = Past::new().await;
    let mut conn = past.test.insider().await;
    let (size, note) = audit::latest(&mut conn).await.unwrap().unwrap();
    let checkpoint = past.verifier.open(&note).unwrap();
    assert_eq!((checkpoint.size, size), (past.entries.unsigned_abs(), past.entries.unsigned_abs()));
    let hashes: Vec<audit::merkle::Hash> =
        sqlx::query_scalar("SELECT hash FROM audit_entries ORDER BY position").fetch_all(&mut conn).await.unwrap();
    for (index, hash) in (0..).zip(&hashes) {
        let proof = audit::prove_inclusion(&mut conn, index + 1, size).await.unwrap().unwrap();
        let leaf = audit::merkle::leaf(hash);
        assert!(audit::merkle::is_included(&leaf, index, size, &proof, &checkpoint.root), "{index}");
    }
    for anchored in Anchor::in_folder(past.folder.path().join("notes")).all().unwrap() {
        let old = past.verifier.open(&anchored.unwrap().note).unwrap();
        let proof = audit::prove_consistency(&mut conn, old.size, size).await.unwrap().unwrap();
        let is_beginning = audit::merkle::is_consistent((old.size, &old.root), (size, &checkpoint.root), &proof);
        assert!(is_beginning, "{}", old.size);
    }
    assert_eq!(audit::prove_inclusion(&mut conn, size + 1, size).await.unwrap(), None);
    assert_eq!(audit::prove_inclusion(&mut conn, 0, size).await.unwrap(), None);
    assert_eq!(audit::prove_consistency(&mut conn, size, size + 1).await.unwrap(), None);
}

#[tokio::test]
async fn a_proof_in_a_log_of_many_tiles_reads_few_hashes() {
    let test = TestDb::new().await;
    let folder = tempfile::tempdir().unwrap();
    let db = notarised(&test, &folder).await;
    let many = "INSERT INTO audit_entries (region, actor, subject, action, rows, salt) \
        SELECT '110000', 'a', 's', 'notes.note.read', '[]', sha256('') FROM generate_series(1, 1300)";
    sqlx::raw_sql(many).execute(&mut test.insider().await).await.unwrap();
    sealer::seal_all(&db).await.unwrap();
    let mut conn = test.insider().await;
    assert_eq!(test.count("SELECT count(*) FROM audit_tiles").await, (6 + 1300) / 256);
    let (size, note) = audit::latest(&mut conn).await.unwrap().unwrap();
    let root = db.audit_verifier().unwrap().open(&note).unwrap().root;
    for position in [1, 256, 257, 1024, 1299, 1300] {
        let sql = "SELECT hash FROM audit_entries WHERE position = $1";
        let hash: audit::merkle::Hash =
            sqlx::query_scalar(sql).bind(i64::try_from(position).unwrap()).fetch_one(&mut conn).await.unwrap();
        let proof = audit::prove_inclusion(&mut conn, position, size).await.unwrap().unwrap();
        assert!(
            audit::merkle::is_included(&audit::merkle::leaf(&hash), position - 1, size, &proof, &root),
            "{position}"
        );
    }
    let old = audit::prove_consistency(&mut conn, 256, size).await.unwrap().unwrap();
    assert!(!old.is_empty());
}

#[tokio::test]
async fn id_09_a_receipt_is_checked_with_nothing_but_a_key() {
    let past = Past::new().await;
    let mut conn = past.test.insider().await;
    let receipt = audit::receipt(&mut conn, 11).await.unwrap().unwrap();
    let receipt: audit::Receipt = serde_json::from_str(&serde_json::to_string(&receipt).unwrap()).unwrap();
    let told = receipt.check(&past.verifier).unwrap();
    assert_eq!((told.position, told.action.as_str()), (11, "notes.note.add"));
    assert_eq!((told.rows[0].table.as_str(), told.rows[0].what.as_str()), ("notes", "written"));

    let other = audit::receipt(&mut conn, 12).await.unwrap().unwrap();
    let swapped = audit::Receipt { entry: other.entry.clone(), ..receipt.clone() };
    assert_eq!(swapped.check(&past.verifier), Err(audit::ReceiptError::NotIncluded));
    let unsigned = audit::Receipt { checkpoint: receipt.checkpoint.replace('\u{2014}', "-"), ..receipt.clone() };
    assert_eq!(unsigned.check(&past.verifier), Err(audit::ReceiptError::Checkpoint(audit::NoteError::NotSigned)));
    let nothing = audit::Receipt { entry: String::new(), ..receipt };
    assert_eq!(nothing.check(&past.verifier), Err(audit::ReceiptError::Malformed));
    assert_eq!(audit::receipt(&mut conn, past.entries.unsigned_abs() + 1).await.unwrap(), None);
}
