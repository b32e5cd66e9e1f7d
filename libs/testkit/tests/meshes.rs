//! Test meshes: real binaries and tokens, side by side, that can be killed and started again.

use devstack::callers::{Client, WORKER};
use proto::anjia::identity::v1::GetKeysRequest;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use testkit::Mesh;
use types::caller::Party;
use types::ids::{DelegationId, PractitionerId, ResidentId};

#[tokio::test]
async fn callers_of_the_journey_have_tokens_that_say_who_they_are() {
    let mesh = Mesh::start(&[]).await;
    let worker = mesh.caller("worker").context().await.unwrap().caller;
    assert_eq!(worker.subject, Party::Practitioner(PractitionerId::from_uuid(WORKER)));

    let id = ResidentId::generate();
    let resident = mesh.register(Client::resident("another-resident", id.uuid())).await;
    assert_eq!(resident.context().await.unwrap().caller.resident(), Some(id));
}

#[tokio::test]
async fn nobody_acts_for_a_resident_without_a_delegation() {
    let mesh = Mesh::start(&[]).await;
    let worker = mesh.caller("worker").acting_for(ResidentId::generate(), DelegationId::generate());
    assert_eq!(testkit::reason(&worker.context().await.unwrap_err()), "NO_DELEGATION");
}

#[tokio::test]
async fn a_killed_service_comes_back_where_it_was() {
    let mut mesh = Mesh::start(&[]).await;
    let mut keys = TokenServiceClient::new(mesh.channel("identity"));
    let before = keys.get_keys(GetKeysRequest {}).await.unwrap().into_inner();
    mesh.kill("identity");
    assert!(keys.get_keys(GetKeysRequest {}).await.is_err());
    mesh.start_again("identity").await;
    let after = keys.get_keys(GetKeysRequest {}).await.unwrap().into_inner();
    assert_eq!(before, after);
}
