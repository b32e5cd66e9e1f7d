//! What the gateway does itself, before any service hears of a call: it limits, tells its log why it refused, and begins the trace.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chassis::auth::{Actor, Claims};
use futures_util::future::join_all;
use mesh_tests::{City, Rest, RestCaller};
use proto::anjia::identity::v1::GetKeysRequest;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tonic::Request;
use types::caller::Party;
use types::ids::{PractitionerId, ResidentId};

use super::callers::in_a_rush;
use crate::collector::Collector;

const ANY_ID: &str = "01930000-0000-7000-8000-00000000ffff";
const TOLD_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);
/// More than one caller may in ten seconds, and less than one address.
const CALLS_MAX: usize = 600;
const CALLS_AT_ONCE: usize = 50;
/// All that a line of the log may say.
const SAID: [&str; 12] = [
    "timestamp",
    "message",
    "verb",
    "path",
    "status",
    "grpc_status",
    "flags",
    "details",
    "service",
    "duration_ms",
    "request_id",
    "certificate_sha256",
];

#[tokio::test]
async fn pl_03_noise_in_place_of_a_token_is_limited_by_address_before_it_is_checked() {
    let Some((_city, rest)) = City::behind_gateway().await else { return };
    let told = in_a_rush(&rest.nobody().with_token(Some("noise")), &[]).await;
    assert_eq!(told, [(401, "TOKEN_INVALID".to_owned()), (429, "RATE_LIMITED".to_owned())].into());
    assert!(limited(&rest, "addresses").await > 0);
    assert_eq!(limited(&rest, "callers").await, 0);
}

#[tokio::test]
async fn pl_03_who_acts_for_many_counts_as_one_caller() {
    let Some((_city, rest)) = City::behind_gateway().await else { return };
    let worker = rest.app("worker").await;
    let own = worker.token.clone().expect("a token");
    let claims = claims(&own);
    let actor = Party::Practitioner(PractitionerId::generate());
    let for_somebody = || {
        let act = Some(Actor { sub: actor.clone(), act: None });
        let acting = Claims { sub: Party::Resident(ResidentId::generate()), act, ..claims.clone() };
        worker.with_token(Some(&rest.signed(&own, &acting)))
    };
    let mut told = BTreeSet::new();
    for _ in 0..CALLS_MAX / CALLS_AT_ONCE {
        let callers: Vec<RestCaller> = (0..CALLS_AT_ONCE).map(|_| for_somebody()).collect();
        let answers = join_all(callers.iter().map(|caller| caller.send("get", "/v1/keys", None))).await;
        told.extend(answers.iter().map(|answer| (answer.status, answer.reason().to_owned())));
    }
    assert_eq!(told, [(200, String::new()), (429, "RATE_LIMITED".to_owned())].into());
    // For who acts, not for where they come from.
    assert!(limited(&rest, "callers").await > 0);
    assert_eq!(limited(&rest, "addresses").await, 0);
}

/// Calls that were too often by this limit.
async fn limited(rest: &Rest, by: &str) -> u64 {
    let name = format!("envoy_http_local_rate_limit_rate_limited{{envoy_local_http_ratelimit_prefix=\"{by}\"}}");
    let metrics = rest.metrics().await;
    let line = metrics.lines().find(|line| line.starts_with(&name));
    let count = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    count.unwrap_or_else(|| panic!("no {name} in\n{metrics}"))
}

fn claims(token: &str) -> Claims {
    jsonwebtoken::dangerous::insecure_decode_claims(token).expect("claims")
}

