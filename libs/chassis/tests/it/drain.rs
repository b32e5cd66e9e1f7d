//! How a server ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chassis::Server;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::certificates::Authority;
use crate::support::*;

async fn probe(server: &Running, path: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(server.ops_address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn next(watch: &mut tonic::Streaming<HealthCheckResponse>) -> Result<ServingStatus, tonic::Status> {
    Ok(watch.message().await?.unwrap().status())
}

#[tokio::test]
async fn a_draining_server_says_so_finishes_calls_ends_streams_and_stops_work() {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&is_stopped);
    let server = Server::new("identity", &config()).access(ACCESS).auth(verifier()).work("loop", |stop| async move {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        stopped.store(true, Ordering::SeqCst);
    });
    let server = start(server, "one").await;
    let mut health = HealthClient::new(server.channel());
    let request = HealthCheckRequest { service: String::new() };
    let mut watch = health.watch(request).await.unwrap().into_inner();
    while next(&mut watch).await.unwrap() != ServingStatus::Serving {}

    let mut client = server.client();
    let in_flight = tokio::spawn(async move { client.exchange_token(authorised("sleep 500")).await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    server.stop.cancel();

    assert_eq!(next(&mut watch).await.unwrap(), ServingStatus::NotServing);
    let ended = next(&mut watch).await.unwrap_err();
    assert_eq!((ended.code(), reason(&ended)), (Code::Unavailable, "DRAINING".to_owned()));
    in_flight.await.unwrap().unwrap();
    server.task.await.unwrap().unwrap();
    assert!(is_stopped.load(Ordering::SeqCst));
}

/// A way to a server that is held up, as by a slow network, until it is let through; whoever comes later is sent to another.
async fn held_up(
    first: SocketAddr,
    later: SocketAddr,
    reached: CancellationToken,
    let_through: CancellationToken,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut caller, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(first).await.unwrap();
        reached.cancel();
        tokio::spawn(async move {
            let_through.cancelled().await;
            let _ = tokio::io::copy_bidirectional(&mut caller, &mut server).await;
        });
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut server = TcpStream::connect(later).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut caller, &mut server).await });
        }
    });
    address
}

#[tokio::test]
async fn g11_a_caller_whose_handshake_the_drain_overtakes_loses_no_call() {
    let mesh = Authority::new();
    let served =
        async || start(Server::new("identity", &mesh.server()).access(ACCESS_ANONYMOUS).auth(verifier()), "one").await;
    let (leaving, staying) = (served().await, served().await);
    let (reached, let_through) = (CancellationToken::new(), CancellationToken::new());
    let way = held_up(leaving.address, staying.address, reached.clone(), let_through.clone()).await;
    let tls = mesh.tls("client/bank");
    let client = |address| TokenServiceClient::new(tls.channel("identity", &format!("https://{address}")).unwrap());
    let mut overtaken = client(way);
    let call = tokio::spawn(async move { overtaken.exchange_token(wish("name")).await });
    reached.cancelled().await;
    // By the time another has been served the one before it has been accepted.
    client(leaving.address).exchange_token(wish("name")).await.unwrap();
    leaving.stop.cancel();
    while TcpStream::connect(leaving.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let_through.cancel();
    call.await.unwrap().unwrap();
    leaving.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_that_never_ends_does_not_keep_the_server() {
    let server = started(&chassis::ServerConfig { drain_max_ms: 200, ..config() }).await;
    let mut client = server.client();
    let endless = tokio::spawn(async move { client.exchange_token(authorised("sleep 60000")).await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    server.stop.cancel();
    tokio::time::timeout(Duration::from_secs(1), server.task).await.unwrap().unwrap().unwrap();
    endless.abort();
}

#[tokio::test]
async fn work_that_ends_by_itself_ends_the_server() {
    let server = Server::new("identity", &config()).access(ACCESS).auth(verifier());
    let server = start(server.work("sealer", |_| async {}), "one").await;
    let error = server.task.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("sealer"), "{error}");
}

#[tokio::test]
async fn g9_id_08_work_that_panics_ends_the_server_which_does_not_repeat_what_it_said() {
    let server = Server::new("identity", &config()).access(ACCESS).auth(verifier());
    let server = start(server.work("sealer", |_| async { panic!("nobody is called 钱丹雀") }), "one").await;
    let error = server.task.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    assert!(!format!("{error:?} {error}").contains("钱丹雀"), "{error:?}");
}

#[tokio::test]
async fn a_server_is_alive_before_it_is_ready() {
    let has_database = Arc::new(AtomicBool::new(false));
    let check = Arc::clone(&has_database);
    let server = Server::new("identity", &config()).access(ACCESS).auth(verifier()).ready(move || {
        let is_there = check.load(Ordering::SeqCst);
        async move { if is_there { Ok(()) } else { Err(anyhow::anyhow!("no database")) } }
    });
    let server = start(server, "one").await;
    assert!(probe(&server, "/live").await.starts_with("HTTP/1.1 200"));
    let answer = probe(&server, "/ready").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("no database"), "{answer}");

    has_database.store(true, Ordering::SeqCst);
    assert!(probe(&server, "/ready").await.starts_with("HTTP/1.1 200"));
    let mut health = HealthClient::new(server.channel());
    let service = "anjia.identity.v1.TokenService".to_owned();
    let request = HealthCheckRequest { service };
    let mut watch = health.watch(request).await.unwrap().into_inner();
    while next(&mut watch).await.unwrap() != ServingStatus::Serving {}
}
