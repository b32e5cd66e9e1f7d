//! Channels to peers: balanced over every address of a name, with the caller's deadline and trace context on each call.
//!
//! A connection is made when the first call needs it, so a peer that is away never stops a start-up; a peer that does not answer
//! the connect in a second makes the call fail with UNAVAILABLE, which the caller may retry.

mod call;
mod resolve;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use tonic::body::Body;
use tonic::{Code, Status};

pub use resolve::{Dns, Resolve};

use crate::error;

/// How often a name is looked up again: a pod that left is out of the balance this soon.
const RESOLVE_EVERY: Duration = Duration::from_secs(2);
/// A peer that does not accept a connection in this time counts as away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Deadline of a unary call whose caller set none.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);

/// An address that no channel can be made for.
#[derive(Debug, thiserror::Error)]
#[error("not a peer's address (expected http://host:port): {0}")]
pub struct InvalidPeer(String);

/// A balanced channel to one peer, to build generated clients on. Cheap to clone.
#[derive(Clone)]
pub struct Channel {
    inner: tonic::transport::Channel,
    peer: Arc<Peer>,
}

struct Peer {
    /// `host:port`, for spans.
    address: String,
    /// Tells whether the name has any address at this moment.
    resolved: tokio::sync::watch::Receiver<bool>,
}

/// A channel to `http://host:port`, following what DNS says about the host. Must be called within a runtime.
pub fn connect(url: &str) -> Result<Channel, InvalidPeer> {
    let (origin, host, port) = parts(url)?;
    Ok(balanced(origin, Dns::new(host, port), RESOLVE_EVERY))
}

/// A channel over whatever `addresses` names, asked anew every `period`.
pub fn balanced(origin: Uri, addresses: impl Resolve, period: Duration) -> Channel {
    let address = origin.authority().map(ToString::to_string).unwrap_or_default();
    let (inner, changes) = tonic::transport::Channel::balance_channel(16);
    let (found, resolved) = tokio::sync::watch::channel(false);
    let endpoint = endpoint(origin);
    tokio::spawn(resolve::follow(addresses, period, endpoint, changes, found));
    Channel { inner, peer: Arc::new(Peer { address, resolved }) }
}

fn parts(url: &str) -> Result<(Uri, String, u16), InvalidPeer> {
    let invalid = || InvalidPeer(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| invalid())?;
    let host = uri.host().ok_or_else(invalid)?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().ok_or_else(invalid)?;
    if uri.scheme_str() != Some("http") {
        return Err(invalid());
    }
    Ok((uri, host, port))
}

/// Settings of one connection. Small windows are enough for small messages and keep an idle service small.
fn endpoint(origin: Uri) -> tonic::transport::Endpoint {
    tonic::transport::Endpoint::from(origin.clone())
        .origin(origin)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        // A peer that vanished without closing is noticed within 15 s even when nothing else would tell.
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Channel").field(&self.peer.address).finish()
    }
}

impl tower::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Readiness is awaited inside the call, where the deadline bounds it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        call::call(self.clone(), request)
    }
}

impl Channel {
    /// Waits until the peer's name has an address, but no longer than a connect may take.
    async fn resolved(&self) -> Result<(), Status> {
        let mut resolved = self.peer.resolved.clone();
        match tokio::time::timeout(CONNECT_TIMEOUT, resolved.wait_for(|found| *found)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(error::status(
                error::DOMAIN,
                Code::Unavailable,
                "PEER_UNAVAILABLE",
                format!("{} has no address", self.peer.address),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_http_host_and_port() {
        assert!(parts("http://identity:7001").is_ok());
        assert_eq!(parts("http://[::1]:7001").unwrap().1, "::1");
        for url in ["identity:7001", "http://identity", "https://identity:7001", "", "tcp://10.0.0.1:1"] {
            assert!(parts(url).is_err(), "{url}");
        }
    }
}
