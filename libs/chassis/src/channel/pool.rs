//! Connections made with one certificate, balanced over the addresses of a name.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use futures_util::StreamExt;
use http::{Request, Response};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::{Code, ConnectError, Status};
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::util::{BoxCloneSyncService, BoxService};
use tower::{BoxError, ServiceExt};

use super::address::Address;
use super::connector::{Connector, Unsecured};
use super::{Inner, resolve};
use crate::error;
use crate::tls::Thumbprint;

/// Addresses that wait to be taken into the balance.
const CHANGES_MAX: usize = 16;
/// Calls that wait for a connection.
const WAITING_MAX: usize = 1024;

type Connections = BoxCloneSyncService<Request<Body>, Response<Body>, Lost>;

/// How often a call is sent that no peer has seen.
const TRIES: u32 = 5;
/// The same where the peer was there and a connection did not come about: it may have left just then, and more often it says the same again.
const TRIES_UNSECURED: u32 = 2;

/// A call without an answer.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) status: Status,
    /// How often it may be sent in all: once, unless no peer has seen it, since no connection came about or it ended before the call
    /// was taken.
    pub(super) tries_max: u32,
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
        let connect = move |address| Address::new(&origin, address, connector.clone());
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
    let tries_max = tries_max(cause.as_ref());
    let status = Status::from_error(cause);
    let status = match status.code() {
        // tonic calls INTERNAL what the peer's orderly end kept from being taken.
        Code::Internal if tries_max > 1 => away(&status),
        Code::Unknown | Code::Cancelled | Code::Unavailable => away(&status),
        _ => status,
    };
    Lost { status, tries_max }
}

fn away(cause: &Status) -> Status {
    tracing::debug!(?cause, "no answer from a peer");
    let text = "the connection to a peer was lost or refused";
    error::status(error::DOMAIN, Code::Unavailable, "PEER_UNAVAILABLE", text)
}

/// More than one only where it is certain that no peer worked on the call: a leaving one refuses connections, and takes no calls after
/// its GOAWAY (RFC 9113, 6.8).
pub(super) fn tries_max(cause: &(dyn Error + 'static)) -> u32 {
    let is_unseen = chain(cause).any(|error| {
        let is_unconnected = error.is::<ConnectError>();
        let is_undispatched = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        let is_refused = error.downcast_ref::<h2::Error>().is_some_and(|error| {
            let left = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
            error.is_remote() && (left || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        });
        is_unconnected || is_undispatched || is_refused
    });
    if !is_unseen {
        return 1;
    }
    if chain(cause).any(<dyn Error>::is::<Unsecured>) { TRIES_UNSECURED } else { TRIES }
}

fn chain<'a>(cause: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(cause), |error: &&(dyn Error + 'static)| (*error).source())
}
