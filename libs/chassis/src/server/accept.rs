//! Connections as they come in: a handshake each, beside the others, within a time; one that dawdles keeps nobody out.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::tls::{Peer, Tls};

/// An honest handshake takes milliseconds.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// Handshakes at once. Past it the oldest gives way: it is the slowest.
const HANDSHAKES_MAX: usize = 256;
/// What a handshake that had begun before the drain may still take.
const LAST_HANDSHAKES: Duration = Duration::from_millis(500);
/// After the system refused a connection, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection whose other side is known.
pub(super) struct Connection {
    stream: Box<dyn Wire>,
    peer: Option<Peer>,
}

/// Takes connections until the drain. Then the port is closed, and the stream ends once nothing is under way: a caller whose
/// handshake was accepted is served and told to go like every other, and one that comes later is refused and goes elsewhere.
pub(super) fn connections(
    listener: TcpListener,
    tls: Tls,
    draining: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (taken, connections) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            () = accept(listener, tls, taken, draining.clone()) => {}
            () = draining.cancelled() => {}
        }
    });
    ReceiverStream::new(connections)
}

async fn accept(
    listener: TcpListener,
    tls: Tls,
    taken: mpsc::Sender<io::Result<Connection>>,
    draining: CancellationToken,
) {
    let mut under_way: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        under_way.retain(|handshake| !handshake.is_finished());
        if under_way.len() >= HANDSHAKES_MAX
            && let Some(oldest) = under_way.pop_front()
        {
            oldest.abort();
        }
        let (tls, taken, draining) = (tls.clone(), taken.clone(), draining.clone());
        let handshake = tokio::spawn(async move {
            let begun = tokio::select! {
                begun = begin(stream, &tls) => begun,
                () = too_late(&draining) => return tracing::debug!("a handshake took too long"),
            };
            match begun {
                // Only a server that is gone does not take it.
                Ok(connection) => drop(taken.send(Ok(connection)).await),
                // Anybody can send noise: it is worth no more than this.
                Err(error) => tracing::debug!(%error, "a handshake failed"),
            }
        });
        under_way.push_back(handshake.abort_handle());
    }
}

async fn too_late(draining: &CancellationToken) {
    let drained = async {
        draining.cancelled().await;
        tokio::time::sleep(LAST_HANDSHAKES).await;
    };
    let _ = tokio::time::timeout(HANDSHAKE_LIMIT, drained).await;
}

async fn begin(stream: TcpStream, tls: &Tls) -> io::Result<Connection> {
    // Small messages must not wait for their companions.
    stream.set_nodelay(true)?;
    let Some(material) = tls.current() else {
        return Ok(Connection { stream: Box::new(stream), peer: None });
    };
    let config = material.server().ok_or_else(|| io::Error::other("no certificate to serve with"))?;
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.ok_or_else(|| io::Error::other("no client certificate"))?;
    let peer = Some(material.peer(certificate));
    Ok(Connection { stream: Box::new(stream), peer })
}

impl Connected for Connection {
    type ConnectInfo = Option<Peer>;

    fn connect_info(&self) -> Option<Peer> {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
