//! A collector that takes connections and never answers is worse than none: what is sent to it waits. It costs spans, never a call, and
//! memory up to the length of the queue. A binary of its own: telemetry is started once a process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use chassis::TelemetryConfig;
use chassis::telemetry::{self, LogFormat};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// Many times what the queue holds.
const SPANS: usize = 40_000;
/// What as many spans would take, were they kept, is five times as much.
const GROWTH_MAX_KIB: u64 = 16 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pl_02_a_collector_that_accepts_and_stays_silent_stalls_nothing_and_memory_stays_bounded() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let (told, mut accepted) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = silent.accept().await {
            told.send(()).unwrap();
            // Reads, so that not even a full buffer tells the sender that something is wrong.
            tokio::spawn(async move {
                let mut read = vec![0; 65_536];
                while connection.read(&mut read).await.is_ok_and(|length| length > 0) {}
            });
        }
    });
    let config = TelemetryConfig {
        log_format: LogFormat::Json,
        log: "error".to_owned(),
        otlp_endpoint: Some(endpoint),
        trace_ratio: 1.0,
        metrics_interval_ms: 100,
    };
    let guard = telemetry::init("scheduling", &config).unwrap();

    // The first round fills the queue, and whatever else there is to fill.
    work();
    accepted.recv().await.unwrap();
    let before = resident_kib();
    let longest = (0..5).map(|_| work()).max().unwrap();
    let growth = resident_kib().saturating_sub(before);
    // Whoever waited for the collector would wait for two seconds.
    assert!(longest < Duration::from_secs(1), "one piece of work took {longest:?}");
    assert!(growth < GROWTH_MAX_KIB, "{growth} KiB more for {} spans that nobody took", 5 * SPANS);

    let begun = Instant::now();
    guard.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "the end waits for a collector: {:?}", begun.elapsed());
}

/// Spans with something in them. How long the slowest of a hundred pieces of it took.
fn work() -> Duration {
    let piece = |_| {
        let begun = Instant::now();
        for _ in 0..SPANS / 100 {
            drop(
                tracing::info_span!("work", what = "a text of about the length that an attribute of a span has")
                    .entered(),
            );
        }
        begun.elapsed()
    };
    (0..100).map(piece).max().unwrap()
}

/// Memory of this process that is in use.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
