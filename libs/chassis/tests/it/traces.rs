//! Traces cross calls and outlive them.

use std::sync::{Mutex, Once};
use std::time::Duration;

use chassis::auth::{Actor, Claims};
use chassis::{Server, telemetry};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use types::caller::{Party, Role};
use types::ids::{DelegationId, PractitionerId, ResidentId};

use crate::support::*;

/// What spans said, by the trace they belong to.
static ENDED: Mutex<Vec<SpanData>> = Mutex::new(vec![]);

#[derive(Debug)]
struct Kept;

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        ENDED.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// Spans that get ids and are kept.
fn trace_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tracer = SdkTracerProvider::builder().with_simple_exporter(Kept).build().tracer("test");
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

#[tokio::test]
async fn id_04_the_span_of_a_delegated_call_names_both_people_and_the_delegation() {
    trace_everything();
    let server = started(&config()).await;
    let (resident, actor) = (ResidentId::generate(), Party::Practitioner(PractitionerId::generate()));
    let delegation = DelegationId::generate();
    let claims = Claims {
        sub: Party::Resident(resident),
        act: Some(Actor { sub: actor.clone(), act: None }),
        dlg: Some(delegation),
        roles: vec![Role::Resident],
        ..claims()
    };
    let request = as_bearer(wish("name"), &trusted().sign(&claims));
    server.client().exchange_token(request).await.unwrap();
    let said = |span: &SpanData, key: &str| {
        span.attributes
            .iter()
            .find(|attribute| attribute.key.as_str() == key)
            .map(|attribute| attribute.value.to_string())
    };
    let since = std::time::Instant::now();
    loop {
        let is_named = ENDED.lock().unwrap().iter().any(|span| {
            said(span, "actor") == Some(actor.to_string())
                && said(span, "subject") == Some(format!("resident:{resident}"))
                && said(span, "delegation_id") == Some(delegation.to_string())
        });
        if is_named {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "no span names them");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whoever sees something may say so.
const CONFIDENTIAL: &str = r#"
    ["anjia.identity.v1.TokenService/ExchangeToken"]
    roles = ["resident"]
    object = "subject"
    confidential = true
    ["anjia.identity.v1.TokenService/GetKeys"]
    anonymous = true
    ["anjia.identity.v1.TokenService/RevokeToken"]
    anonymous = true
    ["anjia.identity.v1.TokenService/LiftRevocation"]
    anonymous = true
    ["anjia.identity.v1.TokenService/PullRevocations"]
    anonymous = true
"#;

#[tokio::test]
async fn ad_09_the_span_of_a_confidential_call_names_nobody() {
    trace_everything();
    let server = start(Server::new("identity", &config()).access(CONFIDENTIAL).auth(verifier()), "one").await;
    let resident = ResidentId::generate();
    let claims = Claims { sub: Party::Resident(resident), roles: vec![Role::Resident], ..claims() };
    let request = as_bearer(wish("traceparent"), &trusted().sign(&claims));
    let traceparent = server.client().exchange_token(request).await.unwrap().into_inner().access_token;
    let since = std::time::Instant::now();
    loop {
        let is_it = |span: &&SpanData| span.span_context.span_id().to_string() == parts(&traceparent).1;
        if let Some(span) = ENDED.lock().unwrap().iter().find(is_it) {
            assert_eq!(span.name, "anjia.identity.v1.TokenService/ExchangeToken");
            assert!(!format!("{span:?}").contains(&resident.to_string()), "{span:?}");
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "the span does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
