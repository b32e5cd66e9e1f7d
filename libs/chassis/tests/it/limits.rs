//! Deadlines, load, faults.

use std::time::{Duration, Instant};

use chassis::ServerConfig;
use proto::anjia::identity::v1::GetKeysRequest;
use tonic::{Code, Request};

use crate::support::*;

#[tokio::test]
async fn the_server_ends_a_call_at_the_longest_deadline_it_grants() {
    let server = started(&ServerConfig { deadline_max_ms: 100, ..config() }).await;
    let begun = Instant::now();
    let status = server.client().exchange_token(authorised("sleep 3000")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_callers_deadline_is_kept_on_both_sides_and_never_reads_as_cancelled() {
    let server = started(&config()).await;
    for _ in 0..20 {
        let mut request = authorised("sleep 3000");
        request.set_timeout(Duration::from_millis(60));
        let status = server.client().exchange_token(request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    }

    let mut request = authorised("remaining");
    request.set_timeout(Duration::from_secs(2));
    let answer = server.client().exchange_token(request).await.unwrap().into_inner();
    let remaining: u64 = answer.access_token.parse().unwrap();
    assert!((1_000..2_000).contains(&remaining), "{remaining}");
}

#[tokio::test]
async fn past_its_budget_a_server_refuses_at_once_but_lets_work_be_completed() {
    let server = started(&ServerConfig { in_flight_max: 2, ..config() }).await;
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let mut client = server.client();
            tokio::spawn(async move { client.exchange_token(authorised("sleep 800")).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;

    let mut client = server.client();
    let completing = as_bearer(Request::new(GetKeysRequest {}), &trusted().sign(&claims()));
    client.get_keys(completing).await.unwrap();

    let begun = Instant::now();
    let status = client.exchange_token(authorised("name")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "OVERLOADED".to_owned()));
    assert!(begun.elapsed() < Duration::from_millis(50), "{:?}", begun.elapsed());

    for call in busy {
        call.await.unwrap().unwrap();
    }
    client.exchange_token(authorised("name")).await.unwrap();
}

#[tokio::test]
async fn a_panic_fails_its_own_call_only() {
    let server = started(&config()).await;
    let mut client = server.client();
    let mut other = client.clone();
    let unharmed = tokio::spawn(async move { other.exchange_token(authorised("sleep 300")).await });
    tokio::time::sleep(Duration::from_millis(100)).await;

    let status = client.exchange_token(authorised("panic")).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(!status.message().contains("as the test asked"));
    unharmed.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let server = started(&config()).await;
    let mut client = proto::anjia::identity::v1::event_service_client::EventServiceClient::new(server.channel());
    let status = client.pull_events(proto::anjia::identity::v1::PullEventsRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unimplemented, "METHOD_UNKNOWN".to_owned()));
}
