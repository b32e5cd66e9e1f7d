//! What only a person's recorded erasure may destroy, and what a verifier says of it; and what has outlived its period.

use chrono::{DateTime, TimeDelta, Utc};
use postgres::{
    Database, Error,
    aliases::{self, Alias},
    audit::{self, Against, Entry, Verified},
    erasure::{self, State},
    personal::PersonalTable,
    retention::{self, Applied},
};
use sqlx::PgConnection;
use types::clock::{Clock as _, SystemClock};
use types::ids::ResidentId;
use types::region::RegionCode;
use uuid::Uuid;

use crate::harness::{BEIJING, ELSEWHERE, MIGRATOR, TestDb, add_note, caller, closed};

/// Notes as if they were bookings: theirs whose number the text says.
const NOTES: &[PersonalTable] = &[PersonalTable {
    of: "t.text LIKE $1::uuid || ' %'",
    over: "split_part(t.text, ' ', 2)::timestamptz",
    dated: Some("split_part(t.text, ' ', 2)::timestamptz"),
    ..PersonalTable::new("notes", &[], ["笔记", "notes"], "booking")
}];
/// The same, kept by law and not erased on request.
const RECORDS: &[PersonalTable] = &[PersonalTable { rule: "permission", ..NOTES[0] }];
/// The same, which people have to appraise.
const ACCOUNTS: &[PersonalTable] = &[PersonalTable { rule: "accounting", ..NOTES[0] }];

/// Says of the notes what a release that migrates says.
async fn declare(test: &TestDb, tables: &'static [PersonalTable]) {
    postgres::migrate(test.owner_url(), &MIGRATOR, tables).await.unwrap();
}

/// As if so many days had passed.
async fn pass(test: &TestDb, days: i64) {
    testkit::pass_days(&mut test.insider().await, days).await;
}

