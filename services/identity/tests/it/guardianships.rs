use chrono::{Days, TimeDelta};
use proto::anjia::identity::v1::{
    ConfirmGuardianshipRequest,
    DelegatedAction::{Book, View},
    DelegationBasis, EndGuardianshipRequest, GetDelegationRequest, GrantDelegationRequest, GuardianRelation,
    Guardianship, GuardianshipKind, ListGuardianshipsRequest, RegisterGuardianshipRequest,
};
use proto::convert::{to_date, to_timestamp};
use testkit::{TestCaller, national_id, request_id};
use tonic::{Code, Status};
use types::clock::local_date;
use types::ids::ResidentId;

use crate::support::{
    Person, World, day, denied, exists, new_delegation, new_resident, not_found, now, refused, wrong_field,
};

impl World {
    async fn guard(&self, caller: &TestCaller, guardianship: Guardianship) -> Result<Guardianship, Status> {
        let message = RegisterGuardianshipRequest { request_id: request_id(), guardianship: Some(guardianship) };
        let answer = self.guardianships().register_guardianship(caller.request(message).await).await?;
        Ok(answer.into_inner().guardianship.unwrap())
    }

    async fn confirm_guardian(&self, caller: &TestCaller, id: &str) -> Result<Guardianship, Status> {
        let message = ConfirmGuardianshipRequest {
            request_id: request_id(),
            guardianship_id: id.to_owned(),
            evidence: "户口簿".to_owned(),
        };
        let answer = self.guardianships().confirm_guardianship(caller.request(message).await).await?;
        Ok(answer.into_inner().guardianship.unwrap())
    }

    async fn end(&self, caller: &TestCaller, id: &str) -> Result<Guardianship, Status> {
        let message = EndGuardianshipRequest {
            request_id: request_id(),
            guardianship_id: id.to_owned(),
            reason: "法院判决".to_owned(),
        };
        let answer = self.guardianships().end_guardianship(caller.request(message).await).await?;
        Ok(answer.into_inner().guardianship.unwrap())
    }

    /// By two people.
    async fn signed(&self, guardianship: Guardianship) -> Guardianship {
        let registered = self.guard(&self.caller("worker"), guardianship).await.unwrap();
        self.confirm_guardian(&self.caller("operator"), &registered.guardianship_id).await.unwrap()
    }

    /// A guardian's papers are seen: what a guardian's delegation rests on.
    pub(crate) async fn guardian(&self, ward: ResidentId, guardian: ResidentId) -> Guardianship {
        self.signed(guardianship(ward, guardian)).await
    }

    async fn child(&self, birth_date: chrono::NaiveDate) -> Person {
        let number = national_id(birth_date).expose().to_owned();
        let message = proto::anjia::identity::v1::RegisterResidentRequest {
            national_id: number.clone(),
            name: "小明".to_owned(),
            ..new_resident()
        };
        let id = self.register(&self.caller("worker"), message).await.unwrap().resident_id.parse().unwrap();
        let client = testkit::callers::Client::resident(&format!("child-{}", &number[6..14]), ResidentId::uuid(id));
        Person { id, number, caller: self.mesh.register(client).await }
    }
}

fn guardianship(ward: ResidentId, guardian: ResidentId) -> Guardianship {
    Guardianship {
        ward_resident_id: ward.to_string(),
        guardian_resident_id: guardian.to_string(),
        kind: GuardianshipKind::Incapacity.into(),
        relation: GuardianRelation::Child.into(),
        papers: "户口簿；指定监护决定书".to_owned(),
        from: Some(to_date(day("2020-01-01"))),
        ..Guardianship::default()
    }
}

fn as_guardian(ward: &Person, guardian: &Person) -> GrantDelegationRequest {
    GrantDelegationRequest {
        basis: DelegationBasis::Guardian.into(),
        ..new_delegation(ward.id, guardian.caller.party(), &[Book, View])
    }
}

