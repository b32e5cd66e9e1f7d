//! Clients whom their certificate proves, without key or assertion.

use chassis::auth::Claims;
use chassis::tls::Thumbprint;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::anjia::identity::v1::{ExchangeTokenRequest, ListOrganisationsRequest};
use tonic::{Code, Request, Status};

use crate::support::{World, refused};

impl World {
    fn register_certificate(&self, client_id: &str, certificate: &str) {
        let client = format!(
            r#"{{"clients":[{{"client_id":"{client_id}","party":"client:{client_id}","organisation_id":null,
            "roles":["bank"],"region":"110000","certificate":"{certificate}"}}]}}"#
        );
        let output = self.bootstrap(&client);
        assert!(output.status.success(), "{output:?}");
    }

    /// Asks with nothing but the certificate of this client.
    async fn exchange_as(&self, client_id: &str) -> Result<String, Status> {
        let mut tokens = TokenServiceClient::new(self.mesh.channel_as(client_id, "identity"));
        Ok(tokens.exchange_token(ExchangeTokenRequest::default()).await?.into_inner().access_token)
    }
}

#[tokio::test]
async fn id_07_a_bank_is_known_by_its_certificate_alone() {
    let world = World::start().await;
    let unknown = (Code::Unauthenticated, "CLIENT_UNKNOWN".to_owned());
    assert_eq!(refused(world.exchange_as("rural-bank").await.map(drop)), unknown);
    world.register_certificate("rural", "client/rural-bank");
    let token = world.exchange_as("rural-bank").await.unwrap();

    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(&token).unwrap();
    assert_eq!(claims.sub.to_string(), "client:rural");
    // It is bound to the certificate, and good with that one only.
    let list = async |client_id: &str| {
        let mut request = Request::new(ListOrganisationsRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let channel = world.mesh.channel_as(client_id, "identity");
        let mut client =
            proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient::new(channel);
        client.list_organisations(request).await.map(drop)
    };
    list("rural-bank").await.unwrap();
    assert_eq!(refused(list("bank").await), (Code::Unauthenticated, "TOKEN_BOUND_ELSEWHERE".to_owned()));

    // Another's certificate, or a service's, is nobody's.
    for other in ["bank", "referral"] {
        assert_eq!(refused(world.exchange_as(other).await.map(drop)), unknown, "{other}");
    }
}

#[tokio::test]
async fn id_07_a_partner_is_known_by_the_thumbprint_it_registered() {
    let world = World::start().await;
    let certificates = world.mesh.fleet().keys().certificates();
    let file = certificates.of("city-bank").unwrap();
    world.register_certificate("city", &thumbprint(&file).to_string());
    assert!(world.exchange_as("city-bank").await.is_ok());
}

/// Of the first certificate in a file.
fn thumbprint(file: &std::path::Path) -> Thumbprint {
    use base64::Engine;
    let text = std::fs::read_to_string(file).unwrap();
    let body = text.split("-----BEGIN CERTIFICATE-----").nth(1).unwrap().split("-----END").next().unwrap();
    let der: String = body.split_ascii_whitespace().collect();
    Thumbprint::of(&base64::engine::general_purpose::STANDARD.decode(der).unwrap())
}