async fn note(db: &Database, scope: postgres::Scope, resident: ResidentId, at: DateTime<Utc>) -> Uuid {
    let mut tx = db.begin(scope).await.unwrap();
    let id = add_note(&mut tx, &format!("{resident} {}", at.to_rfc3339())).await.unwrap();
    audit::record(&mut tx, Entry::new(&caller(resident), "notes.note.write").row("notes", id)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn erase(db: &Database, tables: &[PersonalTable], resident: ResidentId) {
    let id = closed(db, BEIJING, &[resident]).await;
    let mut tx = db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &[resident], id, State::Erased).await.unwrap();
    erasure::erase(&mut tx, "notes", tables, &[resident]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn verify(test: &TestDb) -> Verified {
    postgres::sealer::seal_all(&test.db).await.unwrap();
    let replica = test.replica().await;
    let mut owner = test.insider().await;
    let vault = replica.vault().clone();
    let opener = audit::unlock(&mut owner, &vault).await.unwrap();
    audit::verify(&mut owner, Against { opener: Some(&*opener), ..Against::default() }).await.unwrap()
}

fn places(verified: &Verified) -> Vec<String> {
    verified.findings.iter().map(|finding| finding.place.to_string()).collect()
}

/// A day that is past.
fn now() -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn days_ago(days: i64) -> DateTime<Utc> {
    SystemClock.now() - TimeDelta::days(days)
}

#[tokio::test]
async fn id_08_a_recorded_erasure_is_excused_and_any_other_missing_key_is_a_finding() {
    let test = TestDb::new().await;
    let (erased, robbed, other) = (ResidentId::generate(), ResidentId::generate(), ResidentId::generate());
    let gone = note(&test.db, BEIJING, erased, now()).await;
    let left = note(&test.db, BEIJING, robbed, now()).await;
    note(&test.db, BEIJING, other, now()).await;
    declare(&test, NOTES).await;
    erase(&test.db, NOTES, erased).await;
    assert_eq!(test.count("SELECT count(*) FROM person_keys").await, 2);
    assert_eq!(test.count("SELECT count(*) FROM notes").await, 2);
    let verified = verify(&test).await;
    assert!(verified.is_whole(), "{:?}", verified.findings);
    assert!(verified.erased > 0, "what was digested under the key that is gone can no longer be checked");

    // Whoever has the database and no erasure to show for it is found; so is who edits what is left.
    let mut insider = test.insider().await;
    sqlx::query("DELETE FROM person_keys WHERE resident_id = $1")
        .bind(robbed.uuid())
        .execute(&mut insider)
        .await
        .unwrap();
    assert_eq!(places(&verify(&test).await), [format!("notes/{left}")]);
    sqlx::query("INSERT INTO notes (id, region, text) VALUES ($1, '110000', 'back again')")
        .bind(gone)
        .execute(&mut insider)
        .await
        .unwrap();
    assert!(places(&verify(&test).await).contains(&format!("notes/{gone}")));
}

#[tokio::test]
async fn id_08_a_row_that_law_orders_kept_is_not_excused_by_the_end_of_its_persons_key() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    let kept = note(&test.db, BEIJING, resident, now()).await;
    // By a service that forgets what it has to keep.
    erase(&test.db, &[], resident).await;
    assert_eq!(test.count("SELECT count(*) FROM person_keys").await, 0);
    assert!(verify(&test).await.is_whole(), "nothing is said of the table");
    declare(&test, RECORDS).await;
    assert_eq!(places(&verify(&test).await), [format!("notes/{kept}")]);
}

#[tokio::test]
async fn id_08_what_is_kept_holds_the_key_and_can_still_be_verified() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    let kept = note(&test.db, BEIJING, resident, now()).await;
    erase(&test.db, RECORDS, resident).await;
    assert_eq!(test.count("SELECT count(*) FROM person_keys").await, 1);
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let told = erasure::kept(&mut tx, RECORDS, resident).await.unwrap();
    assert_eq!(
        (told[0].rule.as_str(), told[0].rows, told[0].until),
        ("permission", 1, "2029-03-01T00:00:00Z".parse().ok())
    );
    drop(tx);
    assert!(verify(&test).await.is_whole());
    sqlx::query("UPDATE notes SET text = text || ' edited' WHERE id = $1")
        .bind(kept)
        .execute(&mut test.insider().await)
        .await
        .unwrap();
    assert_eq!(places(&verify(&test).await), [format!("notes/{kept}")]);
}

#[tokio::test]
async fn id_08_who_knew_the_person_digests_what_is_kept_anew_and_forgets_the_key_before() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    let kept = note(&test.db, BEIJING, resident, now()).await;
    let salt = |owner: PgConnection| async move {
        let mut owner = owner;
        let wrapped: Vec<u8> =
            sqlx::query_scalar("SELECT wrapped FROM person_keys").fetch_one(&mut owner).await.unwrap();
        wrapped
    };
    let before = salt(test.insider().await).await;
    let id = closed(&test.db, BEIJING, &[resident]).await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &[resident], id, State::Erased).await.unwrap();
    erasure::erase(&mut tx, "notes", RECORDS, &[resident]).await.unwrap();
    erasure::forget_person(&mut tx, "notes", RECORDS, &[resident], |entry| entry).await.unwrap();
    tx.commit().await.unwrap();
    assert_ne!(salt(test.insider().await).await, before, "another key");
    assert!(verify(&test).await.is_whole());
    let mut insider = test.insider().await;
    sqlx::query("UPDATE notes SET text = text || ' edited' WHERE id = $1")
        .bind(kept)
        .execute(&mut insider)
        .await
        .unwrap();
    assert_eq!(places(&verify(&test).await), [format!("notes/{kept}")], "an edit of what is kept is found");
    sqlx::query("UPDATE person_keys SET wrapped = '\\x00'").execute(&mut insider).await.unwrap();
    assert!(!verify(&test).await.is_whole(), "nor is breaking the new key excused by the end of the old one");
}

#[tokio::test]
async fn id_08_nothing_is_recorded_of_an_erased_person_but_what_is_only_kept() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    let (id, request) = (note(&test.db, BEIJING, resident, now()).await, Uuid::now_v7());
    for (state, is_refused) in
        [(State::Watched, false), (State::Cancelled, false), (State::Closed, true), (State::Erased, true)]
    {
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        erasure::set(&mut tx, "notes", &[resident], request, state).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        let entry = Entry::new(&caller(resident), "notes.note.read").row("notes", id);
        let outcome = audit::record(&mut tx, entry.clone()).await;
        assert_eq!(matches!(outcome, Err(Error::ResidentErased)), is_refused, "{state:?}: {outcome:?}");
        drop(tx);
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        audit::record(&mut tx, entry.of_keeping()).await.unwrap();
        drop(tx);
    }
}

