use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1::DelegatedAction;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::Code;
use types::ids::{JourneyId, ResidentId, SettlementId};

use crate::world::{COVERED, World};

#[tokio::test]
async fn id_07_only_payment_confirms_and_only_officers_propose() {
    let world = World::without_policy().await;
    let request = wire::ConfirmSettlementRequest {
        request_id: request_id(),
        settlement_id: SettlementId::generate().to_string(),
        bill_id: SettlementId::generate().to_string(),
    };
    let request = world.caller("clinic").request(request).await;
    let refused = world.adjudication().confirm_settlement(request).await.expect_err("not for desks");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "METHOD_NOT_PERMITTED"));

    let request = world.caller("worker").request(wire::ProposePolicyRequest::default()).await;
    let refused = world.policies().propose_policy(request).await.expect_err("not for workers");
    assert_eq!(reason(&refused).as_str(), "METHOD_NOT_PERMITTED");

    let anonymous = world.adjudication().get_claim(wire::GetClaimRequest::default()).await.expect_err("no token");
    assert_eq!((anonymous.code(), reason(&anonymous).as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));
}

#[tokio::test]
async fn id_07_another_provider_sees_neither_claim_nor_settlement() {
    let world = World::new().await;
    let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let divided = world.divide("clinic", &visit, COVERED, "10.00").await.expect("divided");
    let claim_id = divided.claim.unwrap_or_default().claim_id;

    let own = world.caller("clinic").request(wire::GetClaimRequest { claim_id: claim_id.clone() }).await;
    world.adjudication().get_claim(own).await.expect("its own");
    let foreign = world.caller("hospital").request(wire::GetClaimRequest { claim_id }).await;
    let refused = world.adjudication().get_claim(foreign).await.expect_err("another's");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));

    let list = wire::ListClaimsRequest { resident_id: world.resident.to_string(), page: None };
    let foreign = world.caller("hospital").request(list).await;
    let page = world.adjudication().list_claims(foreign).await.expect("a list").into_inner();
    assert!(page.claims.is_empty());
}

#[tokio::test]
async fn id_07_a_list_of_claims_does_not_tell_a_stranger_whether_there_are_any() {
    let world = World::new().await;
    let stranger = ResidentId::generate();
    world.register(stranger).await;
    let caller = world.mesh.register(callers::Client::resident("stranger", stranger.uuid())).await;
    let list = wire::ListClaimsRequest { resident_id: world.resident.to_string(), page: None };
    let refused = world.adjudication().list_claims(caller.request(list).await).await.expect_err("not theirs");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_04_who_acts_for_a_resident_sees_claims_only_with_the_action_view() {
    let world = World::new().await;
    let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let divided = world.divide("clinic", &visit, COVERED, "10.00").await.expect("divided");
    let claim_id = divided.claim.unwrap_or_default().claim_id;
    let get = async |caller: &TestCaller| {
        let request = caller.request(wire::GetClaimRequest { claim_id: claim_id.clone() }).await;
        world.adjudication().get_claim(request).await
    };
    let list = async |caller: &TestCaller| {
        let message = wire::ListClaimsRequest { resident_id: world.resident.to_string(), page: None };
        world.adjudication().list_claims(caller.request(message).await).await
    };

    let payer = world.delegate(DelegatedAction::Pay).await;
    for refused in [get(&payer).await.map(drop), list(&payer).await.map(drop)] {
        let refused = refused.expect_err("paying is not seeing");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "ACTION_NOT_DELEGATED"));
    }
    let viewer = world.delegate(DelegatedAction::View).await;
    get(&viewer).await.expect("seen");
    assert_eq!(list(&viewer).await.expect("seen").into_inner().claims.len(), 1);
}
