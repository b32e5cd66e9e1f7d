use std::time::{Duration, Instant};

use postgres::{Begun, Call, Error, Reply, retention};
use prost::Message as _;
use proto::Idempotent;
use sha2::{Digest as _, Sha256};
use types::{
    caller::Party,
    ids::{OrganisationId, RequestId, ResidentId},
};

use crate::harness::{BEIJING, TestDb, add_note, caller, notes_seen};

pub(crate) const METHOD: &str = "anjia.notes.v1.NoteService/AddNote";

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AddNoteRequest {
    #[prost(string, tag = "1")]
    pub(crate) request_id: String,
    #[prost(string, tag = "2")]
    pub(crate) text: String,
}

impl Idempotent for AddNoteRequest {
    fn request_id(&self) -> &str {
        &self.request_id
    }

    fn without_request_id(&self) -> Self {
        Self { request_id: String::new(), ..self.clone() }
    }
}

pub(crate) fn request(text: &str) -> AddNoteRequest {
    AddNoteRequest { request_id: RequestId::generate().to_string(), text: text.to_owned() }
}

fn call(resident: ResidentId, request: &AddNoteRequest) -> Call<String> {
    Call::new(&caller(resident), METHOD, request, |answer: &String| answer.encode_to_vec()).unwrap()
}

/// The use case under test: adds a note and answers with its text.
async fn add(test: &TestDb, call: &Call<String>, note: &str) -> Result<Reply<String>, Error> {
    let mut tx = match test.db.begin_call(call).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replayed(reply) => return Ok(reply),
    };
    add_note(&mut tx, note).await?;
    call.commit(tx, note.to_owned()).await
}

