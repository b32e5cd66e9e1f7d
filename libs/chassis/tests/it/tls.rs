//! Who is let in by certificate, and whom a channel takes for the service it means.

use std::time::Duration;

use chassis::auth::{Claims, Confirmation};
use chassis::channel::Channel;
use chassis::tls::{Thumbprint, TlsConfig};
use chassis::{Routes, Server, ServerConfig, Tls};
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::anjia::identity::v1::token_service_server::TokenServiceServer;
use tonic::{Code, Status};
use types::caller::{Party, Role};
use types::ids::ResidentId;

use crate::certificates::Authority;
use crate::support::*;

const HOUR: Duration = Duration::from_hours(1);

/// Lets referral ask for tokens, and payment for nothing.
const ACCESS_OF_PEERS: &str = r#"
    ["anjia.identity.v1.TokenService/ExchangeToken"]
    roles = ["resident", "service:referral"]
    object = "subject"
    ["anjia.identity.v1.TokenService/GetKeys"]
    anonymous = true
    ["anjia.identity.v1.TokenService/RevokeToken"]
    anonymous = true
    ["anjia.identity.v1.TokenService/LiftRevocation"]
    anonymous = true
    ["anjia.identity.v1.TokenService/PullRevocations"]
    anonymous = true
    [peers]
    referral = ["anjia.identity.v1.TokenService/ExchangeToken"]
"#;

async fn served(config: &ServerConfig) -> Running {
    start(Server::new("identity", config).access(ACCESS_OF_PEERS).auth(verifier()), "one").await
}

impl Running {
    fn over(&self, tls: &Tls) -> TokenServiceClient<Channel> {
        self.meant_as("identity", tls)
    }

    fn meant_as(&self, service: &str, tls: &Tls) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(tls.channel(service, &format!("https://{}", self.address)).unwrap())
    }
}

/// A resident's token, bound to a certificate or to none.
fn token(bound_to: Option<Thumbprint>) -> String {
    let cnf = bound_to.map(|thumbprint| Confirmation { thumbprint });
    trusted().sign(&Claims {
        sub: Party::Resident(ResidentId::generate()),
        roles: vec![Role::Resident],
        cnf,
        ..claims()
    })
}

async fn call(client: &mut TokenServiceClient<Channel>, token: &str) -> Result<(), Status> {
    client.exchange_token(as_bearer(wish("name"), token)).await.map(drop)
}

/// The connection came to nothing: nobody on the other side said why.
#[track_caller]
fn assert_no_connection(outcome: Result<(), Status>) {
    let status = outcome.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "PEER_UNAVAILABLE".to_owned()), "{status:?}");
}

#[tokio::test]
async fn a_token_is_good_over_the_certificate_it_is_bound_to() {
    let mesh = Authority::new();
    let server = served(&mesh.server()).await;
    let (bank, clinic) = (mesh.tls("client/bank"), mesh.tls("client/clinic"));
    let bound = token(Some(bank.own().unwrap().thumbprint));

    call(&mut server.over(&bank), &bound).await.unwrap();
    let stolen = call(&mut server.over(&clinic), &bound).await.unwrap_err();
    assert_eq!((stolen.code(), reason(&stolen).as_str()), (Code::Unauthenticated, "TOKEN_BOUND_ELSEWHERE"));
    let unbound = call(&mut server.over(&bank), &token(None)).await.unwrap_err();
    assert_eq!((unbound.code(), reason(&unbound).as_str()), (Code::Unauthenticated, "TOKEN_NOT_BOUND"));
}

#[tokio::test]
async fn a_bound_token_is_worth_nothing_in_plain_text() {
    let server = started(&config()).await;
    let status = call(&mut server.client(), &token(Some(Thumbprint::of(b"somebody")))).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_BOUND_ELSEWHERE");
}

#[tokio::test]
async fn a_service_carries_tokens_and_calls_what_is_listed_for_it() {
    let mesh = Authority::new();
    let server = served(&mesh.server()).await;
    let carried = token(Some(Thumbprint::of(b"the resident's")));
    let (referral, payment) = (mesh.tls("service/referral"), mesh.tls("service/payment"));

    call(&mut server.over(&referral), &carried).await.unwrap();
    let get_keys = server.over(&referral).get_keys(proto::anjia::identity::v1::GetKeysRequest {}).await;
    let unlisted = call(&mut server.over(&payment), &carried).await;
    for refused in [get_keys.map(drop), unlisted] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "PEER_NOT_PERMITTED"));
    }
}

