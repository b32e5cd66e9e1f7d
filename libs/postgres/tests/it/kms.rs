//! A key management service over HTTP, in the words of a transit engine: a small real server that can be slow, refuse and fail.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use postgres::{
    Database, Error, PostgresConfig,
    vault::{Cell, HttpKms, KeyProvider, KmsConfig, ProviderError, Secret, VaultConfig},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::harness::{BEIJING, MIGRATOR, TestDb};

const TOKEN: &str = "s.token-of-the-test";

#[derive(Default)]
struct Kms {
    /// By ciphertext: plaintext and associated data.
    wrapped: Mutex<HashMap<String, (String, String)>>,
    asked: AtomicU32,
    /// So many calls more fail.
    failing: AtomicU32,
    slow: Option<Duration>,
}

async fn transit(
    State(kms): State<Arc<Kms>>,
    Path((verb, key)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    kms.asked.fetch_add(1, Ordering::SeqCst);
    if let Some(slow) = kms.slow {
        tokio::time::sleep(slow).await;
    }
    if kms.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    if headers.get("x-vault-token").and_then(|token| token.to_str().ok()) != Some(TOKEN) || key != "anjia" {
        return Err(StatusCode::FORBIDDEN);
    }
    let text = |name: &str| body[name].as_str().map(str::to_owned).ok_or(StatusCode::BAD_REQUEST);
    let mut wrapped = kms.wrapped.lock().unwrap();
    if verb == "encrypt" {
        let ciphertext = format!("vault:v2:{}", Uuid::now_v7());
        wrapped.insert(ciphertext.clone(), (text("plaintext")?, text("associated_data")?));
        return Ok(Json(json!({ "data": { "ciphertext": ciphertext, "key_version": 2 } })));
    }
    let (plaintext, associated) = wrapped.get(&text("ciphertext")?).ok_or(StatusCode::BAD_REQUEST)?;
    if *associated != text("associated_data")? {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Json(json!({ "data": { "plaintext": plaintext } })))
}

struct Server {
    kms: Arc<Kms>,
    config: KmsConfig,
    _token: tempfile::NamedTempFile,
}

async fn start(kms: Kms) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let kms = Arc::new(kms);
    let router = Router::new().route("/v1/transit/{verb}/{key}", post(transit)).with_state(Arc::clone(&kms));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), format!("{TOKEN}\n")).unwrap();
    let config = KmsConfig {
        kms_url: Some(url),
        kms_key: "anjia".to_owned(),
        kms_mount: "transit".to_owned(),
        kms_token_file: Some(token.path().to_owned()),
        kms_timeout_ms: 200,
    };
    Server { kms, config, _token: token }
}

#[tokio::test]
async fn id_08_a_kms_wraps_and_unwraps_for_the_key_that_is_named() {
    let server = start(Kms::default()).await;
    let kms = HttpKms::new(&server.config).unwrap();
    let secret = Secret::generate();
    let wrapped = kms.wrap("data_keys|110000|1", &secret).await.unwrap();
    assert_eq!(wrapped.provider_key, "kms:anjia:v2");
    assert_eq!(kms.open("data_keys|110000|1", &wrapped).await.unwrap().expose(), secret.expose());
    let moved = kms.open("data_keys|310000|1", &wrapped).await;
    assert!(matches!(moved, Err(ProviderError::Refused(_))), "{moved:?}");
}

#[tokio::test]
async fn id_08_a_kms_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let server = start(Kms { failing: AtomicU32::new(2), ..Kms::default() }).await;
    let kms = HttpKms::new(&server.config).unwrap();
    kms.wrap("data_keys|110000|1", &Secret::generate()).await.unwrap();
    assert_eq!(server.kms.asked.load(Ordering::SeqCst), 3);

    let stranger = HttpKms::new(&KmsConfig { kms_key: "other".to_owned(), ..server.config.clone() }).unwrap();
    let refused = stranger.wrap("data_keys|110000|1", &Secret::generate()).await.unwrap_err();
    assert!(matches!(refused, ProviderError::Refused(_)), "{refused:?}");
    assert!(!refused.to_string().contains(TOKEN));
    assert_eq!(server.kms.asked.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn id_08_a_kms_that_does_not_answer_is_given_up_in_time() {
    let server = start(Kms { slow: Some(Duration::from_secs(5)), ..Kms::default() }).await;
    let kms = HttpKms::new(&server.config).unwrap();
    let asked_at = std::time::Instant::now();
    let error = kms.wrap("data_keys|110000|1", &Secret::generate()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unreachable(_)), "{error:?}");
    assert!(asked_at.elapsed() < Duration::from_secs(4), "{:?}", asked_at.elapsed());
    assert!(Error::from(error).is_unavailable());
}

#[tokio::test]
async fn id_08_once_unwrapped_keys_outlive_the_kms_and_a_start_without_it_is_not_ready() {
    let test = TestDb::new().await;
    let server = start(Kms::default()).await;
    let vault = VaultConfig { wrapping_key_file: None, kms: server.config.clone() };
    let config = PostgresConfig { vault, ..test.config() };
    let db = Database::connect(&config).await.unwrap();
    let cell = Cell { table: "notes", column: "text", row: Uuid::nil() };
    let keys = db.begin(BEIJING).await.unwrap().keys().unwrap();
    let sealed = keys.seal(cell, "陈桂英").unwrap();
    let asked = server.kms.asked.load(Ordering::SeqCst);

    server.kms.failing.store(u32::MAX, Ordering::SeqCst);
    let again = db.begin(BEIJING).await.unwrap().keys().unwrap();
    assert_eq!(again.open(cell, again.version(), &sealed).unwrap(), "陈桂英");
    db.ready(&MIGRATOR).await.unwrap();
    assert_eq!(server.kms.asked.load(Ordering::SeqCst), asked, "keys in memory are not asked for again");

    let late = Database::connect(&config).await.unwrap();
    assert!(matches!(late.ready(&MIGRATOR).await, Err(Error::Keys(ProviderError::Unreachable(_)))));
    server.kms.failing.store(0, Ordering::SeqCst);
    late.ready(&MIGRATOR).await.unwrap();
}