#[tokio::test]
async fn id_08_a_stored_answer_is_sealed_and_opens_for_its_own_key_only() {
    let test = TestDb::new().await;
    let (resident, mine, other) = (ResidentId::generate(), request("陈桂英"), request("王建国"));
    let (mine, other) = (call(resident, &mine), call(resident, &other));
    add(&test, &mine, "陈桂英").await.unwrap();
    add(&test, &other, "王建国").await.unwrap();
    let stored: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT response FROM requests").fetch_all(&mut test.insider().await).await.unwrap();
    let plain = "陈桂英".as_bytes();
    assert!(stored.iter().all(|response| !response.windows(plain.len()).any(|window| window == plain)));

    // An insider who gives one request the answer of another is found out.
    sqlx::query(
        "UPDATE requests SET response = (SELECT response FROM requests WHERE request_id = $1) WHERE request_id = $2",
    )
    .bind(other.request_id().uuid())
    .bind(mine.request_id().uuid())
    .execute(&mut test.insider().await)
    .await
    .unwrap();
    assert!(matches!(test.db.replay(&mine).await, Err(Error::RowInvalid { table: "requests", .. })));
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_no_second_effect() {
    let test = TestDb::new().await;
    let (resident, request) = (ResidentId::generate(), request("once"));
    let call = call(resident, &request);
    assert_eq!(test.db.replay(&call).await.unwrap(), None);
    assert_eq!(add(&test, &call, "once").await.unwrap(), Reply::Done("once".to_owned()));

    let first = Reply::Replayed("once".to_owned().encode_to_vec());
    assert_eq!(test.db.replay(&call).await.unwrap(), Some(first.clone()));
    assert_eq!(add(&test, &call, "once").await.unwrap(), first);
    assert_eq!(first.into_message(|text| text).unwrap(), "once");
    assert_eq!(notes_seen(&test.db, BEIJING).await, ["once"]);
}

#[tokio::test]
async fn answers_are_forgotten_after_a_month_and_not_before() {
    let test = TestDb::new().await;
    let (resident, old, young) = (ResidentId::generate(), request("old"), request("young"));
    for message in [&old, &young] {
        add(&test, &call(resident, message), &message.text).await.unwrap();
    }
    let aged = "UPDATE requests SET created_at = now() - interval '31 days' WHERE request_id = $1::uuid";
    sqlx::query(aged).bind(&old.request_id).execute(&mut test.insider().await).await.unwrap();

    assert_eq!(retention::forget(&test.db, retention::rule("answers").unwrap()).await.unwrap(), 1);
    assert_eq!(test.db.replay(&call(resident, &old)).await.unwrap(), None);
    assert!(test.db.replay(&call(resident, &young)).await.unwrap().is_some());
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused() {
    let test = TestDb::new().await;
    let (resident, request) = (ResidentId::generate(), request("first"));
    add(&test, &call(resident, &request), "first").await.unwrap();

    let other = AddNoteRequest { text: "second".to_owned(), ..request };
    let other = call(resident, &other);
    assert!(matches!(test.db.replay(&other).await, Err(Error::RequestIdReused)));
    assert!(matches!(add(&test, &other, "second").await, Err(Error::RequestIdReused)));
    assert_eq!(notes_seen(&test.db, BEIJING).await, ["first"]);
}

#[tokio::test]
async fn a_confidential_call_takes_effect_once_and_what_is_kept_of_it_names_nobody() {
    let test = TestDb::new().await;
    let (resident, message) = (ResidentId::generate(), request("they bill what they did not do"));
    let confidential = |resident, message: &AddNoteRequest| {
        let encode = |answer: &String| answer.encode_to_vec();
        Call::confidential(&caller(resident), METHOD, message, encode).unwrap()
    };
    let first = confidential(resident, &message);
    assert_eq!(first.request_id().to_string(), message.request_id);
    assert_eq!(add(&test, &first, "one").await.unwrap(), Reply::Done("one".to_owned()));
    let again = add(&test, &confidential(resident, &message), "two").await.unwrap();
    assert_eq!(again, Reply::Replayed("one".to_owned().encode_to_vec()));
    let other = AddNoteRequest { text: "another".to_owned(), ..message.clone() };
    assert!(matches!(add(&test, &confidential(resident, &other), "two").await, Err(Error::RequestIdReused)));
    let of_another = confidential(ResidentId::generate(), &message);
    assert_eq!(add(&test, &of_another, "two").await.unwrap(), Reply::Done("two".to_owned()));

    let kept: Vec<String> =
        sqlx::query_scalar("SELECT requests::text FROM requests").fetch_all(&mut test.insider().await).await.unwrap();
    assert_eq!(kept.len(), 2);
    let body = hex::encode(Sha256::digest(message.without_request_id().encode_to_vec()));
    for row in kept {
        for told in [&resident.to_string(), &message.request_id, &body] {
            assert!(!row.contains(told), "{told} in {row}");
        }
    }
}

#[tokio::test]
async fn the_same_id_of_another_caller_is_another_request() {
    let test = TestDb::new().await;
    let request = request("each");
    let resident = ResidentId::generate();
    let mut acting = caller(resident);
    acting.actor = Some(Party::Client("desk".to_owned()));
    let mut elsewhere = acting.clone();
    elsewhere.organisation = Some(OrganisationId::generate());
    for caller in [caller(resident), caller(ResidentId::generate()), acting, elsewhere] {
        let call = Call::new(&caller, METHOD, &request, |answer: &String| answer.encode_to_vec()).unwrap();
        assert!(matches!(add(&test, &call, "each").await.unwrap(), Reply::Done(_)));
    }
    assert_eq!(notes_seen(&test.db, BEIJING).await.len(), 4);
}

#[tokio::test]
async fn a_duplicate_in_flight_is_told_to_come_again() {
    let test = TestDb::new().await;
    let (resident, request) = (ResidentId::generate(), request("slow"));
    let call = call(resident, &request);
    let Begun::Fresh(mut first) = test.db.begin_call(&call).await.unwrap() else { panic!("a fresh key was replayed") };

    let asked_at = Instant::now();
    assert!(matches!(test.db.begin_call(&call).await, Err(Error::RequestInProgress)));
    assert!((Duration::from_millis(450)..Duration::from_secs(2)).contains(&asked_at.elapsed()));

    let lock_timeout: String =
        sqlx::query_scalar("SELECT current_setting('lock_timeout')").fetch_one(&mut *first).await.unwrap();
    assert_eq!(lock_timeout, "0", "the limit is for the claim only");
    add_note(&mut first, "slow").await.unwrap();
    call.commit(first, "slow".to_owned()).await.unwrap();
    assert!(matches!(add(&test, &call, "slow").await.unwrap(), Reply::Replayed(_)));
}

#[tokio::test]
async fn racing_duplicates_take_effect_once() {
    let test = TestDb::new().await;
    let (resident, request) = (ResidentId::generate(), request("race"));
    let call = call(resident, &request);
    let racers = std::array::from_fn::<_, 6, _>(|_| add(&test, &call, "race"));
    let replies = futures_util::future::join_all(racers).await;
    let done = replies.iter().filter(|reply| matches!(reply, Ok(Reply::Done(_)))).count();
    assert_eq!(done, 1, "{replies:?}");
    assert_eq!(notes_seen(&test.db, BEIJING).await, ["race"]);
}

#[tokio::test]
async fn a_refusal_is_not_stored_and_the_same_request_may_succeed_later() {
    let test = TestDb::new().await;
    let (resident, request) = (ResidentId::generate(), request("later"));
    let call = call(resident, &request);
    let refusal = add(&test, &call, "").await.unwrap_err();
    assert_eq!(refusal.constraint(), Some("notes_text_check"));
    assert_eq!(test.db.replay(&call).await.unwrap(), None);
    assert!(matches!(add(&test, &call, "later").await.unwrap(), Reply::Done(_)));
}

#[tokio::test]
async fn a_claimed_request_cannot_be_committed_without_its_answer() {
    let test = TestDb::new().await;
    let call = call(ResidentId::generate(), &request("forgotten"));
    let Begun::Fresh(mut tx) = test.db.begin_call(&call).await.unwrap() else { panic!("a fresh key was replayed") };
    add_note(&mut tx, "forgotten").await.unwrap();
    assert!(matches!(tx.commit().await, Err(Error::AnswerMissing)));

    let mut unrelated = test.db.begin(BEIJING).await.unwrap();
    add_note(&mut unrelated, "forgotten").await.unwrap();
    assert!(matches!(call.commit(unrelated, "forgotten".to_owned()).await, Err(Error::AnswerMissing)));
    assert!(notes_seen(&test.db, BEIJING).await.is_empty());
}

#[test]
fn a_request_id_that_is_no_uuid_is_a_field_error() {
    for request_id in [String::new(), "17".to_owned(), "x".repeat(10_000), uuid::Uuid::nil().to_string()] {
        let request = AddNoteRequest { request_id, text: String::new() };
        let refused =
            Call::new(&caller(ResidentId::generate()), METHOD, &request, |answer: &String| answer.encode_to_vec());
        assert_eq!(refused.unwrap_err().field, "request_id");
    }
}