#[tokio::test]
async fn pl_03_what_the_gateway_refuses_is_logged_by_reason_and_without_a_word_about_anybody() {
    let Some((city, rest)) = City::behind_gateway().await else { return };
    let worker = rest.app("worker").await;
    let own = worker.token.clone().expect("a token");
    let claims = claims(&own);
    let past = claims.iat - 3600;
    let expired = rest.signed(&own, &Claims { iat: past, exp: past + 60, ..claims.clone() });
    let elsewhere = rest.signed(&own, &Claims { aud: "another".to_owned(), ..claims });
    let (rest_of_it, signature) = own.rsplit_once('.').expect("a signed token");
    let forged = format!("{rest_of_it}.{}", signature.chars().rev().collect::<String>());
    let path = format!("/v1/residents/{ANY_ID}/coverage?on.year=1954&on.month=3");
    for token in ["noise", &expired, &elsewhere, &forged] {
        assert_eq!(worker.with_token(Some(token)).send("get", &path, None).await.status, 401);
    }
    assert_eq!(rest.certified("bank").send("get", &path, None).await.reason(), "TOKEN_MISSING");
    assert_eq!(rest.nobody().send("get", "/v1/%E9%99%88/110101195403010017", None).await.status, 404);
    assert!(in_a_rush(&worker, &[]).await.iter().any(|(status, _)| *status == 429));

    let why = [
        ("jwt_authn_access_denied{Jwt_is_not_in_the_form", 401),
        ("jwt_authn_access_denied{Jwt_is_expired", 401),
        ("jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed", 401),
        ("jwt_authn_access_denied{Jwt_verification_fails", 401),
        ("local_rate_limited", 429),
        ("route_not_found", 404),
        // By the service, which knows why.
        ("via_upstream", 401),
    ];
    let log = city.mesh.fleet().log("gateway");
    let began_at = Instant::now();
    let (whole, lines) = loop {
        let whole = std::fs::read_to_string(&log).expect("the gateway's log");
        let lines: Vec<Value> = whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let said = |(details, status): &(&str, u16)| lines.iter().any(|line| is_about(line, details, *status));
        if why.iter().all(said) || began_at.elapsed() > TOLD_WITHIN {
            break (whole, lines);
        }
        tokio::time::sleep(POLL).await;
    };
    for (details, status) in why {
        let line = lines.iter().find(|line| is_about(line, details, status));
        let line = line.unwrap_or_else(|| panic!("nothing of {details} in\n{whole}"));
        let path = match details {
            "local_rate_limited" => "/v1/keys",
            "route_not_found" => "/v1/*/*",
            _ => "/v1/residents/*/coverage",
        };
        assert_eq!((&line["path"], &line["verb"], &line["message"]), (&json!(path), &json!("GET"), &json!("refused")));
        assert!(line["request_id"].as_str().is_some_and(|id| id.len() == 36), "{line}");
        let is_certified = line["certificate_sha256"].as_str().is_some_and(|hash| hash.len() == 64);
        assert_eq!(is_certified, details == "via_upstream", "{line}");
    }
    for line in lines.iter().filter(|line| line["message"] == "refused") {
        let keys = line.as_object().expect("an object").keys();
        assert!(keys.clone().all(|key| SAID.contains(&key.as_str())), "{line}");
    }
    for told in [ANY_ID, "on.year", "noise", &own, &expired, &elsewhere, &forged, signature, "%E9", "陈"] {
        assert!(!whole.contains(told), "{told} in\n{whole}");
    }
    // What is served is not in it.
    assert!(lines.iter().all(|line| line["status"].as_u64().is_none_or(|status| status >= 400)));
}

fn is_about(line: &Value, details: &str, status: u16) -> bool {
    line["details"].as_str().is_some_and(|said| said.starts_with(details)) && line["status"] == status
}

#[tokio::test]
async fn pl_02_a_caller_from_outside_does_not_say_what_is_traced() {
    let collector = Collector::default();
    let endpoint = Some(collector.start().await);
    // Only what a caller has traced already.
    let settings = [("OTEL_TRACES_SAMPLER_ARG", "0")];
    let Some((city, rest)) = City::behind_gateway_with(endpoint, &settings).await else { return };
    let (outside, inside) = ("0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736");
    let parent = |trace: &str| format!("00-{trace}-b7ad6b7169203331-01");
    let headers = [("traceparent", parent(outside)), ("tracestate", "a=b".to_owned()), ("baggage", "a=b".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(rest.nobody().send_with("get", "/v1/keys", None, &headers).await.status, 200);

    // One of ours does.
    let mut request = Request::new(GetKeysRequest::default());
    request.metadata_mut().insert("traceparent", parent(inside).parse().expect("a header"));
    TokenServiceClient::new(city.channel("identity")).get_keys(request).await.expect("the keys");
    let began_at = Instant::now();
    while !traced(&collector).contains(inside) && began_at.elapsed() < TOLD_WITHIN {
        tokio::time::sleep(POLL).await;
    }
    let traced = traced(&collector);
    assert!(traced.contains(inside) && !traced.contains(outside), "{traced:?}");
}

#[tokio::test]
async fn pl_03_a_service_that_does_not_answer_in_time_is_given_up_and_that_is_said() {
    let settings = [("DEADLINE_MAX_MS", "5000")];
    let Some((city, rest)) = City::behind_gateway_with(None, &settings).await else { return };
    let worker = rest.app("worker").await;
    let record = city.mesh.record(true).expect("what runs");
    let process = record.services["referral"].process.as_ref().expect("it runs");
    let pid = Pid::from_raw(process.pid.try_into().expect("a process id")).expect("a process id");
    // It neither answers nor is gone.
    kill_process(pid, Signal::STOP).expect("it is stopped");
    let answer = worker.send("get", &format!("/v1/journeys/{ANY_ID}"), None).await;
    kill_process(pid, Signal::CONT).expect("it goes on");
    assert_eq!((answer.status, answer.reason()), (504, "DEADLINE_EXCEEDED"), "{answer:?}");
    assert_eq!(answer.body["code"], 4, "{answer:?}");
}

/// The traces that arrived, in hexadecimal digits.
fn traced(collector: &Collector) -> BTreeSet<String> {
    let resources = collector.traces().into_iter().flat_map(|request| request.resource_spans);
    let spans = resources.flat_map(|of| of.scope_spans).flat_map(|of| of.spans);
    spans.map(|span| hex::encode(span.trace_id)).collect()
}
