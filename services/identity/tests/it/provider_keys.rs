//! Where a provider's keys come from, and what a wrong file of providers does.

use std::fs;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tonic::Code;

use crate::exchange_token::unauthenticated;
use crate::federation::{ISSUER, claims, file, start};
use crate::provider::Provider;
use crate::support::{World, refused};

#[tokio::test]
async fn id_07_a_providers_keys_are_fetched_rotate_and_may_be_away_slow_or_huge() {
    let (folder, first, second) = (tempfile::tempdir().unwrap(), Provider::new(1), Provider::new(2));
    let served = std::sync::Arc::new(std::sync::Mutex::new((first.jwks(), Duration::ZERO)));
    let serving = std::sync::Arc::clone(&served);
    let keys = Router::new().route(
        "/keys",
        get(move || {
            let (body, delay) = serving.lock().unwrap().clone();
            async move {
                tokio::time::sleep(delay).await;
                body
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let provider = tokio::spawn(async move { axum::serve(listener, keys).await });
    let world = start(folder.path(), &file(&format!("jwks_url = \"http://127.0.0.1:{port}/keys\""))).await;
    let number = world.person("chen").await.number;
    let log_in = async |provider: &Provider| world.log_in(&provider.sign(Some("ed"), &claims(&number))).await;
    // It is asked at most every five seconds.
    let pause = || tokio::time::sleep(Duration::from_millis(5_200));
    let serve = |body: String, delay: Duration| *served.lock().unwrap() = (body, delay);

    serve(" ".repeat(300_000), Duration::ZERO);
    assert_eq!(refused(log_in(&first).await), (Code::Unavailable, "PROVIDER_UNAVAILABLE".to_owned()));
    pause().await;
    serve(first.jwks(), Duration::from_secs(10));
    assert_eq!(refused(log_in(&first).await), (Code::Unavailable, "PROVIDER_UNAVAILABLE".to_owned()));
    pause().await;
    serve(first.jwks(), Duration::ZERO);
    log_in(&first).await.unwrap();
    // The provider goes over to other keys.
    serve(second.jwks(), Duration::ZERO);
    pause().await;
    log_in(&second).await.unwrap();
    assert_eq!(refused(log_in(&first).await), unauthenticated("SUBJECT_TOKEN_INVALID"));
    // Away: what is known goes on.
    provider.abort();
    pause().await;
    log_in(&second).await.unwrap();
}

#[tokio::test]
async fn id_07_a_key_of_one_provider_signs_no_login_of_another() {
    const OTHER: &str = "http://127.0.0.1:9/hospitals";
    let (folder, city, hospitals) = (tempfile::tempdir().unwrap(), Provider::new(1), Provider::new(2));
    fs::write(folder.path().join("city.json"), city.jwks()).unwrap();
    fs::write(folder.path().join("hospitals.json"), hospitals.jwks().replace("\"ed\"", "\"ed-2\"")).unwrap();
    let of_city = file("jwks_file = \"city.json\"");
    let of_hospitals =
        file("jwks_file = \"hospitals.json\"").replace("\"city\"", "\"hospitals\"").replace(ISSUER, OTHER);
    let world = start(folder.path(), &format!("{of_city}{of_hospitals}")).await;
    let number = world.person("chen").await.number;
    let said_by = |issuer: &str, subject: &str| {
        let mut claims = claims(&number);
        (claims["iss"], claims["sub"]) = (issuer.into(), subject.into());
        claims
    };
    // Each under its own name.
    world.log_in(&city.sign(Some("ed"), &said_by(ISSUER, "u-1"))).await.unwrap();
    world.log_in(&hospitals.sign(Some("ed-2"), &said_by(OTHER, "h-1"))).await.unwrap();
    for (what, token) in [
        ("the other's key under the other's kid", hospitals.sign(Some("ed-2"), &said_by(ISSUER, "u-1"))),
        ("the other's key under its own kid", hospitals.sign(Some("ed"), &said_by(ISSUER, "u-1"))),
        ("the other way round", city.sign(Some("ed"), &said_by(OTHER, "h-1"))),
        ("the other way round, under its kid", city.sign(Some("ed-2"), &said_by(OTHER, "h-1"))),
    ] {
        assert_eq!(refused(world.log_in(&token).await), unauthenticated("SUBJECT_TOKEN_INVALID"), "{what}");
    }
}

#[tokio::test]
async fn id_07_a_wrong_file_of_providers_stops_the_start_and_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start().await;
    let path = folder.path().join("providers.toml");
    fs::write(&path, file("jwks_file = \"jwks.json\"").replace("development = true", "")).unwrap();
    let error = identity::app::Federation::load(Some(&path), true).err().unwrap();
    let error = format!("{error:#}");
    assert!(error.contains("providers.toml") && error.contains("provider[0].issuer"), "{error}");
    fs::write(&path, file("jwks_file = \"jwks.json\"")).unwrap();
    let elsewhere = format!("{:#}", identity::app::Federation::load(Some(&path), false).err().unwrap());
    assert!(elsewhere.contains("provider[0].development"), "{elsewhere}");
    fs::write(folder.path().join("jwks.json"), r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AAAA"}]}"#)
        .unwrap();
    let short = format!("{:#}", identity::app::Federation::load(Some(&path), true).err().unwrap());
    assert!(short.contains("jwks.json") && short.contains("32 bytes"), "{short}");
    // Without a file nobody but registered clients gets a token.
    let token = Provider::new(1).sign(Some("ed"), &claims("1"));
    assert_eq!(refused(world.log_in(&token).await), unauthenticated("PROVIDER_UNKNOWN"));
}
