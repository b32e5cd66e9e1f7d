use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1::{
    CheckDelegationRequest, DelegatedAction, Delegation, DelegationLimits, GrantDelegationRequest,
};
use testkit::TestCaller;
use tonic::{Code, Status};
use types::ids::{DelegationId, ResidentId};

use crate::support::{World, denied, new_delegation, refused, sleep_past, soon};

use DelegatedAction::{Book, Pay};

impl World {
    async fn check(
        &self,
        caller: &TestCaller,
        delegation: DelegationId,
        resident: ResidentId,
        delegate: &str,
        action: DelegatedAction,
    ) -> Result<Delegation, Status> {
        let message = CheckDelegationRequest {
            delegation_id: delegation.to_string(),
            resident_id: resident.to_string(),
            delegate: delegate.to_owned(),
            action: action.into(),
            ..Default::default()
        };
        let answer = self.delegations().check_delegation(caller.request(message).await).await?;
        Ok(answer.into_inner().delegation.unwrap())
    }
}

#[tokio::test]
async fn id_04_a_delegate_may_do_what_was_delegated() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[Book]).await;
    let worker = world.caller("worker");
    let acting = worker.acting_for(person.id, delegation);

    let answer = world.check(&acting, delegation, person.id, "", Book).await.unwrap();
    assert_eq!(answer.delegation_id, delegation.to_string());
    assert!(world.check(&acting, delegation, person.id, worker.party(), Book).await.is_ok());
    assert_eq!(world.audited("identity.delegation.check", person.id).await, 2);
    let pay = world.check(&acting, delegation, person.id, "", Pay).await;
    assert_eq!(refused(pay), denied("ACTION_NOT_DELEGATED"));
    let unknown = world.check(&acting, DelegationId::generate(), person.id, "", Book).await;
    assert_eq!(refused(unknown), denied("NO_DELEGATION"));

    // The resident is nobody's delegate.
    let own = world.check(&person.caller, delegation, person.id, "", Book).await;
    assert_eq!(refused(own), denied("NO_DELEGATION"));
}

#[tokio::test]
async fn id_04_without_a_delegation_nobody_may_act() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[Book]).await;
    let worker = world.caller("worker");
    let acting = worker.acting_for(person.id, delegation);
    // A token of the time before the revocation.
    let before = acting.context().await.unwrap();
    world.revoke(&person, delegation).await.unwrap();
    let question = CheckDelegationRequest {
        delegation_id: delegation.to_string(),
        resident_id: person.id.to_string(),
        delegate: String::new(),
        action: Book.into(),
        ..Default::default()
    };
    let revoked = world.delegations().check_delegation(before.request(question)).await;
    assert_eq!(refused(revoked), denied("NO_DELEGATION"));

    // Whoever does not act for the resident learns nothing.
    let outsider = world.check(&worker, delegation, person.id, "", Book).await;
    assert_eq!(refused(outsider), denied("OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_04_scheduling_asks_about_any_delegate_and_referral_in_the_residents_name_only() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[Book]).await;
    let worker = world.caller("worker");
    let scheduling = world.caller("scheduling");
    assert!(world.check(&scheduling, delegation, person.id, worker.party(), Book).await.is_ok());
    let other = world.check(&scheduling, delegation, person.id, world.caller("clinic").party(), Book).await;
    assert_eq!(refused(other), denied("NO_DELEGATION"));
    let other = world.check(&scheduling, delegation, ResidentId::generate(), worker.party(), Book).await;
    assert_eq!(refused(other), denied("NO_DELEGATION"));

    let referral = world.check(&world.caller("referral"), delegation, person.id, worker.party(), Book).await;
    assert_eq!(refused(referral), denied("METHOD_NOT_PERMITTED"));

    let acting = worker.acting_for(person.id, delegation);
    let nosy = world.check(&acting, delegation, person.id, world.caller("clinic").party(), Book).await;
    assert_eq!(refused(nosy), denied("OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_04_a_delegation_expires_at_its_time() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let short = GrantDelegationRequest { until: Some(soon()), ..new_delegation(person.id, worker.party(), &[Book]) };
    let granted = world.grant(&person.caller, short).await.unwrap();
    sleep_past(granted.until).await;
    let id = granted.delegation_id.parse().unwrap();
    let answer = world.check(&world.caller("scheduling"), id, person.id, worker.party(), Book).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "DELEGATION_EXPIRED".to_owned()));
}

#[tokio::test]
async fn id_04_a_delegation_reaches_the_care_and_the_providers_it_names() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let limits = DelegationLimits {
        care_kinds: vec![CareKind::Outpatient.into()],
        organisation_ids: vec![hospital.to_string()],
        ..Default::default()
    };
    let message = GrantDelegationRequest { limits: Some(limits), ..new_delegation(person.id, worker.party(), &[Book]) };
    let granted = world.grant(&person.caller, message).await.unwrap();
    let acting = worker.acting_for(person.id, granted.delegation_id.parse().unwrap());
    let check = async |kind: CareKind, organisation: &str| {
        let question = CheckDelegationRequest {
            delegation_id: granted.delegation_id.clone(),
            resident_id: person.id.to_string(),
            action: Book.into(),
            care_kind: kind.into(),
            organisation_id: organisation.to_owned(),
            ..Default::default()
        };
        world.delegations().check_delegation(acting.request(question).await).await
    };
    let hospital = hospital.to_string();
    let answer = check(CareKind::Outpatient, &hospital).await.unwrap().into_inner().delegation.unwrap();
    assert_eq!(answer.limits, granted.limits);
    assert_eq!(refused(check(CareKind::Inpatient, &hospital).await), denied("SERVICE_KIND_NOT_DELEGATED"));
    let elsewhere = check(CareKind::Outpatient, &ResidentId::generate().to_string()).await;
    assert_eq!(refused(elsewhere), denied("ORGANISATION_NOT_DELEGATED"));
}
