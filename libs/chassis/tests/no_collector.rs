//! Without a collector nothing of a trace is recorded, and the trace is still named wherever it goes. A binary of its own: telemetry is
//! started once a process, and what it writes goes to stderr, so a child process works and its parent reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the tests of `it` need more of it")]
#[path = "it/support.rs"]
mod support;

use std::process::Command;
use std::time::Duration;

use chassis::TelemetryConfig;
use chassis::telemetry::{self, LogFormat};
use serde_json::Value;
use support::{authorised, config, started};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Calls a service from work that `traceparent` caused; answers the span in which it was served, as its events and sagas store it.
async fn served(traceparent: Option<&str>) -> String {
    let server = started(&config()).await;
    let mut client = server.client();
    telemetry::within(telemetry::resume("work", traceparent, Duration::ZERO), None, async {
        tracing::info!("calling");
        client.exchange_token(authorised("traceparent")).await.unwrap().into_inner().access_token
    })
    .await
}

#[tokio::test]
#[ignore = "run by its parent below"]
async fn the_child_calls() {
    let telemetry = TelemetryConfig {
        log_format: LogFormat::Json,
        log: "info".to_owned(),
        otlp_endpoint: None,
        trace_ratio: 1.0,
        metrics_interval_ms: 60_000,
    };
    let _telemetry = telemetry::init("identity", &telemetry).unwrap();
    for sampled in ["00", "01"] {
        let cause = format!("00-{TRACE}-b7ad6b7169203331-{sampled}");
        let there = served(Some(&cause)).await;
        let parts: Vec<&str> = there.split('-').collect();
        assert_eq!((parts[1], parts[3]), (TRACE, sampled), "it goes on, and so does who records it: {there}");
        assert!(!cause.contains(parts[2]), "a span of its own: {there}");
    }
    let there = served(None).await;
    assert!(
        there.starts_with("00-") && there.ends_with("-00") && !there.contains(TRACE),
        "a trace of its own: {there}"
    );
    tracing::info!(there, "called");
}

#[test]
fn pl_02_without_a_collector_logs_events_and_calls_still_name_their_trace() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_child_calls", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{log}{}", String::from_utf8_lossy(&child.stdout));
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let said = |message: &str, key: &str| -> Vec<&str> {
        let lines = lines.iter().filter(|line| line["message"] == message);
        lines.map(|line| line[key].as_str().unwrap_or_default()).collect()
    };
    let [one, other, own] = said("calling", "trace_id")[..] else { panic!("{log}") };
    assert_eq!((one, other), (TRACE, TRACE));
    assert_eq!(said("called", "there")[0].split('-').nth(1), Some(own), "{log}");
}
