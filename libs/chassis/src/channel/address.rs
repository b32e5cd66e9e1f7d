//! One address of a name, and whether it could be reached a moment ago.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use tonic::body::Body;
use tonic::transport::{self, Endpoint};
use tower::load::Load;

use super::CONNECT_TIMEOUT;
use super::connector::Connector;
use super::pool;

/// How long calls prefer other addresses to one that was away: its name may still stand for it.
const AVOIDED_FOR: Duration = Duration::from_secs(1);

/// The peer at one address, with the peer's name kept as authority. Connects when a call needs it, and again after a loss.
pub(super) struct Address {
    connection: transport::Channel,
    away_at: Arc<Mutex<Option<Instant>>>,
}

impl Address {
    pub(super) fn new(origin: &Uri, address: SocketAddr, connector: Connector) -> Option<Self> {
        let endpoint = Endpoint::from(format!("http://{address}").parse::<Uri>().ok()?)
            .origin(origin.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            // A peer that vanished without closing is noticed within 15 s even when nothing else would tell.
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5));
        Some(Self { connection: endpoint.connect_with_connector_lazy(connector), away_at: Arc::default() })
    }
}

impl tower::Service<Request<Body>> for Address {
    type Response = Response<Body>;
    type Error = transport::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connection.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (answer, away_at) = (self.connection.call(request), Arc::clone(&self.away_at));
        Box::pin(async move {
            let answer = answer.await;
            let is_away = answer.as_ref().is_err_and(|error| pool::tries_max(error) > 1);
            if is_away || answer.is_ok() {
                *away_at.lock().unwrap_or_else(PoisonError::into_inner) = is_away.then(Instant::now);
            }
            answer
        })
    }
}

impl Load for Address {
    type Metric = bool;

    /// Of two addresses the balance takes the one that was not away. Without this a refusal, which is the quickest of answers, would
    /// draw a call's every try to the address of a replica that has left.
    fn load(&self) -> bool {
        let away_at = *self.away_at.lock().unwrap_or_else(PoisonError::into_inner);
        away_at.is_some_and(|at| at.elapsed() < AVOIDED_FOR)
    }
}
