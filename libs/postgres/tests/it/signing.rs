//! What is sealed and signed when, what is found when it is not, and upon what nothing is signed.

use postgres::{
    Database,
    audit::{self, Against, Anchor, Place},
    sealer,
};
use sqlx::PgConnection;

use crate::harness::TestDb;
use crate::tamper::{Past, add, change, entry, notarised, past_grants, run};

#[tokio::test]
async fn id_09_what_is_not_sealed_in_a_minute_is_found() {
    let past = Past::new().await;
    let db = notarised(&past.test, &past.folder).await;
    add(&db, "the sealer has stopped").await;
    let mut insider = past.insider().await;
    assert!(past.verify_alone(&mut insider).await.is_whole(), "sealing takes a moment");
    let later = "UPDATE audit_entries SET occurred_at = now() - interval '2 minutes' WHERE position IS NULL";
    run(&mut insider, later.to_owned()).await;
    let verified = past.verify_alone(&mut insider).await;
    assert_eq!(verified.findings.len(), 1, "{verified:?}");
    assert_eq!(verified.findings[0].place, entry(past.entries + 1));
}

#[tokio::test]
async fn id_09_entries_that_no_checkpoint_covers_are_named_and_found_when_they_are_old() {
    let past = Past::new().await;
    let mut insider = past.insider().await;
    assert_eq!(past.verify_alone(&mut insider).await.uncovered, 0);
    // Without the key nothing is signed any more.
    add(&past.test.db, "not signed").await;
    sealer::seal_all(&past.test.db).await.unwrap();
    let verified = past.verify_alone(&mut insider).await;
    assert_eq!((verified.wrong, verified.uncovered), (0, 1), "{verified:?}");
    add(&past.test.db, "not signed for two hours").await;
    let later = "UPDATE audit_entries SET occurred_at = now() - interval '2 hours' WHERE position IS NULL";
    run(&mut insider, later.to_owned()).await;
    sealer::seal_all(&past.test.db).await.unwrap();
    let verified = past.verify_alone(&mut insider).await;
    assert_eq!((verified.findings.len(), verified.uncovered), (1, 2), "{verified:?}");
    assert_eq!(verified.findings[0].place, entry(past.entries + 2));
}

#[tokio::test]
async fn id_09_nothing_is_signed_upon_a_forged_checkpoint() {
    let past = Past::new().await;
    let db = notarised(&past.test, &past.folder).await;
    let mut insider = past.insider().await;
    let (kept, ahead) = (past.entries, past.entries + 1);
    for (name, forged) in [
        (
            "beyond the chain",
            format!(
                "INSERT INTO audit_checkpoints SELECT 2 * size, root, note FROM audit_checkpoints WHERE size = {kept}"
            ),
        ),
        (
            "of the chain, not by us",
            format!(
                "INSERT INTO audit_checkpoints SELECT {ahead}, root, note FROM audit_checkpoints WHERE size = {kept}"
            ),
        ),
    ] {
        run(&mut insider, forged).await;
        add(&db, name).await;
        let refused = sealer::seal_all(&db).await.unwrap_err();
        assert!(refused.to_string().contains("audit_checkpoints"), "{name}: {refused}");
        let verified = past.verify_alone(&mut insider).await;
        let is_found = verified
            .findings
            .iter()
            .any(|finding| matches!(finding.place, Place::Checkpoint(size) if size > kept.unsigned_abs()));
        assert!(is_found, "{name}: {verified:?}");
        run(&mut insider, format!("DELETE FROM audit_checkpoints WHERE size > {kept}")).await;
    }
    sealer::seal_all(&db).await.unwrap();
    let verified = past.verify_alone(&mut insider).await;
    assert!(verified.is_whole() && verified.uncovered == 0, "{verified:?}");
}

#[tokio::test]
async fn id_09_a_long_backlog_is_signed_in_steps() {
    let past = Past::new().await;
    let mut insider = past.insider().await;
    let first = past.entries + 1;
    let last = past.entries + 210_000;
    run(
        &mut insider,
        format!(
            "INSERT INTO audit_entries (sequence, region, actor, subject, action, rows, salt, position, previous_hash, hash) \
             SELECT 1000 + n, '110000', 'a', 's', 'notes.note.read', '[]', sha256(''), n, sha256(''), sha256(n::text::bytea) \
             FROM generate_series({first}, {last}) n; \
             UPDATE chain_heads SET position = {last} WHERE chain = 'audit_entries'"
        ),
    )
    .await;
    let db = notarised(&past.test, &past.folder).await;
    sealer::seal_all(&db).await.unwrap();
    let sizes: Vec<i64> = sqlx::query_scalar("SELECT size FROM audit_checkpoints WHERE size >= $1 ORDER BY size")
        .bind(first)
        .fetch_all(&mut insider)
        .await
        .unwrap();
    assert_eq!(sizes, [past.entries + 100_000, past.entries + 200_000, last]);
    let anchored = Anchor::in_folder(past.folder.path().join("notes"));
    let hashes = anchored.all().unwrap().map(|anchored| anchored.unwrap().hashes.len()).max();
    assert_eq!(hashes, Some(100_000));
}

