//! Who is who behind the gateway: tokens, certificates, and those who claim them.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use mesh_tests::{City, RestCaller};
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::{ListOrganisationsRequest, OrganisationKind};
use testkit::reason;
use tonic::Request;

const ORGANISATIONS: &str = "/v1/organisations?kind=ORGANISATION_KIND_PROVIDER";
const ORDERS: &str = "/v1/bank/orders:query";
/// At once, again and again, until it is too often.
const CALLS_AT_ONCE: usize = 50;
const ROUNDS_MAX: usize = 200;

async fn refusal(caller: &RestCaller, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = caller.send_with("post", ORDERS, Some("{}".to_owned()), headers).await;
    (answer.status, answer.reason().to_owned())
}

#[tokio::test]
async fn pl_03_a_token_is_good_as_it_was_asked_for_and_a_forged_certificate_is_nobodys() {
    let Some((city, rest)) = City::behind_gateway().await else { return };
    let bank = rest.partner("bank").await;
    assert_eq!(bank.send("post", ORDERS, Some("{}".to_owned())).await.status, 200);
    let token = bank.token.as_deref();

    // Its token with another's certificate, or none.
    let elsewhere = (401, "TOKEN_BOUND_ELSEWHERE".to_owned());
    assert_eq!(refusal(&rest.certified("hospital").with_token(token), &[]).await, elsewhere);
    assert_eq!(refusal(&rest.nobody().with_token(token), &[]).await, elsewhere);
    // Whoever says that they came with the bank's certificate.
    let forged = forged(&city);
    for caller in [rest.nobody(), rest.certified("hospital")] {
        let got = refusal(&caller.with_token(token), &[("x-forwarded-client-cert", &forged)]).await;
        assert_eq!(got, elsewhere);
    }
    assert!(rest.uncertified().try_send("post", ORDERS, Some("{}".to_owned()), &[]).await.is_err());

    // A machine's token that is bound to nothing, and a person's over a certificate.
    assert_eq!(refusal(&rest.app("bank").await, &[]).await, (401, "TOKEN_NOT_BOUND".to_owned()));
    let worker = rest.app("worker").await;
    assert_eq!(worker.send("get", ORGANISATIONS, None).await.status, 200);
    let got = rest.certified("app").with_token(worker.token.as_deref()).send("get", ORGANISATIONS, None).await;
    assert_eq!((got.status, got.reason()), (401, "TOKEN_NOT_BOUND"));
    direct(&city, token.expect("a token"), &forged).await;
}

/// Past the gateway: a client, and a service, that say they speak for the bank.
async fn direct(city: &City, token: &str, forged: &str) {
    for (pod, refused) in [("hospital", "TOKEN_BOUND_ELSEWHERE"), ("payment", "PEER_NOT_PERMITTED")] {
        let channel = city.mesh.fleet().channel_as(pod, "identity").expect("a channel");
        let mut request = Request::new(ListOrganisationsRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        request.metadata_mut().insert("x-forwarded-client-cert", forged.parse().expect("a header"));
        let status = OrganisationServiceClient::new(channel).list_organisations(request).await.expect_err("forged");
        assert_eq!(reason(&status), refused, "{pod}");
    }
}

/// What the gateway would tell of the bank.
fn forged(city: &City) -> String {
    let pem = std::fs::read_to_string(city.mesh.fleet().keys().certificates().of("bank").expect("a certificate"));
    let pem = pem.expect("it is readable");
    let certificate = pem.split("-----BEGIN PRIVATE KEY").next().unwrap_or_default().replace('\n', "%0A");
    format!("By=spiffe://anjia.internal/service/gateway;Hash=00;Chain=\"{certificate}\"")
}

#[tokio::test]
async fn pl_03_grpc_passes_the_gateway_with_a_certificate_and_its_token() {
    let Some((city, rest)) = City::behind_gateway().await else { return };
    let gateway = city.mesh.gateway().expect("it was asked for").partners_url;
    let fleet = city.mesh.fleet();
    let everybody = devstack::Everybody::new(fleet.keys().clone());
    let channel = everybody.channel_as("operator", "gateway", &gateway).expect("a channel");
    let token = rest.partner("operator").await.token.expect("a token");
    let list = |token: &str| {
        let kind = OrganisationKind::Provider.into();
        let mut request = Request::new(ListOrganisationsRequest { kind, ..ListOrganisationsRequest::default() });
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        request
    };
    let mut organisations = OrganisationServiceClient::new(channel);
    let found = organisations.list_organisations(list(&token)).await.expect("listed").into_inner();
    assert_eq!(found.organisations.len(), 2);
    let stolen = rest.partner("bank").await.token.expect("a token");
    let status = organisations.list_organisations(list(&stolen)).await.expect_err("another's");
    assert_eq!(reason(&status), "TOKEN_BOUND_ELSEWHERE");
}

#[tokio::test]
async fn pl_03_the_published_keys_are_a_key_set_and_the_document_is_served() {
    let Some((_city, rest)) = City::behind_gateway().await else { return };
    let keys = rest.nobody().send("get", "/v1/keys", None).await;
    let key = &keys.body["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"]),
        (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into()),
        "{keys:?}"
    );
    let x = key["x"].as_str().and_then(|x| URL_SAFE_NO_PAD.decode(x).ok());
    assert_eq!(x.map(|x| x.len()), Some(32), "{keys:?}");
    let worker = rest.app("worker").await.token.expect("a token");
    let header = jsonwebtoken::decode_header(&worker).expect("a token");
    assert_eq!(header.kid.as_deref(), key["kid"].as_str());
    let served = rest.nobody().send("get", "/openapi.json", None).await;
    assert_eq!((served.status, served.body), (200, mesh_tests::document()));
}

