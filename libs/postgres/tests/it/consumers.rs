use std::{
    slice::from_ref,
    sync::{Arc, Mutex},
    time::Duration,
};

use postgres::{
    Database, Error, Scope,
    consumer::{self, Advanced, Asked, Failure, Handler, Inbox, Pulled, Source},
    events::Event,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use types::{ids::EventId, region::RegionCode};

use crate::harness::{BEIJING, TestDb, add_note, moment, notes_seen};

/// Another service's sequence, held in memory.
#[derive(Clone)]
struct Tape(Arc<Vec<Event>>);

impl Tape {
    fn of(subjects: &[&str]) -> Self {
        let event = |(index, subject): (usize, &&str)| Event {
            id: EventId::generate(),
            position: i64::try_from(index).unwrap() + 1,
            region: RegionCode::BEIJING,
            kind: "anjia.peer.thing.done.v1".to_owned(),
            subject: (*subject).to_owned(),
            data: json!({}),
            traceparent: None,
            occurred_at: moment(),
        };
        Self(Arc::new(subjects.iter().enumerate().map(event).collect()))
    }
}

impl Source for Tape {
    type Error = Error;

    fn name(&self) -> &'static str {
        "peer"
    }

    async fn pull(&self, asked: Asked) -> Result<Pulled, Error> {
        let later = self.0.iter().filter(|event| event.position > asked.after);
        let events: Vec<Event> = later.take(asked.max as usize).cloned().collect();
        if events.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let position = events.last().map_or(asked.after, |event| event.position);
        Ok(Pulled { events, position })
    }
}

/// Writes a note per event; what it does beside depends on the subject.
#[derive(Clone, Default)]
struct Scribe {
    seen: Arc<Mutex<Vec<i64>>>,
}

impl Scribe {
    fn times_seen(&self, position: i64) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| **seen == position).count()
    }
}

impl Handler for Scribe {
    const KINDS: &'static [&'static str] = &[];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        self.seen.lock().unwrap().push(event.position);
        match event.subject.as_str() {
            "dull" => return Ok(inbox.skip()),
            "poison" => {
                let mut tx = inbox.begin(BEIJING).await?;
                add_note(&mut tx, "half done").await?;
                return Err(Failure::refused("it makes no sense"));
            }
            "bomb" => panic!("it brings the handler down"),
            "early" if self.times_seen(event.position) < 3 => return Err(Failure::not_now("the peer is away")),
            _ => {}
        }
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        add_note(&mut tx, &event.position.to_string()).await?;
        Ok(inbox.commit(tx).await?)
    }
}

async fn cursor(db: &Database) -> i64 {
    let mut tx = db.begin(BEIJING).await.unwrap();
    sqlx::query_scalar("SELECT position FROM cursors").fetch_optional(&mut *tx).await.unwrap().unwrap_or(0)
}

async fn consume(replicas: &[Database], tape: &Tape, scribe: &Scribe) {
    let end = i64::try_from(tape.0.len()).unwrap();
    let shutdown = CancellationToken::new();
    let running: Vec<_> = replicas
        .iter()
        .map(|db| tokio::spawn(consumer::run(db.clone(), tape.clone(), scribe.clone(), shutdown.clone())))
        .collect();
    let finished = async {
        while cursor(&replicas[0]).await < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), finished).await.expect("the consumer did not reach the end");
    shutdown.cancel();
    for replica in running {
        replica.await.unwrap();
    }
}

fn written(positions: impl IntoIterator<Item = i64>) -> Vec<String> {
    positions.into_iter().map(|position| position.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_replicas_take_in_every_event_once_and_in_order() {
    let test = TestDb::new().await;
    let tape = Tape::of(&["a", "b", "dull"].repeat(60));
    consume(&[test.replica().await, test.replica().await], &tape, &Scribe::default()).await;
    assert_eq!(notes_seen(&test.db, BEIJING).await, written((1..=180).filter(|position| position % 3 != 0)));
    assert_eq!(test.count("SELECT count(*) FROM parked_events").await, 0);
}

#[tokio::test]
async fn a_restarted_consumer_goes_on_where_it_stood() {
    let test = TestDb::new().await;
    consume(from_ref(&test.db), &Tape::of(&["a", "b"]), &Scribe::default()).await;
    let scribe = Scribe::default();
    consume(&[test.replica().await], &Tape::of(&["a", "b", "c"]), &scribe).await;
    assert_eq!(*scribe.seen.lock().unwrap(), [3]);
    assert_eq!(notes_seen(&test.db, BEIJING).await, written(1..=3));
}

#[tokio::test]
async fn events_of_no_interest_move_the_cursor_too() {
    let test = TestDb::new().await;
    consume(from_ref(&test.db), &Tape::of(&["dull", "dull", "a", "dull"]), &Scribe::default()).await;
    assert_eq!(notes_seen(&test.db, BEIJING).await, written([3]));
    assert_eq!(cursor(&test.db).await, 4);
}

#[tokio::test]
async fn a_poison_event_is_parked_with_its_subject_and_the_others_go_on() {
    let test = TestDb::new().await;
    let scribe = Scribe::default();
    consume(from_ref(&test.db), &Tape::of(&["dull", "poison", "a", "poison", "bomb", "b"]), &scribe).await;
    assert_eq!(notes_seen(&test.db, BEIJING).await, written([3, 6]), "nothing half done, nothing missing");
    assert_eq!((scribe.times_seen(2), scribe.times_seen(4), scribe.times_seen(5)), (5, 0, 5));

    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let parked: Vec<(i64, String)> = sqlx::query_as("SELECT position, cause FROM parked_events ORDER BY position")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    let causes = ["it makes no sense", "an earlier event of the subject is parked", "the handler panicked"];
    assert_eq!(parked, [2, 4, 5].into_iter().zip(causes.map(str::to_owned)).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_only_has_to_wait_is_never_parked_and_not_overtaken() {
    let test = TestDb::new().await;
    let scribe = Scribe::default();
    consume(from_ref(&test.db), &Tape::of(&["early", "a"]), &scribe).await;
    assert_eq!(*scribe.seen.lock().unwrap(), [1, 1, 1, 2]);
    assert_eq!(notes_seen(&test.db, BEIJING).await, written([1, 2]));
}