#[tokio::test]
async fn id_09_an_old_backup_is_told_by_the_checkpoints_outside_it() {
    let past = Past::new().await;
    let db = notarised(&past.test, &past.folder).await;
    let mut insider = past.insider().await;
    // A backup, as a copy of every table that can change; a day of work; the backup brought back whole.
    let tables = ["notes", "leaves", "audit_entries", "chain_heads", "audit_tiles", "audit_checkpoints"];
    for table in tables {
        run(&mut insider, format!("CREATE TABLE backup_{table} AS SELECT * FROM {table}")).await;
    }
    add(&db, "of the day").await;
    change(&db, past.notes[0], "of the day, too").await;
    sealer::seal_all(&db).await.unwrap();
    assert!(past.verify_alone(&mut insider).await.is_whole());
    for table in tables {
        run(
            &mut insider,
            format!("DELETE FROM {table}; INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM backup_{table}"),
        )
        .await;
    }
    let itself =
        audit::verify(&mut insider, Against { opener: Some(&*past.opener), ..Against::default() }).await.unwrap();
    assert!(itself.is_whole(), "a backup is whole in itself: {itself:?}");
    let verified = past.verify_alone(&mut insider).await;
    assert_eq!(verified.findings.len(), 1, "{verified:?}");
    assert_eq!(verified.findings[0].place, entry(past.entries + 1));

    // Whoever works on from there signs another history: the anchor refuses to keep a second one.
    add(&db, "other work").await;
    change(&db, past.notes[1], "other work").await;
    let refused = sealer::seal_all(&db).await.unwrap_err();
    assert!(matches!(refused, postgres::Error::Anchor(_)), "{refused}");
    let verified = past.verify_alone(&mut insider).await;
    assert_eq!(verified.findings[0].place, entry(past.entries + 1), "{verified:?}");
}

#[tokio::test]
async fn id_09_an_anchor_holds_from_its_first_checkpoint_on_and_what_goes_of_it_is_found() {
    let test = TestDb::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = test.config();
    // Makes the key.
    drop(notarised(&test, &folder).await);
    config.audit.audit_key_file = Some(folder.path().join("audit.pem"));
    let unanchored = Database::connect(&config).await.unwrap();
    for text in ["signed", "signed again"] {
        add(&unanchored, text).await;
        sealer::seal_all(&unanchored).await.unwrap();
    }
    let db = notarised(&test, &folder).await;
    for text in ["anchored", "anchored again", "and again"] {
        add(&db, text).await;
        sealer::seal_all(&db).await.unwrap();
    }
    let (anchor, key) = (Anchor::in_folder(folder.path().join("notes")), db.audit_verifier().unwrap());
    let against = Against { anchor: Some((&anchor, &key)), ..Against::default() };
    let mut insider = test.insider().await;
    let whole = audit::verify(&mut insider, against).await.unwrap();
    assert!(whole.is_whole() && whole.anchored == 3, "{whole:?}");
    let kept: Vec<u64> = anchor.all().unwrap().map(|kept| kept.unwrap().size).collect();
    let found = async |insider: &mut PgConnection| -> Vec<Place> {
        let verified = audit::verify(insider, against).await.unwrap();
        verified.findings.into_iter().map(|finding| finding.place).collect()
    };
    let remove = |size: u64| {
        for kind in ["note", "hashes"] {
            std::fs::remove_file(anchor.folder().join(format!("{size:020}.{kind}"))).unwrap();
        }
    };

    // Its beginning is as signed as the rest: what goes is told by the database, and by what is left of the anchor.
    remove(kept[0]);
    let (first, second) = (Place::Checkpoint(kept[0]), Place::Checkpoint(kept[1]));
    assert_eq!(found(&mut insider).await, [first.clone(), second.clone()]);
    let mut insider = past_grants(&test).await;
    run(&mut insider, format!("DELETE FROM audit_checkpoints WHERE size = {}", kept[0])).await;
    assert_eq!(found(&mut insider).await, std::slice::from_ref(&second));
    remove(kept[1]);
    remove(kept[2]);
    assert_eq!(found(&mut insider).await, [second, Place::Checkpoint(kept[2])]);
    // Nor does it begin anew.
    add(&db, "later").await;
    sealer::seal_all(&db).await.unwrap();
    assert!(found(&mut insider).await.len() > 2, "what is signed from now on names the same beginning");
}
