//! What a batch writes for many at once: answers and audit.

use std::time::Duration;

use postgres::{
    Answered, Call, Error, Reply,
    audit::{self, Against, Entry},
    events::{self, NewEvent},
    replay_all, sealer,
    together::{LeftBehind, conclude},
};
use prost::Message as _;
use serde_json::json;
use types::ids::ResidentId;
use uuid::Uuid;

use crate::calls::{AddNoteRequest, METHOD, request};
use crate::harness::{BEIJING, TestDb, add_note, caller, closed, moment, notes_seen};

fn call(resident: ResidentId, request: &AddNoteRequest) -> Call<String> {
    Call::new(&caller(resident), METHOD, request, |answer: &String| answer.encode_to_vec()).unwrap()
}

/// Adds a note for each and answers with its text.
async fn add_all(test: &TestDb, calls: &[Call<String>], answers: &[String]) -> Result<(), Error> {
    let mut tx = test.db.begin_together(calls[0].region()).await?;
    for answer in answers {
        add_note(&mut tx, answer).await?;
    }
    let answered = calls.iter().zip(answers);
    let answered = answered.map(|(call, answer)| Answered { call, answer, resident: Some(ResidentId::generate()) });
    conclude(tx, LeftBehind { events: vec![], entries: vec![], answered: answered.collect() }).await
}

async fn replayed(test: &TestDb, calls: &[&Call<String>]) -> Vec<Result<Option<Reply<String>>, Error>> {
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let replies = replay_all(&mut tx, calls).await.unwrap();
    tx.commit().await.unwrap();
    replies
}

#[tokio::test]
async fn calls_answered_together_are_replayed_each_by_its_own_key() {
    let test = TestDb::new().await;
    let (resident, first, second) = (ResidentId::generate(), request("first"), request("second"));
    let calls = [call(resident, &first), call(ResidentId::generate(), &second)];
    add_all(&test, &calls, &["first".to_owned(), "second".to_owned()]).await.unwrap();

    let other_body = call(resident, &AddNoteRequest { text: "other".to_owned(), ..first });
    let unknown = call(resident, &request("unknown"));
    let replies = replayed(&test, &[&unknown, &calls[1], &other_body, &calls[0]]).await;
    assert!(matches!(replies[0], Ok(None)), "{replies:?}");
    assert!(matches!(&replies[1], Ok(Some(Reply::Replayed(bytes))) if *bytes == "second".to_owned().encode_to_vec()));
    assert!(matches!(replies[2], Err(Error::RequestIdReused)));
    assert!(matches!(&replies[3], Ok(Some(Reply::Replayed(bytes))) if *bytes == "first".to_owned().encode_to_vec()));
    // One by one they are the same calls.
    assert!(test.db.replay(&calls[0]).await.unwrap().is_some());
    assert!(calls[0].has_key_of(&other_body) && !calls[0].has_key_of(&calls[1]));
}

#[tokio::test]
async fn a_batch_with_a_key_that_is_taken_leaves_nothing() {
    let test = TestDb::new().await;
    let calls = [request("one"), request("two")].map(|request| call(ResidentId::generate(), &request));
    add_all(&test, &calls[..1], &["one".to_owned()]).await.unwrap();
    let refused = add_all(&test, &calls, &["one".to_owned(), "two".to_owned()]).await;
    assert!(matches!(refused, Err(Error::RequestInProgress)), "{refused:?}");
    assert_eq!(notes_seen(&test.db, BEIJING).await, ["one"]);
    assert!(test.db.replay(&calls[1]).await.unwrap().is_none());
}

#[tokio::test]
async fn what_a_batch_leaves_is_told_noted_and_answered() {
    let test = TestDb::new().await;
    let texts = ["one".to_owned(), "two".to_owned()];
    let people = [(); 2].map(|()| ResidentId::generate());
    let calls: Vec<Call<String>> =
        people.iter().zip(&texts).map(|(person, text)| call(*person, &request(text))).collect();
    let mut tx = test.db.begin_together(calls[0].region()).await.unwrap();
    let mut left = LeftBehind { events: vec![], entries: vec![], answered: vec![] };
    for ((person, call), text) in people.iter().zip(&calls).zip(&texts) {
        let id = add_note(&mut tx, text).await.unwrap();
        left.events.push(NewEvent::new("anjia.notes.note.added.v1", id, json!({ "text": text }), moment()));
        left.entries.push(Entry::new(&caller(*person), "notes.note.add").resident(*person).row("notes", id));
        left.answered.push(Answered { call, answer: text, resident: Some(*person) });
    }
    conclude(tx, left).await.unwrap();
    sealer::seal_all(&test.db).await.unwrap();

    let told = events::pull(&test.db, 0, 10, Duration::ZERO).await.unwrap().events;
    assert_eq!(told.iter().map(|event| &event.data["text"]).collect::<Vec<_>>(), ["one", "two"]);
    let replies = replayed(&test, &calls.iter().collect::<Vec<_>>()).await;
    assert!(replies.iter().all(|reply| matches!(reply, Ok(Some(Reply::Replayed(_))))), "{replies:?}");
    let mut insider = test.insider().await;
    let opener = audit::unlock(&mut insider, test.db.vault()).await.unwrap();
    let verified = audit::verify(&mut insider, Against { opener: Some(&*opener), ..Against::default() }).await.unwrap();
    assert_eq!(verified.wrong, 0, "{verified:?}");
}

