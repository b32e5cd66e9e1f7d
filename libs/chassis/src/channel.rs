//! Channels to peers: balanced over every address of a name, with the caller's deadline and trace context on each call.
//!
//! A connection is made when the first call needs it, so a peer that is away never stops a start-up; a peer that does not answer
//! the connect in a second makes the call fail with UNAVAILABLE, which the caller may retry. A call that no peer has seen, since the
//! connection was refused or ended before it was taken, is sent again here, a few times within a second and within a budget, at another
//! address if there is one. Connections are mutual TLS, and only with the service that is meant; plain text goes to loopback and nowhere else.

mod address;
mod budget;
mod call;
mod connector;
mod pool;
mod resolve;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use tonic::body::Body;
use tonic::{Code, Status};

use budget::Budget;
use pool::Pool;
pub use resolve::{Dns, Resolve};

use crate::error;
use crate::tls::{Thumbprint, Tls, Wallet};

/// How often a name is looked up again: a pod that left is out of the balance this soon.
const RESOLVE_EVERY: Duration = Duration::from_secs(2);
/// A peer that does not accept a connection in this time counts as away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Deadline of a unary call whose caller set none.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);

/// An address that no channel can be made for. Its text never says which: a URL may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPeer {
    #[error("not a peer's address (expected https://host:port)")]
    Address,
    #[error("plain text is for loopback")]
    PlainText,
    #[error("this process has no certificates to call peers with: set TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE")]
    NoCertificates,
}

/// A balanced channel to one peer, to build generated clients on. Cheap to clone.
#[derive(Clone)]
pub struct Channel(Arc<Inner>);

struct Inner {
    /// `host:port`, for spans.
    address: String,
    origin: Uri,
    addresses: Arc<dyn Resolve>,
    period: Duration,
    /// The service that is meant, and the certificates to show it; none over loopback.
    secured: Option<(String, Wallet)>,
    /// One for each certificate in use: mostly one, two for a while after a rotation.
    pools: Mutex<Vec<(Option<Thumbprint>, Pool)>>,
    budget: Budget,
}

impl Tls {
    /// A channel to a service at `https://host:port`, following what DNS says about the host; to `http://` on loopback in plain
    /// text. Must be called within a runtime.
    pub fn channel(&self, service: &str, url: &str) -> Result<Channel, InvalidPeer> {
        Wallet::new(self.clone()).channel(service, url)
    }
}

impl Wallet {
    /// As [`Tls::channel`], for every caller whose certificates are in here.
    pub fn channel(&self, service: &str, url: &str) -> Result<Channel, InvalidPeer> {
        let (origin, host, port) = parts(url)?;
        let is_tls = origin.scheme_str() == Some("https");
        if is_tls && self.is_plain() {
            return Err(InvalidPeer::NoCertificates);
        }
        let secured = is_tls.then(|| (service.to_owned(), self.clone()));
        Ok(Channel::new(origin, Arc::new(Dns::new(host, port)), RESOLVE_EVERY, secured))
    }
}

/// A plain text channel to `http://host:port` on loopback.
pub fn connect(url: &str) -> Result<Channel, InvalidPeer> {
    Wallet::default().channel("", url)
}

/// A plain text channel over whatever `addresses` names, asked anew every `period`.
pub fn balanced(origin: Uri, addresses: impl Resolve, period: Duration) -> Channel {
    Channel::new(origin, Arc::new(addresses), period, None)
}

fn parts(url: &str) -> Result<(Uri, String, u16), InvalidPeer> {
    let uri: Uri = url.parse().map_err(|_| InvalidPeer::Address)?;
    let host = uri.host().ok_or(InvalidPeer::Address)?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().ok_or(InvalidPeer::Address)?;
    match uri.scheme_str() {
        Some("https") => Ok((uri, host, port)),
        Some("http") if is_loopback(&host) => Ok((uri, host, port)),
        Some("http") => Err(InvalidPeer::PlainText),
        _ => Err(InvalidPeer::Address),
    }
}

/// For settings: the address of a peer, as a channel can be made for it.
pub fn peer(url: &str) -> Result<String, InvalidPeer> {
    parts(url).map(|_| url.to_owned())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Channel").field(&self.0.address).finish()
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
    fn new(origin: Uri, addresses: Arc<dyn Resolve>, period: Duration, secured: Option<(String, Wallet)>) -> Self {
        let address = origin.authority().map(ToString::to_string).unwrap_or_default();
        Self(Arc::new(Inner {
            address,
            origin,
            addresses,
            period,
            secured,
            pools: Mutex::default(),
            budget: Budget::new(),
        }))
    }

    /// The connections over which a call goes whose token is bound to this certificate.
    fn pool(&self, bound_to: Option<Thumbprint>) -> Pool {
        let wallet = self.0.secured.as_ref().map(|(_, wallet)| wallet);
        let shown = wallet.and_then(|wallet| wallet.choose(bound_to)?.thumbprint());
        let mut pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pool)) = pools.iter().find(|(key, _)| *key == shown) {
            return pool.clone();
        }
        // Connections of certificates that nobody has any more; their calls still end.
        pools.retain(|(key, _)| {
            wallet.is_none_or(|wallet| wallet.choose(*key).is_some_and(|held| held.thumbprint() == *key))
        });
        let pool = Pool::new(&self.0, shown);
        pools.push((shown, pool.clone()));
        pool
    }

    /// Waits until the peer's name has an address, but no longer than a connect may take.
    async fn resolved(&self, pool: &Pool) -> Result<(), Status> {
        let mut resolved = pool.resolved();
        match tokio::time::timeout(CONNECT_TIMEOUT, resolved.wait_for(|found| *found)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(error::status(
                error::DOMAIN,
                Code::Unavailable,
                "PEER_UNAVAILABLE",
                format!("{} has no address", self.0.address),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_scheme_host_and_port() {
        assert!(parts("http://127.0.0.1:7001").is_ok());
        assert_eq!(parts("https://[::1]:7001").unwrap().1, "::1");
        for url in ["identity:7001", "http://identity", "", "tcp://10.0.0.1:1"] {
            assert!(matches!(parts(url), Err(InvalidPeer::Address)), "{url}");
        }
    }

    #[tokio::test]
    async fn plain_text_is_for_loopback() {
        for url in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
            assert!(connect(url).is_ok(), "{url}");
        }
        for url in ["http://identity:1", "http://10.0.0.1:1", "http://localhost.example.org:1"] {
            assert!(matches!(connect(url), Err(InvalidPeer::PlainText)), "{url}");
        }
        assert!(matches!(connect("https://identity:1"), Err(InvalidPeer::NoCertificates)));
    }
}
