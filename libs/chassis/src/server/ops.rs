//! The ops port: is it alive, is it ready, how does it do. Plain HTTP, because a kubelet cannot probe through mTLS; tells nothing else,
//! and nothing of anybody.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use super::Check;
use crate::telemetry;

/// A check that takes longer than this has failed.
const CHECK_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Readiness {
    checks: Vec<Check>,
    /// Cancelled as soon as the server is asked to end.
    ending: CancellationToken,
}

impl Readiness {
    pub(super) fn new(checks: Vec<Check>, ending: CancellationToken) -> Arc<Self> {
        Arc::new(Self { checks, ending })
    }

    /// What stands in the way, if anything.
    pub(super) async fn obstacle(&self) -> Option<String> {
        if self.ending.is_cancelled() {
            return Some("draining".to_owned());
        }
        for check in &self.checks {
            match tokio::time::timeout(CHECK_LIMIT, check()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Some(format!("{error:#}")),
                Err(_) => return Some("a check did not finish".to_owned()),
            }
        }
        None
    }
}

pub(super) fn router(readiness: Arc<Readiness>) -> Router {
    Router::new()
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(readiness)
}

/// For Prometheus.
async fn metrics() -> impl IntoResponse {
    match telemetry::exposition() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)),
        Err(error) => {
            tracing::warn!(%error, "the metrics cannot be read");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

async fn ready(State(readiness): State<Arc<Readiness>>) -> (StatusCode, String) {
    match readiness.obstacle().await {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(obstacle) => (StatusCode::SERVICE_UNAVAILABLE, format!("{obstacle}\n")),
    }
}