#[tokio::test]
async fn id_04_a_guardian_acts_on_a_registered_guardianship_only() {
    let world = World::start().await;
    let operator = world.caller("operator");
    let (ward, guardian) = (world.person("ward").await, world.person("guardian").await);
    let unfounded = world.grant(&operator, as_guardian(&ward, &guardian)).await;
    assert_eq!(refused(unfounded), (Code::FailedPrecondition, "NO_GUARDIANSHIP".to_owned()));

    let registered = world.guardian(ward.id, guardian.id).await;
    assert!(!registered.witness_organisation_id.is_empty() && registered.until.is_none());
    world.grant(&operator, as_guardian(&ward, &guardian)).await.unwrap();
    let kind = "anjia.identity.guardianship.registered.v1";
    assert_eq!(world.told(kind, &registered.guardianship_id).await, 1);
    assert_eq!(world.audited("identity.guardianship.register", ward.id).await, 1);

    let list = ListGuardianshipsRequest { ward_resident_id: ward.id.to_string(), ..Default::default() };
    let seen = world.guardianships().list_guardianships(ward.caller.request(list.clone()).await).await.unwrap();
    assert_eq!(seen.into_inner().guardianships, [registered]);
    let stranger = world.person("stranger").await;
    let seen = world.guardianships().list_guardianships(stranger.caller.request(list).await).await.unwrap();
    assert!(seen.into_inner().guardianships.is_empty());
}

#[tokio::test]
async fn id_04_a_guardianship_is_in_force_when_a_second_person_confirms_it() {
    let world = World::start().await;
    let (operator, worker) = (world.caller("operator"), world.caller("worker"));
    let (ward, guardian) = (world.person("ward").await, world.person("guardian").await);
    let registered = world.guard(&worker, guardianship(ward.id, guardian.id)).await.unwrap();
    assert_eq!((registered.registered_by.as_str(), registered.confirmed_by.as_str()), (worker.party(), ""));
    let early = world.grant(&operator, as_guardian(&ward, &guardian)).await;
    assert_eq!(refused(early), (Code::FailedPrecondition, "NO_GUARDIANSHIP".to_owned()));
    let id = &registered.guardianship_id;
    assert_eq!(refused(world.confirm_guardian(&worker, id).await), denied("SAME_PERSON"));
    let elsewhere = testkit::callers::HOSPITAL;
    let elsewhere = testkit::callers::Client::new(
        "worker-elsewhere",
        "client:worker-elsewhere".to_owned(),
        Some(elsewhere),
        &["community_worker"],
    );
    let elsewhere = world.mesh.register(elsewhere).await;
    assert_eq!(refused(world.confirm_guardian(&elsewhere, id).await), denied("OUTSIDE_SCOPE"));

    let confirmed = world.confirm_guardian(&operator, id).await.unwrap();
    assert_eq!(confirmed.confirmed_by, operator.party());
    world.grant(&operator, as_guardian(&ward, &guardian)).await.unwrap();
    let again = world.confirm_guardian(&operator, id).await;
    assert_eq!(refused(again), (Code::FailedPrecondition, "GUARDIANSHIP_NOT_PROPOSED".to_owned()));
    let unknown = world.confirm_guardian(&operator, &request_id()).await;
    assert_eq!(refused(unknown), not_found("GUARDIANSHIP_NOT_FOUND"));
    assert_eq!(world.audited("identity.guardianship.confirm", ward.id).await, 1);
}

#[tokio::test]
async fn id_04_of_two_who_would_guard_each_other_the_first_confirmed_does() {
    let world = World::start().await;
    let (operator, worker) = (world.caller("operator"), world.caller("worker"));
    let (one, other) = (world.person("one").await, world.person("other").await);
    let there = world.guard(&worker, guardianship(one.id, other.id)).await.unwrap();
    let back = world.guard(&worker, guardianship(other.id, one.id)).await.unwrap();
    world.confirm_guardian(&operator, &there.guardianship_id).await.unwrap();
    let ring = world.confirm_guardian(&operator, &back.guardianship_id).await;
    assert_eq!(refused(ring), (Code::FailedPrecondition, "GUARDIAN_NOT_CAPABLE".to_owned()));
}

