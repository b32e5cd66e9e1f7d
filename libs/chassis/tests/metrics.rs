//! What is measured of calls, as Prometheus reads it. A binary of its own: telemetry is started once a process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the tests of `it` need more of it")]
#[path = "it/support.rs"]
mod support;

use chassis::telemetry::{self, LogFormat};
use chassis::{ServerConfig, TelemetryConfig};
use postgres::{Database, PostgresConfig, Scope};
use proto::anjia::identity::v1::PullRevocationsRequest;
use sqlx::migrate::Migrator;
use support::{as_bearer, authorised, claims, config, started, trusted, wish};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::{Code, Request};
use types::region::RegionCode;

static NO_TABLES: Migrator = Migrator::DEFAULT;

async fn scraped(ops: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(ops).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The value of the only series of that name with all these labels.
fn value(text: &str, name: &str, labels: &[&str]) -> Option<String> {
    let mut found =
        text.lines().filter(|line| line.starts_with(&format!("{name}{{")) && labels.iter().all(|it| line.contains(it)));
    let value = found.next()?.rsplit(' ').next().map(str::to_owned);
    assert_eq!(found.next(), None, "{name} {labels:?} is one series");
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pl_02_each_call_is_counted_by_method_outcome_and_reason_also_when_it_is_shed_or_given_up() {
    let telemetry = TelemetryConfig {
        log_format: LogFormat::Json,
        log: "off".to_owned(),
        otlp_endpoint: None,
        trace_ratio: 1.0,
        metrics_interval_ms: 60_000,
    };
    let guard = telemetry::init("identity", &telemetry).unwrap();
    let server = started(&ServerConfig { waiting_max: 1, ..config() }).await;
    let mut client = server.client();
    for _ in 0..2 {
        client.exchange_token(authorised("name")).await.unwrap();
    }
    assert_eq!(client.exchange_token(wish("name")).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(client.exchange_token(authorised("panic")).await.unwrap_err().code(), Code::Internal);
    // One long poll takes the only place; its caller hangs up while another is shed.
    let poll = || {
        let message = PullRevocationsRequest { after_revision: i64::MAX, wait_ms: 5_000, ..Default::default() };
        as_bearer(Request::new(message), &trusted().sign(&claims()))
    };
    let (mut first, mut second) = (server.client(), server.client());
    let waiting = tokio::spawn(async move { first.pull_revocations(poll()).await });
    let in_flight = ["anjia_call_kind=\"waiting\""];
    while value(&scraped(server.ops_address).await, "anjia_rpc_in_flight", &in_flight).as_deref() != Some("1") {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.pull_revocations(poll()).await.unwrap_err().code(), Code::ResourceExhausted);
    waiting.abort();
    while value(&scraped(server.ops_address).await, "anjia_rpc_in_flight", &in_flight).as_deref() != Some("0") {
        tokio::task::yield_now().await;
    }

    let text = scraped(server.ops_address).await;
    let exchange = "rpc_method=\"anjia.identity.v1.TokenService/ExchangeToken\"";
    let pulling = "rpc_method=\"anjia.identity.v1.TokenService/PullRevocations\"";
    let count = "rpc_server_call_duration_seconds_count";
    for (method, outcome, expected) in [
        (exchange, "OK", "2"),
        (exchange, "UNAUTHENTICATED", "1"),
        (exchange, "INTERNAL", "1"),
        (pulling, "RESOURCE_EXHAUSTED", "1"),
        (pulling, "CANCELLED", "1"),
    ] {
        let code = format!("rpc_response_status_code=\"{outcome}\"");
        assert_eq!(value(&text, count, &[method, &code]).as_deref(), Some(expected), "{method} {outcome}\n{text}");
    }
    for (method, reason) in [(exchange, "TOKEN_MISSING"), (exchange, "INTERNAL"), (pulling, "OVERLOADED")] {
        let reason = format!("anjia_reason=\"{reason}\"");
        assert_eq!(
            value(&text, "anjia_rpc_refusals_total", &[method, &reason]).as_deref(),
            Some("1"),
            "{reason}\n{text}"
        );
    }
    // A fault of the server is an error of its, a refusal of the caller is none.
    assert!(value(&text, count, &[exchange, "INTERNAL", "error_type=\"INTERNAL\""]).is_some(), "{text}");
    assert!(value(&text, count, &[exchange, "UNAUTHENTICATED", "error_type"]).is_none(), "{text}");
    // Made by this process, too.
    let made = ["server_address=\"127.0.0.1\"", exchange, "OK"];
    assert_eq!(value(&text, "rpc_client_call_duration_seconds_count", &made).as_deref(), Some("2"), "{text}");
    let bucket = ["le=\"0.005\"", exchange, "\"OK\""];
    assert!(value(&text, "rpc_server_call_duration_seconds_bucket", &bucket).is_some(), "{text}");
    assert!(text.contains("target_info{") && text.contains("service_name=\"identity\""), "{text}");
    who_waits_in_vain_for_a_connection_is_counted(server.ops_address).await;
    guard.shutdown().await;
}

/// What the alert `AnjiaPoolTimeouts` is about: a pool of one, and somebody who keeps it.
async fn who_waits_in_vain_for_a_connection_is_counted(ops: std::net::SocketAddr) {
    let test = testkit::TestDb::of("identity", &NO_TABLES).await;
    let db = Database::connect(&PostgresConfig { pool_size: 1, ..test.config() }).await.unwrap();
    let pool = ["db_client_connection_pool_name=\"identity\"", "db_system_name=\"postgresql\""];
    let counted = async || value(&scraped(ops).await, "db_client_connection_timeouts_total", &pool);
    let kept = db.begin(Scope::Region(RegionCode::BEIJING)).await.unwrap();
    assert_eq!(counted().await, None, "nobody has waited in vain yet");
    let refused = db.begin(Scope::Region(RegionCode::BEIJING)).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused:?}");
    assert_eq!(counted().await.as_deref(), Some("1"));
    kept.commit().await.unwrap();
    db.begin(Scope::Region(RegionCode::BEIJING)).await.unwrap().commit().await.unwrap();
    assert_eq!(counted().await.as_deref(), Some("1"), "the next one waits for nobody");
}
