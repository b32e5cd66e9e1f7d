//! What a panic leaves in the log. A binary of its own: telemetry is started once a process, and what it writes goes to stderr, so a
//! child process panics and its parent reads.

use std::process::Command;

use chassis::TelemetryConfig;
use chassis::telemetry::{self, LogFormat};

/// As a message of a panic may quote it: a person's number.
const CANARY: &str = "990000195403010429";

#[tokio::test]
#[ignore = "run by its parent below"]
async fn the_child_panics() {
    let config = TelemetryConfig {
        log_format: LogFormat::Json,
        log: "trace".to_owned(),
        otlp_endpoint: None,
        trace_ratio: 1.0,
        metrics_interval_ms: 60_000,
    };
    let _telemetry = telemetry::init("scheduling", &config).unwrap();
    let number = std::hint::black_box(CANARY);
    let panicked = tokio::spawn(async move { panic!("nobody has the number {number}") }).await;
    assert!(panicked.is_err_and(|error| error.is_panic()));
    let unwrapped = tokio::spawn(async move { std::hint::black_box(Err::<(), _>(number)).unwrap() }).await;
    assert!(unwrapped.is_err_and(|error| error.is_panic()));
}

#[test]
fn g9_id_08_a_panic_is_logged_by_its_place_and_not_by_what_it_said() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_child_panics", "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{log}");
    assert_eq!(log.matches("\"message\":\"panic\"").count(), 2, "{log}");
    assert!(log.contains("tests/panics.rs:"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
}
