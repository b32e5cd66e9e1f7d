use std::fs;

use chassis::auth::{AUDIENCE_IDENTITY, Assertion, Claims};
use chassis::channel::Channel;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::anjia::identity::v1::exchange_token_request::Capacity;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::anjia::identity::v1::{
    self as wire, DelegatedAction, ExchangeTokenRequest, ExchangeTokenResponse, GetKeysRequest,
};
use testkit::request_id;
use tonic::{Code, Status};
use types::ids::{DelegationId, ResidentId};

use crate::support::{World, denied, new_delegation, now, refused, sleep_past, soon};

pub(crate) fn assertion(client_id: &str) -> Assertion {
    Assertion {
        iss: client_id.to_owned(),
        sub: client_id.to_owned(),
        aud: AUDIENCE_IDENTITY.to_owned(),
        jti: request_id(),
        exp: (now() + TimeDelta::seconds(60)).timestamp(),
    }
}

impl World {
    pub(crate) fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel())
    }

    /// Signs with the key of `signer`.
    pub(crate) fn sign(&self, signer: &str, claims: &Assertion) -> String {
        let pem = fs::read(self.mesh.fleet().keys().private(signer).unwrap()).unwrap();
        let key = EncodingKey::from_ed_pem(&pem).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
    }

    pub(crate) async fn exchange(
        &self,
        client_assertion: String,
        capacity: Option<Capacity>,
    ) -> Result<ExchangeTokenResponse, Status> {
        let message = ExchangeTokenRequest { client_assertion, capacity, ..Default::default() };
        Ok(self.tokens().exchange_token(message).await?.into_inner())
    }
}

pub(crate) fn unauthenticated(reason: &str) -> (Code, String) {
    (Code::Unauthenticated, reason.to_owned())
}

#[tokio::test]
async fn id_07_a_client_gets_a_token_that_says_who_it_is() {
    let world = World::start().await;
    let issued = world.exchange(world.sign("clinic", &assertion("clinic")), None).await.unwrap();

    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(&issued.access_token).unwrap();
    let clinic = world.caller("clinic");
    assert_eq!(claims.sub.to_string(), clinic.party());
    assert_eq!(claims.org.map(|id| id.to_string()), clinic.client().organisation_id);
    assert_eq!(claims.roles.len(), 3);
    assert_eq!((claims.act, claims.dlg, claims.methods), (None, None, None));
    assert_eq!(issued.expires_at.unwrap().seconds, claims.exp);
    let life = claims.exp - now().timestamp();
    assert!((290..=300).contains(&life), "{life}");

    let keys = world.tokens().get_keys(GetKeysRequest {}).await.unwrap().into_inner().keys;
    let header = jsonwebtoken::decode_header(&issued.access_token).unwrap();
    assert_eq!(header.kid.as_ref(), Some(&keys[0].key_id));
    assert_eq!(header.alg, Algorithm::EdDSA);
}

#[tokio::test]
async fn id_07_an_assertion_is_accepted_once_by_whichever_replica() {
    let world = World::start().await;
    let proof = world.sign("worker", &assertion("worker"));
    let tries = (0..8).map(|_| world.exchange(proof.clone(), None));
    let mut accepted = 0;
    for answer in futures_util::future::join_all(tries).await {
        match answer {
            Ok(_) => accepted += 1,
            Err(status) => assert_eq!(testkit::reason(&status), "ASSERTION_REPLAYED"),
        }
    }
    assert_eq!(accepted, 1);
    assert_eq!(refused(world.exchange(proof, None).await), unauthenticated("ASSERTION_REPLAYED"));
}

#[tokio::test]
async fn id_07_whoever_cannot_prove_who_they_are_gets_no_token() {
    let world = World::start().await;
    let cases = [
        (world.sign("worker", &assertion("nobody")), "CLIENT_UNKNOWN"),
        (world.sign("clinic", &assertion("worker")), "ASSERTION_INVALID"),
        (world.sign("worker", &Assertion { aud: "anjia".to_owned(), ..assertion("worker") }), "ASSERTION_INVALID"),
        (world.sign("worker", &Assertion { sub: "clinic".to_owned(), ..assertion("worker") }), "ASSERTION_INVALID"),
        (world.sign("worker", &Assertion { exp: now().timestamp() + 120, ..assertion("worker") }), "ASSERTION_INVALID"),
        (world.sign("worker", &Assertion { exp: now().timestamp() - 1, ..assertion("worker") }), "ASSERTION_EXPIRED"),
        ("nonsense".to_owned(), "ASSERTION_INVALID"),
    ];
    for (proof, reason) in cases {
        assert_eq!(refused(world.exchange(proof, None).await), unauthenticated(reason));
    }
}

#[tokio::test]
async fn id_04_a_delegate_gets_a_token_that_names_both_people() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    let worker = world.caller("worker");

    let caller = worker.acting_for(person.id, delegation).context().await.unwrap().caller;
    assert_eq!(caller.resident(), Some(person.id));
    assert_eq!(caller.acting().to_string(), worker.party());
    assert_eq!(caller.delegation, Some(delegation));
    assert_eq!(caller.organisation.map(|id| id.to_string()), worker.client().organisation_id);
    assert_eq!(world.audited("identity.token.issue_acting", person.id).await, 1);

    let stranger = world.caller("clinic").acting_for(person.id, delegation);
    assert_eq!(refused(stranger.context().await.map(drop)), denied("NO_DELEGATION"));
    let another = worker.acting_for(ResidentId::generate(), delegation);
    assert_eq!(refused(another.context().await.map(drop)), denied("NO_DELEGATION"));
    let unknown = worker.acting_for(person.id, DelegationId::generate());
    assert_eq!(refused(unknown.context().await.map(drop)), denied("NO_DELEGATION"));
}

#[tokio::test]
async fn id_04_a_revoked_or_expired_delegation_gives_no_token() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");

    let revoked = world.delegate(&person, &[DelegatedAction::Book]).await;
    world.revoke(&person, revoked).await.unwrap();
    assert_eq!(refused(worker.acting_for(person.id, revoked).context().await.map(drop)), denied("NO_DELEGATION"));

    let short = wire::GrantDelegationRequest {
        until: Some(soon()),
        ..new_delegation(person.id, worker.party(), &[DelegatedAction::Book])
    };
    let granted = world.grant(&person.caller, short).await.unwrap();
    let expired = granted.delegation_id.parse().unwrap();
    sleep_past(granted.until).await;
    let answer = worker.acting_for(person.id, expired).context().await.map(drop);
    assert_eq!(refused(answer), (Code::FailedPrecondition, "DELEGATION_EXPIRED".to_owned()));
}
