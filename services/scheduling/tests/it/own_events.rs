//! A desk that was cut off hears what happened at its own organisation, and repeats whatever it said.

use chrono::TimeDelta;
use proto::anjia::common::v1::{Event, EventCursor};
use proto::anjia::scheduling::v1::{Pool, PullOwnEventsRequest, own_event_service_client::OwnEventServiceClient};
use testkit::{TestCaller, callers, reason};
use tonic::{Code, Status};

use crate::town::{Town, field, hold, now, session};

async fn pull(town: &Town, caller: &TestCaller, cursor: EventCursor) -> Result<(Vec<Event>, i64), Status> {
    let request = caller.request(PullOwnEventsRequest { cursor: Some(cursor) }).await;
    let answer = OwnEventServiceClient::new(town.mesh.channel("scheduling")).pull_own_events(request).await?;
    let batch = answer.into_inner().batch.unwrap();
    Ok((batch.events, batch.position))
}

fn after(after_position: i64) -> EventCursor {
    EventCursor { after_position, max_events: 100, wait_ms: 5_000, ..Default::default() }
}

#[tokio::test]
async fn sc_14_a_desk_hears_what_happened_at_its_own_organisation_and_goes_on_from_where_it_was() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 5).await;
    let elsewhere = session(callers::HOSPITAL, now() + TimeDelta::hours(30), 1, &[(Pool::Public, 5)]);
    let elsewhere = town.publish(&town.hospital, vec![elsewhere]).await.unwrap().remove(0);
    let held = town.hold(&slots[0]).await.unwrap();
    let there = town.hold_as(&town.resident, hold(&elsewhere)).await.unwrap();
    let (heard, position) = pull(&town, &town.clinic, after(0)).await.unwrap();
    assert_eq!(heard.iter().map(|event| &event.subject).collect::<Vec<_>>(), [&held.appointment_id]);
    town.confirm(&town.resident, &held.appointment_id).await.unwrap();
    let (heard, position) = pull(&town, &town.clinic, after(position)).await.unwrap();
    let kinds: Vec<&str> = heard.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(kinds, ["anjia.scheduling.appointment.confirmed.v1"]);
    let (theirs, _) = pull(&town, &town.hospital, after(0)).await.unwrap();
    assert_eq!(theirs.iter().map(|event| &event.subject).collect::<Vec<_>>(), [&there.appointment_id]);
    let of_one_type = EventCursor { types: vec!["anjia.scheduling.visit.".to_owned()], wait_ms: 0, ..after(0) };
    assert!(pull(&town, &town.clinic, of_one_type).await.unwrap().0.is_empty());

    let refused = pull(&town, &town.clinic, after(position + 100)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "POSITION_NOT_REACHED".to_owned()));
    let named = EventCursor { consumer: "desk".to_owned(), ..after(0) };
    assert_eq!(field(&pull(&town, &town.clinic, named).await.unwrap_err()), "cursor.consumer");
    let refused = pull(&town, &town.resident, after(0)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "METHOD_NOT_PERMITTED".to_owned()));
    // Nobody waits for a desk that asked once: it is no consumer.
    let mut owner = town.mesh.owner("scheduling").await;
    let followers: Vec<String> =
        sqlx::query_scalar("SELECT consumer FROM event_cursors").fetch_all(&mut owner).await.unwrap();
    assert!(followers.iter().all(|consumer| consumer.starts_with("service:")), "{followers:?}");
}

#[test]
fn sc_14_answers_are_kept_for_more_than_a_day() {
    let answers = postgres::retention::rule("answers").unwrap();
    assert!(answers.days.is_some_and(|days| days > 1));
    assert_eq!(answers.forgets.as_ref().map(|forgets| forgets.table.as_str()), Some("requests"));
}