#[tokio::test]
async fn id_04_the_end_of_a_guardianship_revokes_what_rests_on_it() {
    let world = World::start().await;
    let (operator, worker) = (world.caller("operator"), world.caller("worker"));
    let (ward, guardian) = (world.person("ward").await, world.person("guardian").await);
    let registered = world.guardian(ward.id, guardian.id).await;
    let own = world.grant(&operator, as_guardian(&ward, &guardian)).await.unwrap();
    let acting = guardian.caller.acting_for(ward.id, own.delegation_id.parse().unwrap());
    let passed_on = GrantDelegationRequest { until: own.until, ..new_delegation(ward.id, worker.party(), &[Book]) };
    let passed_on = world.grant(&acting, passed_on).await.unwrap();
    // What the ward granted in their own name has nothing to do with it.
    let wards_own = world.delegate(&ward, &[Book]).await;

    let ended = world.end(&operator, &registered.guardianship_id).await.unwrap();
    assert_eq!(ended.end_reason, "法院判决");
    assert_eq!(world.end(&operator, &registered.guardianship_id).await.unwrap(), ended);
    for delegation in [&own.delegation_id, &passed_on.delegation_id] {
        assert_eq!(world.told("anjia.identity.delegation.revoked.v1", delegation).await, 1, "{delegation}");
    }
    let status = acting.context().await.unwrap_err();
    assert_eq!(refused::<()>(Err(status)), denied("NO_DELEGATION"));
    let get = GetDelegationRequest { delegation_id: wards_own.to_string() };
    let left = world.delegations().get_delegation(ward.caller.request(get).await).await.unwrap().into_inner();
    assert!(left.delegation.unwrap().revoked_at.is_none());
    let unknown = world.end(&operator, &request_id()).await;
    assert_eq!(refused(unknown), not_found("GUARDIANSHIP_NOT_FOUND"));
}

#[tokio::test]
async fn id_04_a_minors_guardianship_ends_by_itself_at_eighteen() {
    let world = World::start().await;
    let operator = world.caller("operator");
    let parent = world.person("parent").await;
    // Eighteen in ten days.
    let today = local_date(now());
    let birth_date = today.checked_sub_months(chrono::Months::new(18 * 12)).unwrap() + Days::new(10);
    let child = world.child(birth_date).await;
    let minor = |child: &Person| Guardianship {
        kind: GuardianshipKind::Minor.into(),
        relation: GuardianRelation::Parent.into(),
        from: Some(to_date(today)),
        ..guardianship(child.id, parent.id)
    };
    let registered = world.signed(minor(&child)).await;
    let until = proto::convert::date("until", registered.until.as_ref()).unwrap();
    assert!(until < today + Days::new(11) && until > today + Days::new(6), "{until}");
    // Nor does anything that rests on it last longer.
    let long = world.grant(&operator, as_guardian(&child, &parent)).await;
    assert_eq!(wrong_field(long), "until");
    let short = GrantDelegationRequest {
        until: Some(to_timestamp(now() + TimeDelta::days(3))),
        ..as_guardian(&child, &parent)
    };
    world.grant(&operator, short).await.unwrap();

    let grown = world.child(birth_date - Days::new(400)).await;
    let answer = world.guard(&operator, minor(&grown)).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "WARD_OF_AGE".to_owned()));
}

#[tokio::test]
async fn id_04_nobody_is_their_own_guardian_and_no_ward_anybodys() {
    let world = World::start().await;
    let operator = world.caller("operator");
    let (ward, guardian) = (world.person("ward").await, world.person("guardian").await);
    world.guardian(ward.id, guardian.id).await;
    assert_eq!(
        refused(world.guard(&operator, guardianship(ward.id, guardian.id)).await),
        exists("GUARDIANSHIP_EXISTS")
    );
    let incapable = (Code::FailedPrecondition, "GUARDIAN_NOT_CAPABLE".to_owned());
    // In a ring.
    assert_eq!(refused(world.guard(&operator, guardianship(guardian.id, ward.id)).await), incapable);
    let child = world.child(day("2020-01-01")).await;
    let today = Guardianship { from: Some(to_date(local_date(now()))), ..guardianship(guardian.id, child.id) };
    assert_eq!(refused(world.guard(&operator, today).await), incapable);
    assert_eq!(wrong_field(world.guard(&operator, guardianship(ward.id, ward.id)).await), "guardian_resident_id");
    let nobody = Guardianship { guardian_resident_id: request_id(), ..guardianship(guardian.id, child.id) };
    assert_eq!(refused(world.guard(&operator, nobody).await), not_found("RESIDENT_NOT_FOUND"));
    let kindless = Guardianship { kind: 0, ..guardianship(guardian.id, child.id) };
    assert_eq!(wrong_field(world.guard(&operator, kindless).await), "guardianship.kind");
    assert_eq!(
        refused(world.guard(&ward.caller, guardianship(guardian.id, child.id)).await),
        denied("METHOD_NOT_PERMITTED")
    );
}
