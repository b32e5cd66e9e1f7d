//! Where calls go.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chassis::Server;
use chassis::channel::{Dns, Resolve, balanced};
use futures_util::future::BoxFuture;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::certificates::Authority;
use crate::support::*;

/// A name whose addresses a test changes.
#[derive(Clone, Default)]
struct Name(Arc<Mutex<BTreeSet<SocketAddr>>>);

impl Name {
    fn set(&self, address: SocketAddr) {
        *self.0.lock().unwrap() = BTreeSet::from([address]);
    }
}

impl Resolve for Name {
    fn resolve(&self) -> BoxFuture<'_, io::Result<BTreeSet<SocketAddr>>> {
        let addresses = self.0.lock().unwrap().clone();
        Box::pin(async move { Ok(addresses) })
    }
}

async fn named(name: &'static str) -> Running {
    start(Server::new("identity", &config()).access(ACCESS).auth(verifier()), name).await
}

#[tokio::test]
async fn a_channel_follows_a_name_to_its_new_address() {
    let (old, new) = (named("old").await, named("new").await);
    let name = Name::default();
    name.set(old.address);
    let channel = balanced("http://identity:1".parse().unwrap(), name.clone(), Duration::from_millis(50));
    let mut client = TokenServiceClient::new(channel);
    let answer = client.exchange_token(authorised("name")).await.unwrap().into_inner();
    assert_eq!(answer.access_token, "old");

    name.set(new.address);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answer = client.exchange_token(authorised("name")).await.unwrap().into_inner();
    assert_eq!(answer.access_token, "new");
}

#[tokio::test]
async fn a_name_may_stand_for_any_number_of_addresses() {
    let mut pods = vec![];
    for _ in 0..20 {
        pods.push(named("pod").await);
    }
    let name = Name::default();
    *name.0.lock().unwrap() = pods.iter().map(|pod| pod.address).collect();
    let channel = balanced("http://identity:1".parse().unwrap(), name, Duration::from_millis(50));
    TokenServiceClient::new(channel).exchange_token(authorised("name")).await.unwrap();
}

#[tokio::test]
async fn a_dead_peer_is_unavailable_soon_and_a_peer_that_comes_back_is_used() {
    let server = named("first").await;
    let name = Name::default();
    name.set("127.0.0.1:1".parse().unwrap());
    let channel = balanced("http://identity:1".parse().unwrap(), name.clone(), Duration::from_millis(50));
    let mut client = TokenServiceClient::new(channel);
    let begun = Instant::now();
    let status = client.exchange_token(authorised("name")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(begun.elapsed() < Duration::from_millis(1500));

    name.set(server.address);
    tokio::time::sleep(Duration::from_millis(200)).await;
    client.exchange_token(authorised("name")).await.unwrap();
}

#[tokio::test]
async fn a_name_that_still_stands_for_a_replica_that_has_left_costs_nobody_a_call() {
    let server = named("here").await;
    let name = Name::default();
    *name.0.lock().unwrap() = BTreeSet::from([server.address, "127.0.0.1:1".parse().unwrap()]);
    let channel = balanced("http://identity:1".parse().unwrap(), name, Duration::from_millis(50));
    let callers = (0..4).map(|_| {
        let mut client = TokenServiceClient::new(channel.clone());
        tokio::spawn(async move {
            for _ in 0..100 {
                client.exchange_token(authorised("name")).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

/// Refuses every call, before it looked at it, and counts them.
async fn refusing() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, refused) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&refused);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut answer))) = connection.accept().await {
                    counted.fetch_add(1, Ordering::Relaxed);
                    answer.send_reset(h2::Reason::REFUSED_STREAM);
                }
            });
        }
    });
    (address, refused)
}

#[tokio::test]
async fn a_peer_that_refuses_every_call_is_not_asked_a_multiple_of_them() {
    const CALLS: usize = 500;
    let (address, refused) = refusing().await;
    let name = Name::default();
    name.set(address);
    let channel = balanced("http://identity:1".parse().unwrap(), name, Duration::from_millis(50));
    let calls = (0..CALLS).map(|_| {
        let mut client = TokenServiceClient::new(channel.clone());
        tokio::spawn(async move { client.exchange_token(authorised("name")).await.unwrap_err().code() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), Code::Unavailable);
    }
    let refused = refused.load(Ordering::Relaxed);
    // Some are repeated; all of them four times would be 2 500.
    assert!((CALLS + 1..2 * CALLS).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a_peer_that_ends_every_handshake_is_tried_twice() {
    let mesh = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tried = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tried);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            drop(stream);
        }
    });
    let channel = mesh.tls("client/bank").channel("identity", &format!("https://{address}")).unwrap();
    let status = TokenServiceClient::new(channel).exchange_token(wish("name")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "PEER_UNAVAILABLE".to_owned()));
    assert_eq!(tried.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_name_without_an_address_is_unavailable() {
    let mut client = TokenServiceClient::new(balanced(
        "http://no-such-host.invalid:1".parse().unwrap(),
        Dns::new("no-such-host.invalid".to_owned(), 1),
        Duration::from_secs(2),
    ));
    let begun = Instant::now();
    let status = client.exchange_token(authorised("name")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "PEER_UNAVAILABLE".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_restarted_peer_is_reached_again_on_the_same_address() {
    let first = named("first").await;
    let mut client = first.client();
    client.exchange_token(authorised("name")).await.unwrap();
    let address = first.address;
    first.stop.cancel();
    first.task.await.unwrap().unwrap();

    let again = Server::new("identity", &chassis::ServerConfig { listen: address, ..config() });
    let _again = start(again.access(ACCESS).auth(verifier()), "again").await;
    let answer = client.exchange_token(authorised("name")).await.unwrap().into_inner();
    assert_eq!(answer.access_token, "again");
}

#[tokio::test]
async fn g11_replicas_leave_one_after_the_other_and_no_call_fails() {
    const CALLERS: usize = 8;
    let name = Name::default();
    let mut pods = VecDeque::from([named("pod").await, named("pod").await]);
    let publish = |pods: &VecDeque<Running>| {
        *name.0.lock().unwrap() = pods.iter().map(|pod| pod.address).collect();
    };
    publish(&pods);
    let channel = balanced("http://identity:1".parse().unwrap(), name.clone(), Duration::from_millis(50));
    let (stop, answered) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (channel, stop, answered) = (channel.clone(), stop.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut client = TokenServiceClient::new(channel);
                while !stop.is_cancelled() {
                    client.exchange_token(authorised("sleep 3")).await.expect("no call fails");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..10 {
        let so_far = answered.load(Ordering::Relaxed);
        pods.push_back(named("pod").await);
        publish(&pods);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let leaving = pods.pop_front().unwrap();
        leaving.stop.cancel();
        leaving.task.await.unwrap().unwrap();
        // Its name remembers it for a while, as names do.
        tokio::time::sleep(Duration::from_millis(200)).await;
        publish(&pods);
        assert!(answered.load(Ordering::Relaxed) > so_far + CALLERS, "the load stands still");
    }
    stop.cancel();
    for caller in load {
        caller.await.unwrap();
    }
}
