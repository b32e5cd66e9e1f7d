//! Who is let in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::auth::{Actor, Claims, KeySet, Revocation, Revocations, Revoked, Verified};
use chassis::{Mandate, Routes, Server, Verifier};
use proto::anjia::identity::v1::GetKeysRequest;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::anjia::identity::v1::token_service_server::TokenServiceServer;
use tokio::net::TcpListener;
use tonic::{Code, Request, Status};
use types::caller::{Party, Role};
use types::clock::{Clock, FixedClock, SystemClock};
use types::ids::{MandateId, ReferralId, ResidentId};
use types::mandate::{Terms, Work};
use types::region::RegionCode;

use crate::support::*;

#[tokio::test]
async fn only_a_valid_token_says_who_calls() {
    let server = started(&config()).await;
    let mut client = server.client();

    let missing = client.exchange_token(wish("name")).await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing)), (Code::Unauthenticated, "TOKEN_MISSING".to_owned()));

    let expired = Claims { exp: SystemClock.now().timestamp() - 1, ..claims() };
    let other_audience = Claims { aud: "elsewhere".to_owned(), ..claims() };
    let other_issuer = Claims { iss: "somebody".to_owned(), ..claims() };
    let resident = Party::Resident(ResidentId::generate());
    let service_role_of_a_resident = Claims { sub: resident, ..claims() };
    let issued_ahead = Claims { iat: SystemClock.now().timestamp() + 60, ..claims() };
    let links = (0..3).fold(None, |behind: Option<Box<Actor>>, _| {
        Some(Box::new(Actor { act: behind, ..Actor::new(Party::Client("desk".to_owned())) }))
    });
    let acting_too_deep = Claims { act: links.map(|chain| *chain), ..claims() };
    let oversized = Claims { methods: Some(vec!["x".repeat(9_000)]), ..claims() };
    let refused = [
        (trusted().sign(&expired), "TOKEN_EXPIRED"),
        (trusted().sign(&other_audience), "TOKEN_INVALID"),
        (trusted().sign(&other_issuer), "TOKEN_INVALID"),
        (trusted().sign(&service_role_of_a_resident), "TOKEN_INVALID"),
        (trusted().sign(&issued_ahead), "TOKEN_INVALID"),
        (trusted().sign(&acting_too_deep), "TOKEN_INVALID"),
        (trusted().sign(&oversized), "TOKEN_INVALID"),
        (trusted().without_key_id(&claims()), "TOKEN_INVALID"),
        (trusted().unsigned(&claims()), "TOKEN_INVALID"),
        (trusted().with_public_key_as_secret(&claims()), "TOKEN_INVALID"),
        (Signer::new("trusted", 8).sign(&claims()), "TOKEN_INVALID"),
        (Signer::new("unknown", 7).sign(&claims()), "TOKEN_INVALID"),
        ("nonsense".to_owned(), "TOKEN_INVALID"),
    ];
    for (token, expected) in refused {
        let status = client.exchange_token(as_bearer(wish("name"), &token)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, expected));
    }

    client.exchange_token(authorised("name")).await.unwrap();
}

#[tokio::test]
async fn rf_04_a_service_goes_on_with_named_methods_under_the_terms_of_a_mandate_or_not_at_all() {
    let server = started(&config()).await;
    let terms = Terms { id: MandateId::generate(), work: Work::Referral(ReferralId::generate()), credit: None };
    let going_on = Claims {
        sub: Party::Resident(ResidentId::generate()),
        act: Some(Actor::new(Party::Service("referral".to_owned()))),
        mandate: Some(terms),
        methods: Some(vec!["anjia.identity.v1.TokenService/ExchangeToken".to_owned()]),
        ..claims()
    };
    let ask = async |claims: Claims| {
        server.client().exchange_token(as_bearer(wish("name"), &trusted().sign(&claims))).await.map(drop)
    };
    for lacking in [Claims { methods: None, ..going_on.clone() }, Claims { mandate: None, ..going_on.clone() }] {
        let refused = ask(lacking).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));
    }
    ask(going_on).await.unwrap();
}

