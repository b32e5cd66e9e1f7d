//! Connections made with one certificate, balanced over the addresses of a name.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use http::{Request, Response, Uri};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::transport::{self, Endpoint};
use tonic::{Code, ConnectError, Status};
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::load::Constant;
use tower::util::{BoxCloneSyncService, BoxService};
use tower::{BoxError, ServiceExt};

use super::connector::Connector;
use super::{CONNECT_TIMEOUT, Inner, resolve};
use crate::error;
use crate::tls::Thumbprint;

/// Addresses that wait to be taken into the balance.
const CHANGES_MAX: usize = 16;
/// Calls that wait for a connection.
const WAITING_MAX: usize = 1024;

type Connections = BoxCloneSyncService<Request<Body>, Response<Body>, Lost>;

/// A call without an answer.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) status: Status,
    /// No peer has seen the call: no connection came about, or it ended before the call was taken.
    pub(super) is_unseen: bool,
}

/// Cheap to clone; the last clone takes its connections along, after their calls.
#[derive(Clone)]
pub(super) struct Pool {
    connections: Connections,
    /// Tells whether the name has any address at this moment.
    resolved: watch::Receiver<bool>,
}

impl Pool {
    pub(super) fn new(channel: &Inner, shown: Option<Thumbprint>) -> Self {
        let (changes, seen) = mpsc::channel(CHANGES_MAX);
        let (found, resolved) = watch::channel(false);
        let (origin, connector) =
            (channel.origin.clone(), Connector::new(channel.secured.clone(), shown, &channel.origin));
        let connect = move |address| connection(&origin, address, connector.clone());
        tokio::spawn(resolve::follow(Arc::clone(&channel.addresses), channel.period, changes, found, connect));
        // Never ends: a stream that ended would be no reason to forget addresses.
        let addresses = ReceiverStream::new(seen).chain(futures_util::stream::pending()).map(Ok::<_, Infallible>);
        let balance = BoxService::new(Balance::new(addresses));
        let connections = Buffer::new(balance, WAITING_MAX).map_err(|error: BoxError| lost(error));
        Self { connections: BoxCloneSyncService::new(connections), resolved }
    }

    /// To send one request over a connection that is ready, or becomes so.
    pub(super) fn connections(&self) -> Connections {
        self.connections.clone()
    }

    pub(super) fn resolved(&self) -> watch::Receiver<bool> {
        self.resolved.clone()
    }
}

/// What became of a call that got no answer: the peer is away, as far as can be told, and the same call may be sent again.
fn lost(cause: BoxError) -> Lost {
    let is_unseen = is_unseen(cause.as_ref());
    let status = Status::from_error(cause);
    let status = match status.code() {
        // tonic calls INTERNAL what the peer's orderly end kept from being taken.
        Code::Internal if is_unseen => away(&status),
        Code::Unknown | Code::Cancelled | Code::Unavailable => away(&status),
        _ => status,
    };
    Lost { status, is_unseen }
}

fn away(cause: &Status) -> Status {
    tracing::debug!(?cause, "no answer from a peer");
    let text = "the connection to a peer was lost or refused";
    error::status(error::DOMAIN, Code::Unavailable, "PEER_UNAVAILABLE", text)
}

/// Whether it is certain that no peer worked on the call: a leaving one refuses connections, and takes no calls after its GOAWAY
/// (RFC 9113, 6.8).
fn is_unseen(cause: &(dyn Error + 'static)) -> bool {
    chain(cause).any(|error| {
        let is_unconnected = error.is::<ConnectError>();
        let is_undispatched = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        let is_refused = error.downcast_ref::<h2::Error>().is_some_and(|error| {
            let left = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
            error.is_remote() && (left || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        });
        is_unconnected || is_undispatched || is_refused
    })
}

fn chain<'a>(cause: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(cause), |error: &&(dyn Error + 'static)| (*error).source())
}

/// The peer at one address, with the peer's name kept as authority. Connects when a call needs it, and again after a loss.
fn connection(origin: &Uri, address: SocketAddr, connector: Connector) -> Option<Constant<transport::Channel, u8>> {
    let endpoint = Endpoint::from(format!("http://{address}").parse::<Uri>().ok()?)
        .origin(origin.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        // A peer that vanished without closing is noticed within 15 s even when nothing else would tell.
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5));
    Some(Constant::new(endpoint.connect_with_connector_lazy(connector), 0))
}
