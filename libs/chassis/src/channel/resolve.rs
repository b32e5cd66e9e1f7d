//! Keeps a channel's set of addresses the same as what its name stands for.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tower::discover::Change;

/// Says which addresses a peer has now.
pub trait Resolve: Send + Sync + 'static {
    fn resolve(&self) -> BoxFuture<'_, io::Result<BTreeSet<SocketAddr>>>;
}

/// The system's resolver; a headless service's name stands for every ready pod.
pub struct Dns {
    host: String,
    port: u16,
}

impl Dns {
    pub fn new(host: String, port: u16) -> Self {
        Self { host, port }
    }
}

impl Resolve for Dns {
    fn resolve(&self) -> BoxFuture<'_, io::Result<BTreeSet<SocketAddr>>> {
        Box::pin(
            async move { Ok(one_family(tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect())) },
        )
    }
}

/// IPv4 where there is any: with both families a pod would count twice, and `localhost` would be half dead.
fn one_family(addresses: BTreeSet<SocketAddr>) -> BTreeSet<SocketAddr> {
    let has_ipv4 = addresses.iter().any(SocketAddr::is_ipv4);
    addresses.into_iter().filter(|address| !has_ipv4 || address.is_ipv4()).collect()
}

/// Runs until the pool is dropped. A failed look-up changes nothing: yesterday's addresses beat none.
pub(super) async fn follow<C>(
    resolver: Arc<dyn Resolve>,
    period: Duration,
    changes: mpsc::Sender<Change<SocketAddr, C>>,
    found: watch::Sender<bool>,
    connect: impl Fn(SocketAddr) -> Option<C> + Send,
) {
    let mut known = BTreeSet::new();
    loop {
        match resolver.resolve().await {
            Ok(current) => {
                // Said first: the balance takes changes in only while calls drive it, and calls wait for this word. The other
                // way round more addresses than the queue holds would wait for a call, and every call for them.
                found.send_replace(!current.is_empty());
                if apply(&connect, &changes, &known, &current).await.is_err() {
                    return;
                }
                known = current;
            }
            Err(error) => tracing::debug!(%error, "name not resolved"),
        }
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = changes.closed() => return,
        }
    }
}

async fn apply<C>(
    connect: impl Fn(SocketAddr) -> Option<C>,
    changes: &mpsc::Sender<Change<SocketAddr, C>>,
    known: &BTreeSet<SocketAddr>,
    current: &BTreeSet<SocketAddr>,
) -> Result<(), mpsc::error::SendError<Change<SocketAddr, C>>> {
    for address in current.difference(known) {
        if let Some(connection) = connect(*address) {
            changes.send(Change::Insert(*address, connection)).await?;
        }
    }
    for address in known.difference(current) {
        changes.send(Change::Remove(*address)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(addresses: &[&str]) -> Vec<String> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        one_family(addresses).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_stands_for_addresses_of_one_family() {
        assert_eq!(kept(&["[::1]:1", "127.0.0.1:1"]), ["127.0.0.1:1"]);
        assert_eq!(kept(&["[::1]:1"]), ["[::1]:1"]);
    }
}