#[tokio::test]
async fn a_method_is_for_the_roles_it_names() {
    let server = started(&config()).await;
    let resident = Claims { sub: Party::Resident(ResidentId::generate()), roles: vec![Role::Resident], ..claims() };
    let token = trusted().sign(&resident);

    server.client().exchange_token(as_bearer(wish("name"), &token)).await.unwrap();
    let status = server.client().get_keys(as_bearer(Request::new(GetKeysRequest {}), &token)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(reason(&status), "METHOD_NOT_PERMITTED");
}

#[tokio::test]
async fn a_continuation_covers_the_methods_it_names() {
    let server = started(&config()).await;
    let continuation = Claims { methods: Some(vec!["anjia.identity.v1.TokenService/GetKeys".to_owned()]), ..claims() };
    let token = trusted().sign(&continuation);

    server.client().get_keys(as_bearer(Request::new(GetKeysRequest {}), &token)).await.unwrap();
    let status = server.client().exchange_token(as_bearer(wish("name"), &token)).await.unwrap_err();
    assert_eq!(reason(&status), "METHOD_NOT_PERMITTED");
}

#[tokio::test]
async fn a_server_with_an_rpc_without_an_entry_does_not_start() {
    let incomplete = r#"
        ["anjia.identity.v1.TokenService/GetKeys"]
        anonymous = true
    "#;
    let routes = Routes::new().add_service(TokenServiceServer::new(Handler { name: "one", ..Handler::default() }));
    let server = Server::new("identity", &config()).access(incomplete).auth(verifier());
    let refused = server.bind(routes).await.err().unwrap().to_string();
    assert!(refused.contains("anjia.identity.v1.TokenService/ExchangeToken: no entry"), "{refused}");
}

#[tokio::test]
async fn services_obtain_tokens_and_verify_them_with_published_keys() {
    let identity =
        start(Server::new("identity", &config()).access(ACCESS_ANONYMOUS).auth(verifier()), "identity").await;
    let clock = Arc::new(SystemClock);
    let credentials = credentials(identity.channel(), clock.clone());
    let remote = Verifier::remote(identity.channel(), credentials.clone(), clock);
    let peer = start(Server::new("payment", &config()).access(ACCESS).auth(remote), "peer").await;

    let own = credentials.own().await.unwrap();
    assert_eq!(own.caller.service(), Some("referral"));
    let answer = peer.client().exchange_token(own.request(wish("name").into_inner())).await.unwrap();
    assert_eq!(answer.into_inner().access_token, "peer");
    assert_eq!(credentials.own().await.unwrap().caller, own.caller);

    let mandate = Mandate {
        id: MandateId::generate(),
        region: RegionCode::BEIJING,
        methods: vec!["anjia.identity.v1.TokenService/GetKeys".to_owned()],
    };
    let continuing = credentials.continuation(&mandate).await.unwrap();
    peer.client().get_keys(continuing.request(GetKeysRequest {})).await.unwrap();
}

#[tokio::test]
async fn without_keys_a_token_is_neither_good_nor_bad() {
    let nobody = chassis::channel::connect("http://127.0.0.1:1").unwrap();
    let clock = Arc::new(SystemClock);
    let remote = Verifier::remote(nobody.clone(), credentials(nobody, clock.clone()), clock);
    let server = start(Server::new("payment", &config()).access(ACCESS).auth(remote), "one").await;
    let status = TokenServiceClient::new(server.channel()).exchange_token(authorised("name")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "KEYS_UNAVAILABLE".to_owned()));
}