#[tokio::test]
async fn id_08_the_services_own_role_destroys_no_key_and_changes_none() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    note(&test.db, BEIJING, resident, now()).await;
    for sql in [
        "DELETE FROM person_keys",
        "TRUNCATE person_keys",
        "UPDATE person_keys SET wrapped = '\\x00'",
        "UPDATE person_keys SET wrapped = '\\x00', key_version = key_version + 1",
        "UPDATE person_keys SET resident_id = gen_random_uuid()",
        "SELECT destroy_person_key(resident_id) FROM person_keys",
        "SELECT forget_answers(resident_id) FROM person_keys",
        "SELECT forget_rows('notes', 'booking', resident_id) FROM person_keys",
        "SELECT forget_overdue('notes', 'accounting', 9)",
        "UPDATE personal_tables SET whose = 'true'",
        "DELETE FROM erasures",
        "DELETE FROM requests",
    ] {
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        let refused = sqlx::query(sql).execute(&mut *tx).await.expect_err(sql);
        let code = refused.into_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{sql}");
    }
    // Not even with the row of an erasure, without the entry that is chained.
    let id = closed(&test.db, BEIJING, &[resident]).await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &[resident], id, State::Erased).await.unwrap();
    let refused = sqlx::query("SELECT destroy_person_key($1)").bind(resident.uuid()).execute(&mut *tx).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn id_08_what_has_outlived_its_period_goes_region_by_region_and_stands_in_the_audit() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    declare(&test, NOTES).await;
    let long_ago = days_ago(3 * 366);
    for scope in [BEIJING, ELSEWHERE] {
        note(&test.db, scope, resident, long_ago).await;
    }
    let young = note(&test.db, BEIJING, resident, days_ago(1000)).await;
    let applied = retention::apply(&test.db, "notes", NOTES).await.unwrap();
    assert_eq!(applied, Applied { removed: 2, awaiting: 0 });
    assert_eq!(retention::apply(&test.db, "notes", NOTES).await.unwrap(), Applied::default());
    let left: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM notes").fetch_all(&mut test.insider().await).await.unwrap();
    assert_eq!(left, [young]);
    assert_eq!(
        test.count("SELECT count(DISTINCT region) FROM audit_entries WHERE action = 'notes.retention.remove'").await,
        2
    );
    assert!(verify(&test).await.is_whole());
    // A moment later, by the clock, it is the turn of the other.
    pass(&test, 200).await;
    assert_eq!(retention::apply(&test.db, "notes", NOTES).await.unwrap().removed, 1);
}

#[tokio::test]
async fn id_08_more_than_a_batch_goes_batch_by_batch_and_what_law_has_people_appraise_is_only_counted() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    let long_ago = days_ago(40 * 366);
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    for _ in 0..450 {
        add_note(&mut tx, &format!("{resident} {}", long_ago.to_rfc3339())).await.unwrap();
    }
    tx.commit().await.unwrap();
    declare(&test, ACCOUNTS).await;
    let awaiting = retention::apply(&test.db, "notes", ACCOUNTS).await.unwrap();
    assert_eq!(awaiting, Applied { removed: 0, awaiting: 450 });
    declare(&test, RECORDS).await;
    let applied = retention::apply(&test.db, "notes", RECORDS).await.unwrap();
    assert_eq!(applied, Applied { removed: 450, awaiting: 0 });
    let entries = test.count("SELECT count(*) FROM audit_entries WHERE action = 'notes.retention.remove'").await;
    assert_eq!(entries, 3, "an entry a batch");
}

#[tokio::test]
async fn id_08_the_key_of_an_erased_person_goes_with_the_last_row_that_needs_it() {
    let test = TestDb::new().await;
    let resident = ResidentId::generate();
    declare(&test, RECORDS).await;
    note(&test.db, BEIJING, resident, days_ago(10)).await;
    erase(&test.db, RECORDS, resident).await;
    retention::apply(&test.db, "notes", RECORDS).await.unwrap();
    assert_eq!(test.count("SELECT count(*) FROM person_keys").await, 1, "its time has not come");
    pass(&test, 4 * 366).await;
    retention::apply(&test.db, "notes", RECORDS).await.unwrap();
    assert_eq!(test.count("SELECT count(*) FROM person_keys").await, 0);
    pass(&test, 0).await;
    assert!(verify(&test).await.is_whole());
}

