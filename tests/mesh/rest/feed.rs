//! The feed of events as a program follows it that speaks JSON alone.

use std::collections::BTreeSet;

use chrono::DateTime;
use devstack::SERVICES;
use mesh_tests::{City, RestCaller};
use serde_json::{Value, json};

/// Few, so that it takes several.
const EVENTS_AT_ONCE: usize = 2;
/// The attributes of `CloudEvents`, and the extensions, that are always there.
const ATTRIBUTES: [&str; 9] =
    ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "position", "regioncode"];

#[tokio::test]
async fn pl_03_pl_04_the_feed_is_followed_in_json_as_cloudevents_and_tells_nothing_twice() {
    let Some((city, rest)) = City::behind_gateway().await else { return };
    let patient = city.patient().await;
    let hours = city.clinic_hours(2).await;
    let held = city.hold(&patient, &hours[0].slot_id).await.expect("a place is held");
    city.visit(&patient).await;
    let app = rest.partner("app").await;

    let mut ids = BTreeSet::new();
    for service in SERVICES {
        let (events, pulls) = follow(&app, service).await;
        for event in &events {
            is_cloud_event(event, service);
            assert!(ids.insert((service, text(event, "id").to_owned())), "told twice: {event}");
        }
        let positions: Vec<i64> = events.iter().map(|event| position(&event["position"])).collect();
        assert!(positions.is_sorted_by(|one, next| one < next), "{service}: {positions:?}");
        if service == "scheduling" {
            assert!(pulls > 1, "it took one: {events:?}");
            assert!(events.iter().any(|event| event["subject"] == held.appointment_id.as_str()), "{events:?}");
        }
    }
    assert!(ids.iter().any(|(service, _)| *service == "identity"), "{ids:?}");

    // Who follows without being registered for it is refused by the reason of gRPC.
    let refused = rest.app("clinic").await.send("post", "/v1/scheduling/events:pull", Some("{}".to_owned())).await;
    assert_eq!((refused.status, refused.reason()), (403, "METHOD_NOT_PERMITTED"));
}

/// Everything there is, from batch to batch by its `position`; and in how many pulls.
async fn follow(app: &RestCaller, service: &str) -> (Vec<Value>, usize) {
    let (mut events, mut after, mut pulls) = (vec![], 0, 0);
    loop {
        let cursor = json!({ "afterPosition": after.to_string(), "maxEvents": EVENTS_AT_ONCE, "waitMs": 2_000 });
        let body = json!({ "cursor": cursor }).to_string();
        let answer = app.send("post", &format!("/v1/{service}/events:pull"), Some(body)).await;
        assert_eq!(answer.status, 200, "{service}: {answer:?}");
        let batch = &answer.body["batch"];
        let told = batch["events"].as_array().cloned().unwrap_or_default();
        assert!(told.len() <= EVENTS_AT_ONCE, "{answer:?}");
        let reached = position(&batch["position"]);
        assert!(reached <= position(&batch["headPosition"]), "{answer:?}");
        if reached == after {
            assert!(told.is_empty(), "{service}: {told:?}");
            return (events, pulls);
        }
        pulls += 1;
        after = reached;
        events.extend(told);
    }
}

/// As a `CloudEvents` library reads it: attributes at the top, all of them strings, and `data` an object.
#[track_caller]
fn is_cloud_event(event: &Value, service: &str) {
    let members: BTreeSet<&str> = event.as_object().expect("an object").keys().map(String::as_str).collect();
    let always: BTreeSet<&str> = ATTRIBUTES.into_iter().chain(["data"]).collect();
    let more: Vec<&str> = members.difference(&always).copied().filter(|name| *name != "traceparent").collect();
    assert!(members.is_superset(&always) && more.is_empty(), "{event}");
    for name in members.iter().filter(|name| **name != "data") {
        assert!(event[*name].is_string(), "{name}: {event}");
        // CloudEvents 1.0 allows nothing else in the name of an attribute.
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{name}");
    }
    assert!(event["data"].is_object(), "{event}");
    assert_eq!((text(event, "specversion"), text(event, "datacontenttype")), ("1.0", "application/json"), "{event}");
    assert_eq!((text(event, "source"), text(event, "regioncode")), (format!("anjia/{service}").as_str(), "110000"));
    assert!(text(event, "type").starts_with(&format!("anjia.{service}.")), "{event}");
    assert!(DateTime::parse_from_rfc3339(text(event, "time")).is_ok(), "{event}");
    assert!(!text(event, "subject").is_empty() && position(&event["position"]) > 0, "{event}");
}

fn text<'a>(event: &'a Value, name: &str) -> &'a str {
    event[name].as_str().unwrap_or_else(|| panic!("{name}: {event}"))
}

/// An int64, which JSON has as text; 0 is left out.
fn position(value: &Value) -> i64 {
    match value {
        Value::Null => 0,
        value => value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no position: {value}")),
    }
}
