//! Certificates that change while calls go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chassis::auth::{Claims, Confirmation};
use chassis::{Credentials, Server};
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use types::clock::SystemClock;

use crate::certificates::Authority;
use crate::support::*;

const HOUR: Duration = Duration::from_hours(1);
/// Files are looked at every second.
const TAKEN_UP: Duration = Duration::from_millis(1_300);

async fn served(mesh: &Authority) -> Running {
    start(Server::new("identity", &mesh.server()).access(ACCESS_ANONYMOUS).auth(verifier()), "one").await
}

#[tokio::test]
async fn f20_a_rotation_under_load_fails_no_call() {
    let mesh = Authority::new();
    let identity = served(&mesh).await;
    let tls = mesh.tls("client/bank");
    let channel = tls.channel("identity", &format!("https://{}", identity.address)).unwrap();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let (mut client, stop, answered) =
                (TokenServiceClient::new(channel.clone()), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    client.exchange_token(wish("name")).await.unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    let before = tls.own().unwrap().thumbprint;
    for _ in 0..3 {
        mesh.issue("service/identity", HOUR);
        mesh.issue("client/bank", HOUR);
        tokio::time::sleep(TAKEN_UP).await;
        let so_far = answered.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(answered.load(Ordering::Relaxed) > so_far, "the load stands still");
    }
    stop.store(true, Ordering::Relaxed);
    for calls in load {
        calls.await.unwrap();
    }
    assert_ne!(tls.own().unwrap().thumbprint, before);
}

#[tokio::test]
async fn f20_a_token_stays_good_after_its_certificate_was_replaced() {
    let mesh = Authority::new();
    let tls = mesh.tls("client/bank");
    let old = tls.own().unwrap().thumbprint;
    let server = start(Server::new("identity", &mesh.server()).access(ACCESS).auth(verifier()), "one").await;
    let channel = tls.channel("identity", &format!("https://{}", server.address)).unwrap();

    // An identity that gives a token bound to the old certificate.
    let issuing = start(Server::new("identity", &config()).access(ACCESS_ANONYMOUS).auth(verifier()), "identity").await;
    let key_file = mesh.file("key");
    std::fs::write(&key_file, trusted().pem()).unwrap();
    let bound = trusted().sign(&Claims { cnf: Some(Confirmation { thumbprint: old }), ..claims() });
    let credentials = Credentials::load(bound_wish(&bound), &key_file, issuing.channel(), Arc::new(SystemClock));
    let ctx = credentials.unwrap().own().await.unwrap();

    let mut client = TokenServiceClient::new(channel);
    client.exchange_token(ctx.request(wish("name").into_inner())).await.unwrap();
    let new = mesh.issue("client/bank", HOUR);
    tokio::time::sleep(TAKEN_UP).await;
    assert_eq!(tls.own().unwrap().thumbprint, new);
    client.exchange_token(ctx.request(wish("name").into_inner())).await.unwrap();

    // The same token by hand goes over the new certificate, and is good for nothing.
    let refused = client.exchange_token(as_bearer(wish("name"), &bound)).await.unwrap_err();
    assert_eq!(reason(&refused), "TOKEN_BOUND_ELSEWHERE");
}

#[tokio::test]
async fn files_that_cannot_be_used_change_nothing() {
    let mesh = Authority::new();
    let identity = served(&mesh).await;
    let tls = mesh.tls("client/bank");
    let before = tls.own().unwrap();
    let whole = std::fs::read_to_string(mesh.file("client/bank")).unwrap();
    let key_at = whole.find("-----BEGIN PRIVATE").unwrap();
    mesh.issue("client/clinic", HOUR);
    let of_another = std::fs::read_to_string(mesh.file("client/clinic")).unwrap();
    let other_key = &of_another[of_another.find("-----BEGIN PRIVATE").unwrap()..];

    let broken =
        [String::new(), whole[..key_at].to_owned(), format!("{}{other_key}", &whole[..key_at]), of_another.clone()];
    for text in broken {
        mesh.write("client/bank", &text);
        mesh.write("service/identity", &text);
        tokio::time::sleep(TAKEN_UP).await;
        assert_eq!(tls.own().unwrap(), before);
        let mut client =
            TokenServiceClient::new(tls.channel("identity", &format!("https://{}", identity.address)).unwrap());
        client.exchange_token(wish("name")).await.unwrap();
    }
    let mended = mesh.issue("client/bank", HOUR);
    tokio::time::sleep(TAKEN_UP).await;
    assert_eq!(tls.own().unwrap().thumbprint, mended);
}