#[tokio::test]
async fn without_a_certificate_nobody_is_let_in() {
    let mesh = Authority::new();
    let server = served(&mesh.server()).await;
    let nobody = TlsConfig { tls_ca_file: Some(mesh.ca()), ..TlsConfig::default() };
    let mut client = server.over(&Tls::load(&nobody).unwrap());
    assert_no_connection(call(&mut client, &token(None)).await);
}

#[tokio::test]
async fn a_certificate_of_another_ca_counts_for_nothing_on_either_side() {
    let (mesh, foreign) = (Authority::new(), Authority::new());
    let server = served(&mesh.server()).await;
    let guest = TlsConfig { tls_ca_file: Some(mesh.ca()), ..foreign.config("service/referral") };
    assert_no_connection(call(&mut server.over(&Tls::load(&guest).unwrap()), &token(None)).await);

    let impostor = served(&foreign.server()).await;
    assert_no_connection(call(&mut impostor.over(&mesh.tls("service/referral")), &token(None)).await);
}

#[tokio::test]
async fn another_service_is_not_the_service_that_is_meant() {
    let mesh = Authority::new();
    let server = served(&mesh.server()).await;
    let referral = mesh.tls("service/referral");
    assert_no_connection(call(&mut server.meant_as("payment", &referral), &token(None)).await);
    call(&mut server.meant_as("identity", &referral), &token(None)).await.unwrap();
}

#[tokio::test]
async fn an_expired_certificate_lets_nobody_in() {
    let mesh = Authority::new();
    let server = served(&mesh.server()).await;
    mesh.issue("service/referral", Duration::from_secs(2));
    let lapsing = Tls::load(&mesh.config_of("service/referral")).unwrap();
    call(&mut server.over(&lapsing), &token(None)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    assert_no_connection(call(&mut server.over(&lapsing), &token(None)).await);
    let refused = Tls::load(&mesh.config_of("service/referral")).err().unwrap().to_string();
    assert!(refused.contains("not valid now"), "{refused}");
}

#[tokio::test]
async fn a_partner_is_known_by_thumbprint_and_speaks_for_nobody() {
    let (mesh, bank) = (Authority::new(), Authority::new());
    let mut config = mesh.server();
    config.tls.tls_partner_ca_file = Some(bank.ca());
    let server = served(&config).await;

    let thumbprint = bank.issue("", HOUR);
    let own = TlsConfig { tls_ca_file: Some(mesh.ca()), ..bank.config_of("") };
    let own = Tls::load(&own).unwrap();
    assert_eq!(own.own().unwrap().name, None);
    call(&mut server.over(&own), &token(Some(thumbprint))).await.unwrap();

    for name in ["service/referral", "client/clinic"] {
        let pretender = TlsConfig { tls_ca_file: Some(mesh.ca()), ..bank.config(name) };
        assert_no_connection(call(&mut server.over(&Tls::load(&pretender).unwrap()), &token(None)).await);
    }
}

#[tokio::test]
async fn beyond_loopback_a_server_needs_its_own_certificate() {
    let refused = async |config: &ServerConfig| {
        let routes = Routes::new().add_service(TokenServiceServer::new(Handler { name: "one", ..Handler::default() }));
        let server = Server::new("identity", config).access(ACCESS).auth(verifier());
        server.bind(routes).await.err().unwrap().to_string()
    };
    let everywhere = ServerConfig { listen: "0.0.0.0:0".parse().unwrap(), ..config() };
    assert!(refused(&everywhere).await.contains("TLS_CERT_FILE"));

    let mesh = Authority::new();
    let of_another = ServerConfig { tls: mesh.config("service/payment"), ..config() };
    assert!(refused(&of_another).await.contains("service/payment"));
    let of_nobody = TlsConfig { tls_ca_file: Some(mesh.ca()), ..TlsConfig::default() };
    assert!(refused(&ServerConfig { tls: of_nobody, ..config() }).await.contains("there is no certificate"));
}
