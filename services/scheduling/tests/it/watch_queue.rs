//! Where somebody stands, live.

use std::time::Duration;

use chrono::TimeDelta;
use proto::anjia::scheduling::v1::{
    EndVisitRequest, MoveQueueRequest, QueueTicket, TicketState, VisitOutcome, WatchQueueRequest, WatchQueueResponse,
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status, Streaming};
use types::ids::ResidentId;

use crate::queue::{call, client, comes, hours, next, walk_in};
use crate::town::{Town, now};

async fn watch(town: &Town, caller: &TestCaller, visit_id: &str) -> Result<Streaming<WatchQueueResponse>, Status> {
    let request = WatchQueueRequest { visit_id: visit_id.to_owned() };
    Ok(client(town).watch_queue(caller.request(request).await).await?.into_inner())
}

async fn told(stream: &mut Streaming<WatchQueueResponse>) -> QueueTicket {
    let line = tokio::time::timeout(Duration::from_secs(15), stream.message()).await.unwrap();
    line.unwrap().unwrap().ticket.unwrap()
}

#[tokio::test]
async fn sc_11_a_place_in_the_queue_is_live_until_the_visit_is_over_or_the_server_leaves() {
    let mut town = Town::new().await;
    let session_id = hours(&town, now() + TimeDelta::hours(1)).await;
    let other = ResidentId::generate();
    town.register_resident(other.uuid()).await;
    let before = comes(&town, walk_in(&other.to_string(), &session_id)).await.unwrap();
    let hers = comes(&town, walk_in(&callers::RESIDENT.to_string(), &session_id)).await.unwrap();

    let refused = watch(&town, &town.hospital, &hers).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let mut live = watch(&town, &town.resident, &hers).await.unwrap();
    let mut whole = watch(&town, &town.acting, &hers).await.unwrap();
    assert_eq!(told(&mut live).await.position, 2);
    assert_eq!(call(&town, next(&session_id)).await.unwrap().visit_id, before);
    assert_eq!(told(&mut live).await.position, 1);
    let request = MoveQueueRequest {
        request_id: request_id(),
        provider_organisation_id: callers::CLINIC.to_string(),
        session_id: session_id.clone(),
        room: "3诊室".to_owned(),
        ..Default::default()
    };
    client(&town).move_queue(town.clinic.request(request).await).await.unwrap();
    let mut moved = told(&mut live).await;
    while moved.room.is_empty() {
        // Only the wait has changed.
        moved = told(&mut live).await;
    }
    assert_eq!((moved.position, moved.room.as_str()), (1, "3诊室"));
    assert_eq!(call(&town, next(&session_id)).await.unwrap().visit_id, hers);
    let mut now_called = told(&mut live).await;
    while now_called.state() == TicketState::Waiting {
        now_called = told(&mut live).await;
    }
    assert_eq!((now_called.state(), now_called.position), (TicketState::Called, 0));

    let end = EndVisitRequest {
        request_id: request_id(),
        visit_id: hers.clone(),
        outcome: VisitOutcome::Completed.into(),
        occurred_at: Some(to_timestamp(now())),
        reason: String::new(),
    };
    town.visits().end_visit(town.clinic.request(end).await).await.unwrap();
    assert_eq!(told(&mut live).await.state(), TicketState::Served);
    assert_eq!(live.message().await.unwrap(), None, "it is over");
    let mut last = told(&mut whole).await;
    while last.state() != TicketState::Served {
        last = told(&mut whole).await;
    }

    let third = ResidentId::generate();
    town.register_resident(third.uuid()).await;
    let waits = comes(&town, walk_in(&third.to_string(), &session_id)).await.unwrap();
    let mut live = watch(&town, &town.clinic, &waits).await.unwrap();
    assert_eq!(told(&mut live).await.position, 1);
    town.mesh.terminate("scheduling").await;
    let ended = loop {
        match live.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended as if it were over"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unavailable);
}
