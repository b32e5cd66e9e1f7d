//! Callers that come through the gateway, and others who say they do.

use std::time::Duration;

use chassis::Tls;
use chassis::auth::{Claims, Confirmation};
use chassis::tls::Thumbprint;
use chassis::{Server, ServerConfig};
use tonic::{Code, Request};
use types::caller::{Party, Role};
use types::ids::ResidentId;

use crate::certificates::Authority;
use crate::support::*;

const HEADER: &str = "x-forwarded-client-cert";

fn token(sub: Party, bound_to: Option<Thumbprint>) -> String {
    let cnf = bound_to.map(|thumbprint| Confirmation { thumbprint });
    trusted().sign(&Claims { sub, roles: vec![Role::Resident], cnf, ..claims() })
}

fn resident() -> Party {
    Party::Resident(ResidentId::generate())
}

/// As Envoy writes it.
fn told(authority: &Authority, name: &str) -> String {
    let pem = std::fs::read_to_string(authority.file(name)).unwrap();
    let certificate = pem.split("-----BEGIN PRIVATE KEY").next().unwrap().replace('\n', "%0A");
    format!("By=spiffe://anjia.internal/service/gateway;Hash=00;Chain=\"{certificate}\"")
}

/// The reason of the refusal, or that there was none.
async fn outcome(server: &Running, over: &Tls, token: &str, told: Option<&str>) -> Result<(), (Code, String)> {
    let channel = over.channel("identity", &format!("https://{}", server.address)).unwrap();
    let mut client = proto::anjia::identity::v1::token_service_client::TokenServiceClient::new(channel);
    let mut request: Request<_> = as_bearer(wish("name"), token);
    if let Some(told) = told {
        request.metadata_mut().insert(HEADER, told.parse().unwrap());
    }
    client.exchange_token(request).await.map(drop).map_err(|status| (status.code(), reason(&status)))
}

async fn served(config: &ServerConfig) -> Running {
    start(Server::new("identity", config).access(ACCESS).auth(verifier()), "one").await
}

fn refused(reason: &str) -> Result<(), (Code, String)> {
    Err((Code::Unauthenticated, reason.to_owned()))
}

#[tokio::test]
async fn pl_03_through_the_gateway_a_token_is_good_with_the_certificate_it_is_bound_to() {
    let mesh = Authority::new();
    let server = served(&mesh.server()).await;
    let gateway = mesh.tls("service/gateway");
    let bank = mesh.issue("client/bank", Duration::from_hours(1));
    mesh.issue("client/clinic", Duration::from_hours(1));
    let bound = token(resident(), Some(bank));

    let own = outcome(&server, &gateway, &bound, Some(&told(&mesh, "client/bank"))).await;
    assert_eq!(own, Ok(()));
    let elsewhere = outcome(&server, &gateway, &bound, Some(&told(&mesh, "client/clinic"))).await;
    assert_eq!(elsewhere, refused("TOKEN_BOUND_ELSEWHERE"));
    let unbound = outcome(&server, &gateway, &token(resident(), None), Some(&told(&mesh, "client/bank"))).await;
    assert_eq!(unbound, refused("TOKEN_NOT_BOUND"));
}

#[tokio::test]
async fn pl_03_through_the_gateway_without_a_certificate_a_bound_token_and_a_machines_are_refused() {
    let mesh = Authority::new();
    let server = served(&mesh.server()).await;
    let gateway = mesh.tls("service/gateway");
    assert_eq!(outcome(&server, &gateway, &token(resident(), None), None).await, Ok(()));
    let bound = token(resident(), Some(Thumbprint::of(b"somebody's")));
    assert_eq!(outcome(&server, &gateway, &bound, None).await, refused("TOKEN_BOUND_ELSEWHERE"));
    // Bound to the gateway's own: it has no token, and nobody has one by it.
    let stolen = token(resident(), gateway.own().map(|own| own.thumbprint));
    assert_eq!(outcome(&server, &gateway, &stolen, None).await, refused("TOKEN_BOUND_ELSEWHERE"));
    let machine = token(Party::Client("bank".to_owned()), None);
    assert_eq!(outcome(&server, &gateway, &machine, None).await, refused("TOKEN_NOT_BOUND"));
}

#[tokio::test]
async fn pl_03_a_forged_header_of_anybody_else_is_not_even_read() {
    let mesh = Authority::new();
    let server = served(&mesh.server()).await;
    let bank = mesh.issue("client/bank", Duration::from_hours(1));
    let (bound, forged) = (token(resident(), Some(bank)), told(&mesh, "client/bank"));
    let clinic = mesh.tls("client/clinic");
    assert_eq!(outcome(&server, &clinic, &bound, Some(&forged)).await, refused("TOKEN_BOUND_ELSEWHERE"));
    let own = token(resident(), clinic.own().map(|own| own.thumbprint));
    assert_eq!(outcome(&server, &clinic, &own, Some(&forged)).await, Ok(()), "it is the clinic all the same");
    // A service stays within its list.
    let payment = outcome(&server, &mesh.tls("service/payment"), &bound, Some(&forged)).await;
    assert_eq!(payment, Err((Code::PermissionDenied, "PEER_NOT_PERMITTED".to_owned())));
}

#[tokio::test]
async fn pl_03_the_gateway_is_believed_no_certificate_that_would_not_be_let_in() {
    let (mesh, partner, foreign) = (Authority::new(), Authority::new(), Authority::new());
    let mut config = mesh.server();
    config.tls.tls_partner_ca_file = Some(partner.ca());
    let server = served(&config).await;
    let gateway = mesh.tls("service/gateway");
    let known = partner.issue("", Duration::from_hours(1));
    let bound = token(resident(), Some(known));
    assert_eq!(outcome(&server, &gateway, &bound, Some(&told(&partner, ""))).await, Ok(()));

    mesh.issue("service/referral", Duration::from_hours(1));
    for (authority, name) in [(&foreign, "client/bank"), (&partner, "client/bank"), (&mesh, "service/referral")] {
        let thumbprint = match name {
            "service/referral" => Tls::load(&mesh.config_of(name)).unwrap().own().unwrap().thumbprint,
            _ => authority.issue(name, Duration::from_hours(1)),
        };
        let told = told(authority, name);
        let got = outcome(&server, &gateway, &token(resident(), Some(thumbprint)), Some(&told)).await;
        assert_eq!(got, refused("CERTIFICATE_INVALID"), "{name}");
    }
    for nonsense in ["", "Hash=00", "Chain=\"%0A\"", "URI=spiffe://anjia.internal/client/bank"] {
        let got = outcome(&server, &gateway, &bound, Some(nonsense)).await;
        assert_eq!(got, refused("CERTIFICATE_INVALID"), "{nonsense}");
    }
}
