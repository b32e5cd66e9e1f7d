//! A wire between a client and a service that can be cut, or swallow answers: what an unreliable network does to calls. It carries bytes and
//! knows no protocol, so TLS passes through it whole.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Everything arrives.
    None,
    /// Requests arrive and are carried out; answers are lost. What is worst: nobody can tell whether it was done.
    AnswersLost,
    /// Nothing arrives, and connections end.
    Cut,
}

const PIECE: usize = 16 * 1024;

/// Dropping it cuts it for good.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    fault: watch::Sender<Fault>,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// To a port on this machine.
    pub async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("a port for the wire")?;
        let own = listener.local_addr()?.port();
        let (fault, faults) = watch::channel(Fault::None);
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self { port: own, fault, accepting: tokio::spawn(accept(listener, to, faults)) })
    }

    /// Where a client connects instead.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn suffer(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.fault.send_replace(Fault::Cut);
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, faults: watch::Receiver<Fault>) {
    loop {
        // A connection that could not be accepted is the client's to try again.
        let Ok((client, _)) = listener.accept().await else { continue };
        let faults = faults.clone();
        tokio::spawn(async move {
            let mut until = faults.clone();
            tokio::select! {
                // Ends in an error where either side does; both ends see it.
                _ = carry(client, to, faults) => {}
                _ = until.wait_for(|fault| *fault == Fault::Cut) => {}
            }
        });
    }
}

async fn carry(client: TcpStream, to: SocketAddr, faults: watch::Receiver<Fault>) -> std::io::Result<()> {
    let server = TcpStream::connect(to).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        there = pass(from_client, to_server, || true) => there,
        back = pass(from_server, to_client, || *faults.borrow() != Fault::AnswersLost) => back,
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    arrives: impl Fn() -> bool,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        if arrives() {
            to.write_all(piece.get(..length).unwrap_or_default()).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut from, mut to) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        port
    }

    async fn said_back(stream: &mut TcpStream) -> Option<u8> {
        stream.write_all(&[7]).await.ok()?;
        tokio::time::timeout(Duration::from_millis(300), stream.read_u8()).await.ok()?.ok()
    }

    #[tokio::test]
    async fn sc_14_a_wire_carries_loses_answers_and_is_cut() {
        let wire = Wire::to(echo().await).await.unwrap();
        let connect = async || TcpStream::connect((Ipv4Addr::LOCALHOST, wire.port())).await.unwrap();
        let mut stream = connect().await;
        assert_eq!(said_back(&mut stream).await, Some(7));
        wire.suffer(Fault::AnswersLost);
        assert_eq!(said_back(&mut stream).await, None);
        wire.suffer(Fault::None);
        assert_eq!(said_back(&mut stream).await, Some(7));
        wire.suffer(Fault::Cut);
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
        assert_eq!(said_back(&mut connect().await).await, None);
        wire.suffer(Fault::None);
        assert_eq!(said_back(&mut connect().await).await, Some(7));
    }
}