#[tokio::test]
async fn pl_03_who_calls_too_often_is_told_and_nobody_else() {
    let Some((_city, rest)) = City::behind_gateway().await else { return };
    let (eager, calm) = (rest.app("worker").await, rest.app("clinic").await);
    assert_eq!(in_a_rush(&eager, &[]).await, served_and_refused());
    assert_eq!(calm.send("get", ORGANISATIONS, None).await.status, 200);
}

#[tokio::test]
async fn pl_03_who_shows_no_token_that_the_gateway_checks_is_counted_by_address_whatever_the_header_says() {
    let Some((_city, rest)) = City::behind_gateway().await else { return };
    let (worker, nobody) = (rest.app("worker").await, rest.nobody());
    let token = worker.token.as_deref().expect("a token");
    let lower = format!("bearer {token}");
    // The scheme's case does not matter to a service.
    let got = nobody.send_with("get", ORGANISATIONS, None, &[("authorization", &lower)]).await;
    assert_eq!(got.status, 200, "{got:?}");
    for shown in [None, Some("noise"), Some(lower.as_str())] {
        let headers: Vec<(&str, &str)> = shown.map(|shown| ("authorization", shown)).into_iter().collect();
        let told = in_a_rush(&nobody, &headers).await;
        assert!(told.is_subset(&served_and_refused()), "{headers:?}: {told:?}");
        assert!(told.iter().any(|(status, _)| *status == 429), "{headers:?}: {told:?}");
    }
    // From the same address: a token that is checked counts by itself, and one that fails is not let in as nobody's.
    assert_eq!(worker.send("get", ORGANISATIONS, None).await.status, 200);
    let failed = worker.with_token(Some("noise")).send("get", "/v1/keys", None).await;
    assert_eq!((failed.status, failed.reason()), (401, "TOKEN_INVALID"));
}

pub(super) async fn in_a_rush(caller: &RestCaller, headers: &[(&str, &str)]) -> BTreeSet<(u16, String)> {
    let mut told = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let calls = (0..CALLS_AT_ONCE).map(|_| caller.send_with("get", "/v1/keys", None, headers));
        let answers = join_all(calls).await;
        told.extend(answers.iter().map(|answer| (answer.status, answer.reason().to_owned())));
        if told.iter().any(|(status, _)| *status == 429) {
            break;
        }
    }
    told
}

/// Nothing else is told to who calls too often.
fn served_and_refused() -> BTreeSet<(u16, String)> {
    [(200, String::new()), (429, "RATE_LIMITED".to_owned())].into()
}
