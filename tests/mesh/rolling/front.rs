//! One address for the replicas of a service, as a cluster gives them: a new connection goes to one that is ready.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Whose turn is next stands first.
#[derive(Clone, Default)]
pub(super) struct Ready(Arc<Mutex<VecDeque<SocketAddr>>>);

impl Ready {
    pub(super) fn set(&self, replica: SocketAddr, is_ready: bool) {
        let mut ready = self.0.lock().expect("nobody panics with it");
        ready.retain(|known| *known != replica);
        if is_ready {
            ready.push_back(replica);
        }
    }

    fn next(&self) -> Option<SocketAddr> {
        let mut ready = self.0.lock().expect("nobody panics with it");
        let next = ready.pop_front()?;
        ready.push_back(next);
        Some(next)
    }
}

/// Forwards until it is dropped.
pub(super) struct Front(JoinHandle<()>);

impl Front {
    pub(super) async fn listen(address: &str, ready: Ready) -> Self {
        let listener = TcpListener::bind(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        Self(tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                // Without anybody ready the connection ends at once.
                if let Some(replica) = ready.next() {
                    tokio::spawn(forward(client, replica));
                }
            }
        }))
    }
}

async fn forward(mut client: TcpStream, replica: SocketAddr) {
    if let Ok(mut replica) = TcpStream::connect(replica).await {
        let _ = client.set_nodelay(true);
        let _ = replica.set_nodelay(true);
        // Either side may end it as it likes.
        let _ = copy_bidirectional(&mut client, &mut replica).await;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.0.abort();
    }
}
