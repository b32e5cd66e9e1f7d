//! Traces cross calls and outlive them.

use std::sync::Once;
use std::time::Duration;

use chassis::telemetry;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::support::*;

/// Spans that get ids and go nowhere.
fn trace_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        tracing_subscriber::registry().with(layer).init();
    });
}

fn parts(traceparent: &str) -> (String, String) {
    let parts: Vec<&str> = traceparent.split('-').collect();
    assert_eq!(parts.len(), 4, "{traceparent}");
    (parts[1].to_owned(), parts[2].to_owned())
}

#[tokio::test]
async fn a_call_belongs_to_its_callers_trace() {
    trace_everything();
    let server = started(&config()).await;
    let mut client = server.client();
    let calling = async {
        let here = telemetry::current_traceparent().unwrap();
        let there = client.exchange_token(authorised("traceparent")).await.unwrap().into_inner();
        (here, there.access_token)
    };
    let (here, there) = calling.instrument(tracing::info_span!("caller")).await;
    let (ours, theirs) = (parts(&here), parts(&there));
    assert_eq!(ours.0, theirs.0);
    assert_ne!(ours.1, theirs.1);
}

#[test]
fn background_work_continues_a_young_trace_and_leaves_an_old_one() {
    trace_everything();
    let cause = tracing::info_span!("cause").in_scope(|| telemetry::current_traceparent().unwrap());

    let young = telemetry::resume("saga", Some(&cause), Duration::from_mins(1));
    let young = young.in_scope(|| telemetry::current_traceparent().unwrap());
    assert_eq!(parts(&young).0, parts(&cause).0);

    for (traceparent, age) in
        [(Some(cause.as_str()), Duration::from_mins(16)), (Some("garbage"), Duration::ZERO), (None, Duration::ZERO)]
    {
        let fresh = telemetry::resume("saga", traceparent, age);
        let fresh = fresh.in_scope(|| telemetry::current_traceparent().unwrap());
        assert_ne!(parts(&fresh).0, parts(&cause).0);
    }
}
