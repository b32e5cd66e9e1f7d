use proto::anjia::identity::v1::{
    DelegatedAction, DelegationBasis, DelegationState, GrantDelegationRequest, RevokeDelegationRequest,
};
use testkit::request_id;
use tonic::Code;
use types::ids::DelegationId;

use crate::support::{Person, World, denied, new_delegation, not_found, refused};

#[tokio::test]
async fn id_04_a_delegation_is_taken_back_once_and_again_answers_the_same() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;

    let revoked = world.revoke(&person, delegation).await.unwrap();
    assert_eq!(revoked.state(), DelegationState::Revoked);
    assert!(revoked.revoked_at.is_some());
    assert_eq!(world.revoke(&person, delegation).await.unwrap(), revoked);
    assert_eq!(world.told("anjia.identity.delegation.revoked.v1", &delegation.to_string()).await, 1);
    assert_eq!(world.audited("identity.delegation.revoke", person.id).await, 1);
}

#[tokio::test]
async fn a_repeated_request_is_answered_alike_and_another_body_is_refused() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let ids = [
        world.delegate(&person, &[DelegatedAction::Book]).await,
        world.delegate(&person, &[DelegatedAction::Pay]).await,
    ];
    let request_id = request_id();
    let revoke = async |id: DelegationId| {
        let message = RevokeDelegationRequest { request_id: request_id.clone(), delegation_id: id.to_string() };
        world.delegations().revoke_delegation(person.caller.request(message).await).await
    };
    let first = revoke(ids[0]).await.unwrap().into_inner();
    assert_eq!(revoke(ids[0]).await.unwrap().into_inner(), first);
    assert_eq!(refused(revoke(ids[1]).await), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn id_04_only_the_resident_takes_it_back() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let relative = world.person("wang").await;
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    assert_eq!(refused(world.revoke(&relative, delegation).await), denied("OUTSIDE_SCOPE"));

    let to_relative = new_delegation(person.id, relative.caller.party(), &[DelegatedAction::Book]);
    let own = world.grant(&person.caller, to_relative).await.unwrap().delegation_id.parse().unwrap();
    let acting = Person { caller: relative.caller.acting_for(person.id, own), ..relative };
    assert_eq!(refused(world.revoke(&acting, delegation).await), denied("ACTION_NOT_DELEGATED"));
    assert_eq!(refused(world.revoke(&person, DelegationId::generate()).await), not_found("DELEGATION_NOT_FOUND"));
}

#[tokio::test]
async fn id_04_with_a_guardianship_go_the_delegations_that_were_passed_on() {
    let world = World::start().await;
    let ward = world.person("ward").await;
    let guardian = world.person("guardian").await;
    world.guardian(ward.id, guardian.id).await;
    let guardianship = GrantDelegationRequest {
        basis: DelegationBasis::Guardian.into(),
        ..new_delegation(ward.id, guardian.caller.party(), &[DelegatedAction::Book])
    };
    let guardianship = world.grant(&world.caller("operator"), guardianship).await.unwrap();
    let acting = guardian.caller.acting_for(ward.id, guardianship.delegation_id.parse().unwrap());
    let passed_on = GrantDelegationRequest {
        until: guardianship.until,
        ..new_delegation(ward.id, world.caller("worker").party(), &[DelegatedAction::Book])
    };
    let passed_on = world.grant(&acting, passed_on).await.unwrap().delegation_id;
    let own = world.delegate(&ward, &[DelegatedAction::Book]).await.to_string();

    let message =
        RevokeDelegationRequest { request_id: request_id(), delegation_id: guardianship.delegation_id.clone() };
    let operator = world.caller("operator");
    world.delegations().revoke_delegation(operator.request(message).await).await.unwrap();
    let revoked = "anjia.identity.delegation.revoked.v1";
    assert_eq!(world.told(revoked, &guardianship.delegation_id).await, 1);
    assert_eq!(world.told(revoked, &passed_on).await, 1);
    assert_eq!(world.told(revoked, &own).await, 0, "the ward's own grants stand");
}
