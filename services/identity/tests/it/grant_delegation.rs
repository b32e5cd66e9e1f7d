use chrono::TimeDelta;
use proto::anjia::identity::v1::{
    DelegatedAction, Delegation, DelegationBasis, DelegationState, GetDelegationRequest, GrantDelegationRequest,
};
use proto::convert::to_timestamp;
use testkit::TestCaller;
use tonic::{Code, Status};
use types::ids::{DelegationId, ResidentId};

use crate::support::{World, denied, exists, new_delegation, not_found, now, refused, wrong_field};

use DelegatedAction::{Book, Refer, View};

impl World {
    async fn get_delegation(&self, caller: &TestCaller, id: &str) -> Result<Delegation, Status> {
        let request = caller.request(GetDelegationRequest { delegation_id: id.to_owned() }).await;
        Ok(self.delegations().get_delegation(request).await?.into_inner().delegation.unwrap())
    }
}

#[tokio::test]
async fn id_04_a_resident_lets_somebody_act() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let message = new_delegation(person.id, worker.party(), &[Refer, Book, Book]);
    let granted = world.grant(&person.caller, message.clone()).await.unwrap();
    assert_eq!(granted.actions, [i32::from(Book), i32::from(Refer)]);
    assert_eq!(granted.state(), DelegationState::Active);
    assert_eq!((granted.delegate.as_str(), granted.revoked_at), (worker.party(), None));

    assert_eq!(world.grant(&person.caller, message.clone()).await.unwrap(), granted);
    assert_eq!(world.told("anjia.identity.delegation.granted.v1", &granted.delegation_id).await, 1);
    assert_eq!(world.audited("identity.delegation.grant", person.id).await, 1);
    let other = GrantDelegationRequest { evidence: "desk".to_owned(), ..message };
    let answer = world.grant(&person.caller, other).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));

    let id = &granted.delegation_id;
    assert_eq!(world.get_delegation(&person.caller, id).await.unwrap(), granted);
    let acting = worker.acting_for(person.id, id.parse().unwrap());
    assert_eq!(world.get_delegation(&acting, id).await.unwrap(), granted);
    let stranger = world.person("wang").await;
    assert_eq!(refused(world.get_delegation(&stranger.caller, id).await), denied("OUTSIDE_SCOPE"));
    let unknown = DelegationId::generate().to_string();
    assert_eq!(refused(world.get_delegation(&person.caller, &unknown).await), not_found("DELEGATION_NOT_FOUND"));
    let same_id =
        GrantDelegationRequest { delegation_id: id.clone(), ..new_delegation(person.id, worker.party(), &[View]) };
    assert_eq!(refused(world.grant(&person.caller, same_id).await), exists("DELEGATION_EXISTS"));
}

#[tokio::test]
async fn id_04_nobody_grants_for_somebody_else() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let relative = world.person("wang").await;
    let message = || new_delegation(person.id, world.caller("worker").party(), &[Book]);
    assert_eq!(refused(world.grant(&relative.caller, message()).await), denied("OUTSIDE_SCOPE"));
    assert_eq!(refused(world.grant(&world.caller("operator"), message()).await), denied("OUTSIDE_SCOPE"));

    // Whoever was let act may not let others act.
    let to_relative = new_delegation(person.id, relative.caller.party(), &[Book, View]);
    let delegation = world.grant(&person.caller, to_relative).await.unwrap();
    let acting = relative.caller.acting_for(person.id, delegation.delegation_id.parse().unwrap());
    assert_eq!(refused(world.grant(&acting, message()).await), denied("ACTION_NOT_DELEGATED"));

    // A resident whom nobody registered.
    let nobody = ResidentId::from_uuid(testkit::callers::RESIDENT);
    let unregistered = new_delegation(nobody, world.caller("worker").party(), &[Book]);
    let answer = world.grant(&world.caller("resident"), unregistered).await;
    assert_eq!(refused(answer), not_found("RESIDENT_NOT_FOUND"));
    assert_ne!(nobody, person.id);
}

#[tokio::test]
async fn id_04_a_guardian_is_recorded_by_an_operator_and_may_let_others_act() {
    let world = World::start().await;
    let ward = world.person("ward").await;
    let guardian = world.person("guardian").await;
    let operator = world.caller("operator");
    let guardianship = || GrantDelegationRequest {
        basis: DelegationBasis::Guardian.into(),
        ..new_delegation(ward.id, guardian.caller.party(), &[Book, Refer])
    };
    assert_eq!(wrong_field(world.grant(&ward.caller, guardianship()).await), "basis");
    let recorded = world.grant(&operator, guardianship()).await.unwrap();
    assert_eq!(world.get_delegation(&operator, &recorded.delegation_id).await.unwrap(), recorded);

    let acting = guardian.caller.acting_for(ward.id, recorded.delegation_id.parse().unwrap());
    let to_worker = |actions: &[DelegatedAction]| GrantDelegationRequest {
        until: recorded.until,
        ..new_delegation(ward.id, world.caller("worker").party(), actions)
    };
    world.grant(&acting, to_worker(&[Book])).await.unwrap();
    // No more than they have themselves, nor for longer.
    assert_eq!(refused(world.grant(&acting, to_worker(&[Book, View])).await), denied("ACTION_NOT_DELEGATED"));
    let longer =
        GrantDelegationRequest { until: Some(to_timestamp(now() + TimeDelta::days(365))), ..to_worker(&[Book]) };
    assert_eq!(wrong_field(world.grant(&acting, longer).await), "until");
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let good = || new_delegation(person.id, world.caller("worker").party(), &[Book]);
    let year = TimeDelta::days(367);
    let cases = [
        (GrantDelegationRequest { delegation_id: "1".to_owned(), ..good() }, "delegation_id"),
        (GrantDelegationRequest { delegate: "worker".to_owned(), ..good() }, "delegate"),
        (GrantDelegationRequest { delegate: person.caller.party().to_owned(), ..good() }, "delegate"),
        (GrantDelegationRequest { delegate: "service:referral".to_owned(), ..good() }, "delegate"),
        (GrantDelegationRequest { basis: 0, ..good() }, "basis"),
        (GrantDelegationRequest { actions: vec![], ..good() }, "actions"),
        (GrantDelegationRequest { actions: vec![1, 0], ..good() }, "actions[1]"),
        (GrantDelegationRequest { until: None, ..good() }, "until"),
        (GrantDelegationRequest { until: Some(to_timestamp(now())), ..good() }, "until"),
        (GrantDelegationRequest { until: Some(to_timestamp(now() + year)), ..good() }, "until"),
        (GrantDelegationRequest { evidence: "x".repeat(201), ..good() }, "evidence"),
    ];
    for (message, field) in cases {
        assert_eq!(wrong_field(world.grant(&person.caller, message).await), field);
    }
}