#[tokio::test]
async fn a_batch_of_somebody_who_is_closed_or_with_a_row_that_is_not_there_leaves_nothing() {
    let test = TestDb::new().await;
    let person = ResidentId::generate();
    let (asked, answer) = (call(person, &request("one")), "one".to_owned());
    for closes in [false, true] {
        if closes {
            closed(&test.db, BEIJING, &[person]).await;
        }
        let mut tx = test.db.begin_together(asked.region()).await.unwrap();
        let note = add_note(&mut tx, &answer).await.unwrap();
        let named = if closes { note } else { Uuid::now_v7() };
        let left = LeftBehind {
            events: vec![NewEvent::new("anjia.notes.note.added.v1", note, json!({}), moment())],
            entries: vec![Entry::new(&caller(person), "notes.note.add").resident(person).row("notes", named)],
            answered: vec![Answered { call: &asked, answer: &answer, resident: Some(person) }],
        };
        let refused = conclude(tx, left).await;
        if closes {
            assert!(matches!(refused, Err(Error::ResidentErased)), "{refused:?}");
        } else {
            assert!(matches!(refused, Err(Error::RowNotAsRecorded { .. })), "{refused:?}");
        }
    }
    assert_eq!(notes_seen(&test.db, BEIJING).await, Vec::<String>::new());
    let left = "SELECT (SELECT count(*) FROM requests) + (SELECT count(*) FROM events)";
    assert_eq!(test.count(left).await, 0);
}

#[tokio::test]
async fn entries_of_a_batch_hold_as_each_alone_would() {
    let test = TestDb::new().await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let (known, new) = (ResidentId::generate(), ResidentId::generate());
    audit::record(&mut tx, Entry::new(&caller(known), "notes.note.look")).await.unwrap();
    let notes = [add_note(&mut tx, "a").await.unwrap(), add_note(&mut tx, "b").await.unwrap()];
    let entries = vec![
        Entry::new(&caller(known), "notes.note.add").row("notes", notes[0]),
        Entry::new(&caller(new), "notes.note.add").row("notes", notes[1]).row("notes", notes[0]),
        Entry::by_service("notes", "notes.note.rest"),
    ];
    audit::record_all(&mut tx, entries).await.unwrap();
    tx.commit().await.unwrap();
    sealer::seal_all(&test.db).await.unwrap();

    let mut insider = test.insider().await;
    let actions: Vec<(String, i32)> = sqlx::query_as(
        "SELECT action, jsonb_array_length(rows) FROM audit_entries WHERE action LIKE 'notes.note.%' ORDER BY position",
    )
    .fetch_all(&mut insider)
    .await
    .unwrap();
    let expected = [("look", 0), ("add", 1), ("add", 2), ("rest", 0)];
    assert_eq!(actions, expected.map(|(verb, rows)| (format!("notes.note.{verb}"), rows)));
    let opener = audit::unlock(&mut insider, test.db.vault()).await.unwrap();
    let verified = audit::verify(&mut insider, Against { opener: Some(&*opener), ..Against::default() }).await.unwrap();
    assert_eq!(verified.wrong, 0, "{verified:?}");
    // Behind the service's back it is found.
    sqlx::query("UPDATE notes SET text = 'c' WHERE id = $1").bind(notes[1]).execute(&mut insider).await.unwrap();
    let verified = audit::verify(&mut insider, Against { opener: Some(&*opener), ..Against::default() }).await.unwrap();
    assert_eq!(verified.wrong, 1, "{verified:?}");
}

#[tokio::test]
async fn a_batch_that_names_what_is_not_there_is_refused_whole() {
    let test = TestDb::new().await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let note = add_note(&mut tx, "a").await.unwrap();
    let nobody = caller(ResidentId::generate());
    let entry = |id: Uuid| Entry::new(&nobody, "notes.note.add").row("notes", id);
    let refused = audit::record_all(&mut tx, vec![entry(note), entry(Uuid::now_v7())]).await;
    assert!(matches!(refused, Err(Error::RowNotAsRecorded { .. })), "{refused:?}");
}
