use std::time::Duration;

use proto::anjia::common::v1::{EventBatch, EventCursor};
use proto::anjia::identity::v1::event_service_client::EventServiceClient;
use proto::anjia::identity::v1::{DelegatedAction, PullEventsRequest};
use testkit::TestCaller;
use testkit::callers::Client;
use tonic::Status;

use crate::support::{World, new_enrolment, wrong_field};

impl World {
    async fn pull(&self, after_position: i64, max_events: i32, wait_ms: i32) -> Result<EventBatch, Status> {
        let cursor = EventCursor { after_position, max_events, wait_ms, ..Default::default() };
        self.pull_as(&self.city_app().await, cursor).await
    }

    async fn pull_as(&self, caller: &TestCaller, cursor: EventCursor) -> Result<EventBatch, Status> {
        let request = caller.request(PullEventsRequest { cursor: Some(cursor) }).await;
        let answer = EventServiceClient::new(self.channel()).pull_events(request).await?;
        Ok(answer.into_inner().batch.unwrap())
    }
}

#[tokio::test]
async fn pl_04_events_come_in_order_without_gaps_and_say_ids_only() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    world.enrol(&world.caller("operator"), new_enrolment(person.id, "2026-01-01", None)).await.unwrap();
    world.revoke(&person, delegation).await.unwrap();

    let mut events = vec![];
    while events.len() < 4 {
        let after = i64::try_from(events.len()).unwrap();
        let batch = tokio::time::timeout(Duration::from_secs(5), world.pull(after, 2, 2_000)).await.unwrap().unwrap();
        events.extend(batch.events);
    }
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(positions, [1, 2, 3, 4]);
    let kinds: Vec<&str> = events.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "anjia.identity.resident.registered.v1",
            "anjia.identity.delegation.granted.v1",
            "anjia.identity.coverage.changed.v1",
            "anjia.identity.delegation.revoked.v1",
        ]
    );
    for event in &events {
        assert_eq!((event.source.as_str(), event.region_code.as_str()), ("anjia/identity", "110000"));
        let data = format!("{:?}", event.data);
        assert!(data.contains(&person.id.to_string()));
        assert!(!data.contains(&person.number) && !data.contains('陈'));
    }
}

#[tokio::test]
async fn pl_05_the_app_of_another_city_hears_nothing_of_this_one() {
    let world = World::start().await;
    world.person("chen").await;
    let all = EventCursor { max_events: 10, wait_ms: 2_000, ..Default::default() };
    let service = world.caller("scheduling");
    assert_eq!(world.pull_as(&service, all.clone()).await.unwrap().events.len(), 1);
    assert_eq!(world.pull(0, 10, 0).await.unwrap().events.len(), 1);
    let elsewhere = Client::new("other-app", "client:other-app".to_owned(), None, &["platform"]).told_of(&["anjia."]);
    let elsewhere = world.mesh.register(Client { region: "310000".to_owned(), ..elsewhere }).await;
    let at_once = EventCursor { wait_ms: 0, ..all };
    let told = world.pull_as(&elsewhere, at_once).await.unwrap();
    assert_eq!((told.events.len(), told.position, told.head_position), (0, 1, 1), "past what it hears nothing of");
}

#[tokio::test]
async fn a_wrong_cursor_is_named() {
    let world = World::start().await;
    assert_eq!(wrong_field(world.pull(-1, 0, 0).await), "cursor.after_position");
    assert_eq!(wrong_field(world.pull(0, 501, 0).await), "cursor.max_events");
    assert_eq!(wrong_field(world.pull(0, 0, 20_001).await), "cursor.wait_ms");
}
