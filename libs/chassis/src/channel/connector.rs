//! Makes one connection: TCP, and mutual TLS on it unless it is to loopback in plain text.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::ConnectError;
use tower::BoxError;

use crate::tls::{Thumbprint, Wallet};

/// Bytes of a connection, encrypted or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// The peer took the connection, and TLS on it did not come about.
#[derive(Debug, thiserror::Error)]
#[error("no TLS with a peer: {0}")]
pub(super) struct Unsecured(#[source] io::Error);

#[derive(Clone)]
pub(super) struct Connector {
    secured: Option<(String, Wallet)>,
    shown: Option<Thumbprint>,
    host: Arc<str>,
}

impl Connector {
    pub(super) fn new(secured: Option<(String, Wallet)>, shown: Option<Thumbprint>, origin: &Uri) -> Self {
        let host = origin.host().unwrap_or_default().trim_matches(['[', ']']).into();
        Self { secured, shown, host }
    }

    async fn connect(self, address: Uri) -> Result<Box<dyn Wire>, BoxError> {
        let authority = address.authority().map(ToString::to_string).unwrap_or_default();
        let stream = TcpStream::connect(authority).await?;
        // Small messages must not wait for their companions.
        stream.set_nodelay(true)?;
        let Some((service, wallet)) = &self.secured else {
            return Ok(Box::new(stream));
        };
        // Looked up for each connection: what CAs are believed may have changed since the last one.
        let material = wallet.choose(self.shown).ok_or("no certificates")?;
        let config = material.client(service)?;
        let host = ServerName::try_from(self.host.to_string())?;
        let stream = TlsConnector::from(Arc::new(config)).connect(host, stream).await.map_err(|error| {
            // The caller learns only that the peer is away; what is wrong with a certificate an operator must be told.
            tracing::warn!(service, %error, "no TLS with a peer");
            Unsecured(error)
        })?;
        Ok(Box::new(stream))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Wire>>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let connecting = self.clone().connect(address);
        Box::pin(async move { connecting.await.map(TokioIo::new).map_err(ConnectError) })
    }
}