#[tokio::test]
async fn whoever_waited_for_keys_does_not_ask_in_turn() {
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let identity = chassis::channel::connect(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let clock = Arc::new(SystemClock);
    let remote = Verifier::remote(identity.clone(), credentials(identity, clock.clone()), clock);
    let token = trusted().sign(&claims());

    let begun = Instant::now();
    let waiting = (0..5).map(|_| remote.verify(&token));
    for outcome in futures_util::future::join_all(waiting).await {
        assert_eq!(reason(&outcome.unwrap_err()), "KEYS_UNAVAILABLE");
    }
    assert!(begun.elapsed() < Duration::from_millis(3_500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn while_identity_is_away_a_service_keeps_its_token_to_the_end() {
    let identity =
        start(Server::new("identity", &config()).access(ACCESS_ANONYMOUS).auth(verifier()), "identity").await;
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    let credentials = credentials(identity.channel(), clock.clone());
    let first = credentials.own().await.unwrap();
    identity.stop.cancel();
    identity.task.await.unwrap().unwrap();

    clock.set(first.caller.expires_at - chrono::TimeDelta::seconds(10));
    assert_eq!(credentials.own().await.unwrap().caller, first.caller);
    clock.set(first.caller.expires_at);
    assert_eq!(credentials.own().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn id_07_a_token_taken_back_is_refused_by_every_service_within_two_seconds() {
    let revocations = Arc::new(Revocations::default());
    revocations.learn([], 0, SystemClock.now());
    let server = Server::new("identity", &config()).access(ACCESS_ANONYMOUS).auth(verifier());
    let handler = Handler { name: "identity", revocations: Arc::clone(&revocations), ..Handler::default() };
    let identity = start_with(server, handler).await;
    let clock = Arc::new(SystemClock);
    let follow = || Verifier::remote(identity.channel(), credentials(identity.channel(), clock.clone()), clock.clone());

    let remote = follow();
    let token = trusted().sign(&Claims {
        jti: "stolen".to_owned(),
        sub: Party::Client("desk".to_owned()),
        roles: vec![Role::Operator],
        ..claims()
    });
    remote.verify(&token).await.unwrap();
    let of = Revoked::Token("stolen".to_owned());
    revocations.learn(
        [Revocation { id: "1".to_owned(), revision: 1, of, revoked_at: SystemClock.now() }],
        1,
        SystemClock.now(),
    );
    let revoked_at = Instant::now();
    while remote.verify(&token).await.is_ok() {
        assert!(revoked_at.elapsed() < Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refused = |outcome: Result<Verified, Status>| reason(&outcome.unwrap_err());
    assert_eq!(refused(remote.verify(&token).await), "TOKEN_REVOKED");
    // One that starts now does not let it in either, not for a moment.
    assert_eq!(refused(follow().verify(&token).await), "TOKEN_REVOKED");
}

#[tokio::test]
async fn id_07_a_service_that_has_read_a_part_of_the_revocations_answers_nobody_yet() {
    let revocations = Arc::new(Revocations::default());
    let now = SystemClock.now();
    let revoked = ["first", "second", "stolen"].into_iter().zip(1..).map(|(id, revision)| {
        let of = Revoked::Token(id.to_owned());
        Revocation { id: revision.to_string(), revision, of, revoked_at: now }
    });
    revocations.learn(revoked, 3, now);
    let server = Server::new("identity", &config()).access(ACCESS_ANONYMOUS).auth(verifier());
    let identity = start_with(server, Handler { name: "identity", revocations, one_by_one: true }).await;
    let clock = Arc::new(SystemClock);
    let remote = Verifier::remote(identity.channel(), credentials(identity.channel(), clock.clone()), clock);

    let token = trusted().sign(&Claims { jti: "stolen".to_owned(), ..claims() });
    let begun = Instant::now();
    assert_eq!(reason(&remote.verify(&token).await.unwrap_err()), "TOKEN_REVOKED");
    assert!(begun.elapsed() > Duration::from_millis(300), "it waited for the last part");
    assert_eq!(*remote.revocations().known().borrow(), Some(3));
}

#[tokio::test]
async fn id_07_a_remembered_token_is_refused_once_its_key_is_removed_or_its_time_has_come() {
    let (keys, revocations) = (keys(), Arc::new(Revocations::default()));
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    revocations.learn([], 0, clock.now());
    let verifier = Verifier::local(keys.clone(), revocations, clock.clone());
    let token = trusted().sign(&claims());
    verifier.verify(&token).await.unwrap();

    keys.replace(KeySet::default());
    assert_eq!(reason(&verifier.verify(&token).await.unwrap_err()), "TOKEN_INVALID");
    keys.replace(KeySet::new(&[trusted().public()]).unwrap());
    verifier.verify(&token).await.unwrap();
    clock.set(SystemClock.now() + chrono::TimeDelta::seconds(301));
    assert_eq!(reason(&verifier.verify(&token).await.unwrap_err()), "TOKEN_EXPIRED");
}
