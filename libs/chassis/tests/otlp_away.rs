//! A collector that is away costs spans, never a call; metrics are sums, which do not grow while nobody takes them. A binary of its own: telemetry is started once a process.

use std::time::{Duration, Instant};

use chassis::TelemetryConfig;
use chassis::telemetry::{self, LogFormat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pl_02_a_collector_that_is_away_holds_nothing_up() {
    let config = TelemetryConfig {
        log_format: LogFormat::Json,
        log: "warn".to_owned(),
        otlp_endpoint: Some("http://127.0.0.1:1".to_owned()),
        trace_ratio: 1.0,
        metrics_interval_ms: 100,
    };
    let guard = telemetry::init("scheduling", &config).unwrap();

    let worked = postgres::metrics::meter().u64_counter("worked").build();
    let begun = Instant::now();
    for _ in 0..20_000 {
        drop(tracing::info_span!("work").entered());
        worked.add(1, &[]);
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());

    let begun = Instant::now();
    guard.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}