/// Notes of a person by whichever of their ids the text says.
const OF_PERSON: PersonalTable =
    PersonalTable { of: "split_part(t.text, ' ', 1) = ANY (one_person($1)::text[])", ..NOTES[0] };
const WHOSE: &[PersonalTable] = &[OF_PERSON];

#[tokio::test]
async fn id_08_a_person_with_several_ids_is_closed_and_erased_under_all_of_them() {
    let test = TestDb::new().await;
    declare(&test, WHOSE).await;
    let (old, person, other) = (ResidentId::generate(), ResidentId::generate(), ResidentId::generate());
    for id in [old, person, other] {
        note(&test.db, BEIJING, id, now()).await;
    }
    let ids = [person, old];
    let id = Uuid::now_v7();
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &ids, id, State::Watched).await.unwrap();
    let found = erasure::lock(&mut tx, person).await.unwrap().unwrap();
    assert_eq!((found.id, &*found.residents, found.is_whole), (id, &ids[..], false), "the merge is not known here yet");
    let merged = Alias { resident: old, survivor: person, since: now() };
    assert!(aliases::insert(&mut tx, merged).await.unwrap());
    audit::record(&mut tx, aliases::audited(Entry::by_service("notes", "notes.alias.merge"), old)).await.unwrap();
    assert!(erasure::lock(&mut tx, person).await.unwrap().unwrap().is_whole);
    let too_many = Alias { resident: other, survivor: old, since: now() };
    assert!(aliases::insert(&mut tx, too_many).await.unwrap());
    assert!(!erasure::lock(&mut tx, person).await.unwrap().unwrap().is_whole, "nor one that was undone");
    aliases::remove(&mut tx, other).await.unwrap();
    erasure::set(&mut tx, "notes", &ids, id, State::Closed).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(erasure::take_due(&test.db, 10).await.unwrap(), [(RegionCode::BEIJING, person)], "one of them tells");
    assert_eq!(erasure::take_due(&test.db, 10).await.unwrap(), [], "it is taken");

    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let refused = audit::record(&mut tx, Entry::new(&caller(old), "notes.note.write").resident(old)).await;
    assert!(matches!(refused, Err(Error::ResidentErased)), "{refused:?}");
    drop(tx);
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &ids, id, State::Erased).await.unwrap();
    erasure::erase(&mut tx, "notes", WHOSE, &ids).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(test.count("SELECT count(*) FROM notes").await, 1, "the other's");
    assert_eq!(test.count("SELECT count(*) FROM person_keys").await, 1);
    let verified = verify(&test).await;
    assert!(verified.is_whole(), "{:?}", verified.findings);
}

#[tokio::test]
async fn id_08_what_is_kept_under_several_ids_is_digested_anew_and_an_edit_of_it_found() {
    let test = TestDb::new().await;
    let (old, person) = (ResidentId::generate(), ResidentId::generate());
    let kept = note(&test.db, BEIJING, old, now()).await;
    let table = [PersonalTable { rule: "permission", ..OF_PERSON }];
    let ids = [person, old];
    let id = closed(&test.db, BEIJING, &ids).await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let merged = Alias { resident: old, survivor: person, since: now() };
    assert!(aliases::insert(&mut tx, merged).await.unwrap());
    let merge = Entry::by_service("notes", "notes.alias.merge").of_keeping();
    audit::record(&mut tx, aliases::audited(merge, old)).await.unwrap();
    erasure::set(&mut tx, "notes", &ids, id, State::Erased).await.unwrap();
    erasure::erase(&mut tx, "notes", &table, &ids).await.unwrap();
    erasure::forget_person(&mut tx, "notes", &table, &ids, |entry| entry).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(test.count("SELECT count(*) FROM person_keys").await, 1, "one for all that is kept");
    assert!(verify(&test).await.is_whole());
    let mut insider = test.insider().await;
    sqlx::query("UPDATE notes SET text = text || ' edited'").execute(&mut insider).await.unwrap();
    sqlx::query("UPDATE resident_aliases SET since = now()").execute(&mut insider).await.unwrap();
    let mut found = places(&verify(&test).await);
    found.sort();
    assert_eq!(found, [format!("notes/{kept}"), format!("resident_aliases/{old}")]);
}
