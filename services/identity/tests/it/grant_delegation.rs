use chrono::TimeDelta;
use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1::{
    DelegatedAction, Delegation, DelegationBasis, DelegationLimits, DelegationSigning, DelegationState, DeskSigning,
    GetDelegationRequest, GrantDelegationRequest, ListDelegationsRequest, RegisterResidentRequest,
};
use proto::convert::{to_money, to_timestamp};
use testkit::TestCaller;
use tonic::{Code, Status};
use types::ids::{DelegationId, ResidentId};

use crate::support::{
    Person, World, denied, exists, new_delegation, new_resident, not_found, now, refused, wrong_field,
};

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
    assert_eq!(refused(world.grant(&world.caller("operator"), message()).await), denied("NOT_SIGNED"));

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
    world.guardian(ward.id, guardian.id).await;
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
    let none = DelegationLimits::default;
    let end = good().until;
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
        (GrantDelegationRequest { from: end, until: end, ..good() }, "until"),
        (GrantDelegationRequest { actions: vec![1, 99], ..good() }, "actions[1]"),
        (
            GrantDelegationRequest { limits: Some(DelegationLimits { uses_max: -1, ..none() }), ..good() },
            "limits.uses_max",
        ),
        (
            GrantDelegationRequest { limits: Some(DelegationLimits { care_kinds: vec![0], ..none() }), ..good() },
            "limits.care_kinds[0]",
        ),
        (
            GrantDelegationRequest {
                desk: Some(DeskSigning { national_id: "1".to_owned(), ..Default::default() }),
                ..good()
            },
            "desk.national_id",
        ),
        (GrantDelegationRequest { evidence: "x".repeat(201), ..good() }, "evidence"),
    ];
    for (message, field) in cases {
        assert_eq!(wrong_field(world.grant(&person.caller, message).await), field);
    }
}

#[tokio::test]
async fn id_04_a_delegation_to_oneself_for_nobody_or_in_a_ring_is_refused() {
    let world = World::start().await;
    let [a, b, c] = ["a", "b", "c"].map(|name| world.person(name));
    let [a, b, c] = [a.await, b.await, c.await];
    let to = |grantor: &Person, delegate: &str| new_delegation(grantor.id, delegate, &[Book]);

    assert_eq!(wrong_field(world.grant(&a.caller, to(&a, a.caller.party())).await), "delegate");
    for nobody in [format!("resident:{}", ResidentId::generate()), format!("practitioner:{}", ResidentId::generate())] {
        assert_eq!(refused(world.grant(&a.caller, to(&a, &nobody)).await), not_found("DELEGATE_NOT_FOUND"));
    }
    let unknown = DelegationLimits { organisation_ids: vec![ResidentId::generate().to_string()], ..Default::default() };
    let limited = GrantDelegationRequest { limits: Some(unknown), ..to(&a, b.caller.party()) };
    assert_eq!(refused(world.grant(&a.caller, limited).await), not_found("ORGANISATION_NOT_FOUND"));

    let ring = (Code::FailedPrecondition, "DELEGATION_RING".to_owned());
    let first = world.grant(&a.caller, to(&a, b.caller.party())).await.unwrap();
    assert_eq!(refused(world.grant(&b.caller, to(&b, a.caller.party())).await), ring);
    world.grant(&b.caller, to(&b, c.caller.party())).await.unwrap();
    assert_eq!(refused(world.grant(&c.caller, to(&c, a.caller.party())).await), ring);
    // What is taken back makes no ring.
    world.revoke(&a, first.delegation_id.parse().unwrap()).await.unwrap();
    assert!(world.grant(&c.caller, to(&c, a.caller.party())).await.is_ok());
}

#[tokio::test]
async fn id_04_limits_and_times_read_back_and_the_resident_sees_all_of_them() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let limits = DelegationLimits {
        care_kinds: vec![CareKind::Outpatient.into()],
        organisation_ids: vec![hospital.to_string()],
        uses_max: 2,
        amount_max: Some(to_money("500.00".parse().unwrap())),
    };
    let later = Some(to_timestamp(now() + TimeDelta::days(1)));
    let worker = world.caller("worker");
    let message = GrantDelegationRequest {
        limits: Some(limits.clone()),
        from: later,
        ..new_delegation(person.id, worker.party(), &[Book])
    };
    let granted = world.grant(&person.caller, message).await.unwrap();
    assert_eq!((granted.limits.as_ref(), granted.from), (Some(&limits), later));
    assert_eq!((granted.state(), granted.signing()), (DelegationState::NotBegun, DelegationSigning::Own));
    assert_eq!(world.get_delegation(&person.caller, &granted.delegation_id).await.unwrap(), granted);

    let other = world.delegate(&person, &[View]).await;
    let list = async |caller: &TestCaller| {
        let message = ListDelegationsRequest { resident_id: person.id.to_string(), page: None };
        let answer = world.delegations().list_delegations(caller.request(message).await).await?;
        Ok::<_, Status>(answer.into_inner().delegations)
    };
    let listed: Vec<String> = list(&person.caller).await.unwrap().into_iter().map(|one| one.delegation_id).collect();
    assert_eq!(listed, [other.to_string(), granted.delegation_id]);
    let stranger = world.person("wang").await;
    assert_eq!(refused(list(&stranger.caller).await), denied("OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_04_the_guardian_of_a_minor_ends_at_eighteen() {
    let world = World::start().await;
    let guardian = world.person("guardian").await;
    // Seventeen, with a birthday within the year.
    let birthday = (now() + TimeDelta::days(60)).date_naive();
    let born = birthday.checked_sub_months(chrono::Months::new(12 * 18)).unwrap();
    let minor =
        RegisterResidentRequest { national_id: testkit::national_id(born).expose().to_owned(), ..new_resident() };
    let ward = world.register(&world.caller("worker"), minor).await.unwrap().resident_id.parse().unwrap();
    world.guardian(ward, guardian.id).await;
    let until = |days| GrantDelegationRequest {
        basis: DelegationBasis::Guardian.into(),
        until: Some(to_timestamp(now() + TimeDelta::days(days))),
        ..new_delegation(ward, guardian.caller.party(), &[Book])
    };
    let operator = world.caller("operator");
    assert_eq!(wrong_field(world.grant(&operator, until(90)).await), "until");
    let recorded = world.grant(&operator, until(30)).await.unwrap();
    assert_eq!(recorded.signing(), DelegationSigning::Papers);
}
