//! The lists of what is digested: nobody changes one unseen, and a row is judged by the list that its entry names.

use postgres::{
    audit::{self, Place},
    sealer,
};
use sqlx::Connection as _;

use crate::tamper::{Past, begin, list_edits, notarised, record, row, run};

#[tokio::test]
async fn id_09_a_list_of_digested_columns_is_not_changed_unseen() {
    let past = Past::new().await;
    let mut insider = past.insider().await;
    let mut tx = insider.begin().await.unwrap();
    for (sql, id) in list_edits() {
        run(&mut tx, "SAVEPOINT before".to_owned()).await;
        run(&mut tx, sql.to_owned()).await;
        let verified = past.verify(&mut tx).await;
        let place = row("audited_tables", id);
        assert!(verified.findings.iter().any(|finding| finding.place == place), "{sql}: {verified:#?}");
        run(&mut tx, "ROLLBACK TO SAVEPOINT before".to_owned()).await;
    }
}

#[tokio::test]
async fn id_09_a_row_sealed_by_an_older_list_is_opened_by_that_list() {
    let past = Past::new().await;
    let mut owner = past.test.insider().await;
    // A release that digests what was sealed before in the open, and one column less sealed: rows of before are still whole.
    let release = "ALTER TABLE leaves ADD COLUMN also bytea; \
        CALL audited('leaves', sealed => '{also,sealed}', apart => '{readers,key_version}'); \
        CALL audited('leaves', sealed => '{also}', apart => '{readers,key_version,sealed}')";
    sqlx::raw_sql(release).execute(&mut owner).await.unwrap();
    let db = notarised(&past.test, &past.folder).await;
    let mut tx = begin(&db).await;
    sqlx::query("INSERT INTO leaves (book, number, region, sealed, also) VALUES ('b', 1, '110000', 'one', 'two')")
        .execute(&mut *tx)
        .await
        .unwrap();
    record(tx, |entry| entry.sealed_row("leaves", "b/1", [("also", Some("two"))]), "notes.leaf.add").await;
    sealer::seal_all(&db).await.unwrap();
    let mut insider = past.insider().await;
    let verified = past.verify_alone(&mut insider).await;
    assert!(verified.is_whole(), "{verified:?}");
    run(&mut insider, "UPDATE leaves SET sealed = 'other' WHERE book <> 'b' AND number = 3".to_owned()).await;
    run(&mut insider, "UPDATE leaves SET also = 'other' WHERE book = 'b'".to_owned()).await;
    let found: Vec<Place> =
        past.verify_alone(&mut insider).await.findings.into_iter().map(|finding| finding.place).collect();
    assert_eq!(found, [row("leaves", audit::id(&[&"a/%", &3])), row("leaves", "b/1")]);
}
