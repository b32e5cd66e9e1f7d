//! What comes to a port that speaks TLS and is none.

use std::time::{Duration, Instant};

use chassis::Server;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::certificates::Authority;
use crate::support::*;

async fn served(mesh: &Authority) -> Running {
    start(Server::new("identity", &mesh.server()).access(ACCESS_ANONYMOUS).auth(verifier()), "one").await
}

async fn is_served(mesh: &Authority, server: &Running) {
    let tls = mesh.tls("client/bank");
    let channel = tls.channel("identity", &format!("https://{}", server.address)).unwrap();
    TokenServiceClient::new(channel).exchange_token(wish("name")).await.unwrap();
}

#[tokio::test]
async fn noise_and_plain_text_get_no_answer_and_hurt_nobody() {
    let mesh = Authority::new();
    let server = served(&mesh).await;
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let noise = [
        http2,
        b"GET /live HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        vec![0x16, 3, 1, 0xff, 0xff],
        vec![0; 100_000],
        (0..=255).cycle().take(5_000).collect(),
    ];
    for bytes in noise {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        // The server may hang up before all is sent.
        let _ = socket.write_all(&bytes).await;
        let _ = socket.shutdown().await;
        let mut answer = vec![];
        let _ = socket.read_to_end(&mut answer).await;
        // At most a TLS alert, never a word of HTTP.
        assert!(answer.len() <= 7 && !answer.starts_with(b"HTTP"), "{answer:?}");
    }
    is_served(&mesh, &server).await;
}

#[tokio::test]
async fn handshakes_that_never_end_keep_nobody_out_and_are_ended() {
    let mesh = Authority::new();
    let server = served(&mesh).await;
    let mut idle = vec![];
    for _ in 0..300 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(&[0x16, 3, 1]).await.unwrap();
        idle.push(socket);
    }
    let begun = Instant::now();
    is_served(&mesh, &server).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());

    let mut last = idle.pop().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(7), last.read(&mut [0; 16])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}
