use chrono::{DateTime, TimeDelta, Utc};
use proto::anjia::{
    common::v1::{CareKind, Tier},
    scheduling::v1::{
        AppointmentState, CheckInRequest, EndVisitRequest, GetVisitRequest, IdentityProof, Present, TicketState, Visit,
        VisitEnd, VisitOutcome, VisitState,
    },
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{AppointmentId, JourneyId, OrganisationId, ReferralId, ResidentId, VisitId};

use crate::queue::stands;
use crate::town::{Town, field, now};

pub(crate) async fn check_in(town: &Town, caller: &TestCaller, request: CheckInRequest) -> Result<Visit, Status> {
    Ok(town.visits().check_in(caller.request(request).await).await?.into_inner().visit.unwrap())
}

pub(crate) async fn end(town: &Town, caller: &TestCaller, request: EndVisitRequest) -> Result<Visit, Status> {
    Ok(town.visits().end_visit(caller.request(request).await).await?.into_inner().visit.unwrap())
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let refusal = result.unwrap_err();
    (refusal.code(), reason(&refusal))
}

pub(crate) fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// With the resident's card read.
fn card(town: &Town, occurred_at: DateTime<Utc>) -> CheckInRequest {
    CheckInRequest {
        request_id: request_id(),
        present: Present::Self_.into(),
        identity_proof: IdentityProof::IdCard.into(),
        credential: Some(town.card(callers::RESIDENT)),
        occurred_at: Some(to_timestamp(occurred_at)),
        ..Default::default()
    }
}

fn appointment(town: &Town, id: &str) -> CheckInRequest {
    CheckInRequest { appointment_id: id.to_owned(), ..card(town, now()) }
}

pub(crate) fn walk_in(town: &Town, kind: CareKind, occurred_at: DateTime<Utc>) -> CheckInRequest {
    CheckInRequest {
        resident_id: callers::RESIDENT.to_string(),
        kind: kind.into(),
        provider_organisation_id: callers::CLINIC.to_string(),
        ..card(town, occurred_at)
    }
}

/// The end of a visit that is over when it is reported.
pub(crate) fn over(outcome: VisitOutcome, occurred_at: DateTime<Utc>) -> VisitEnd {
    VisitEnd { outcome: outcome.into(), occurred_at: Some(to_timestamp(occurred_at)) }
}

pub(crate) fn ending(visit: &Visit, outcome: VisitOutcome, occurred_at: DateTime<Utc>) -> EndVisitRequest {
    EndVisitRequest {
        request_id: request_id(),
        visit_id: visit.visit_id.clone(),
        outcome: outcome.into(),
        occurred_at: Some(to_timestamp(occurred_at)),
        reason: String::new(),
    }
}

#[tokio::test]
async fn sc_04_an_appointment_is_kept_and_its_visit_ends() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(11), 1, 5).await.remove(0);
    let booked = town.booked(&slot).await;
    let request = appointment(&town, &booked.appointment_id);
    let visit = check_in(&town, &town.clinic, request.clone()).await.unwrap();
    assert_eq!((visit.state(), visit.tier(), visit.kind()), (VisitState::Open, Tier::Community, CareKind::Outpatient));
    assert_eq!((&visit.appointment_id, &visit.journey_id), (&booked.appointment_id, &booked.journey_id));
    assert_eq!((visit.region_code.as_str(), visit.identity_proof()), (callers::REGION, IdentityProof::IdCard));
    assert_eq!(check_in(&town, &town.clinic, request.clone()).await.unwrap(), visit);
    let reused = CheckInRequest { occurred_at: Some(to_timestamp(now())), ..request };
    assert_eq!(refused(check_in(&town, &town.clinic, reused).await), is(Code::InvalidArgument, "REQUEST_ID_REUSED"));
    let kept = town.get(&town.clinic, &booked.appointment_id).await.unwrap();
    assert_eq!((kept.state(), &kept.visit_id), (AppointmentState::Kept, &visit.visit_id));
    let again = check_in(&town, &town.clinic, appointment(&town, &booked.appointment_id)).await;
    assert_eq!(refused(again), is(Code::AlreadyExists, "VISIT_EXISTS"));

    let request = ending(&visit, VisitOutcome::Completed, now());
    let ended = end(&town, &town.clinic, request.clone()).await.unwrap();
    assert_eq!((ended.state(), ended.outcome()), (VisitState::Ended, VisitOutcome::Completed));
    assert_eq!(end(&town, &town.clinic, request).await.unwrap(), ended);
    let again = ending(&visit, VisitOutcome::Completed, now());
    assert_eq!(refused(end(&town, &town.clinic, again).await), is(Code::FailedPrecondition, "VISIT_NOT_OPEN"));
    let get = GetVisitRequest { visit_id: visit.visit_id };
    let found = town.visits().get_visit(town.resident.request(get).await).await.unwrap().into_inner().visit;
    assert_eq!(found, Some(ended));
    town.assert_sound().await;
}

#[tokio::test]
async fn id_10_another_persons_credential_leaves_the_appointment_confirmed() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let booked = town.booked(&slot).await;
    let (_, other) = town.newcomer("other").await;
    let nobodys = testkit::id_card(&testkit::national_id(now().date_naive()));
    for shown in [town.card(other.parse().unwrap()), nobodys] {
        let shown = CheckInRequest { credential: Some(shown), ..appointment(&town, &booked.appointment_id) };
        let refusal = check_in(&town, &town.clinic, shown).await;
        assert_eq!(refused(refusal), is(Code::FailedPrecondition, "IDENTITY_MISMATCH"));
    }
    let still = town.get(&town.resident, &booked.appointment_id).await.unwrap();
    assert_eq!(still, booked);

    let card = appointment(&town, &booked.appointment_id);
    let unread = CheckInRequest { credential: None, ..card.clone() };
    assert_eq!(field(&check_in(&town, &town.clinic, unread).await.unwrap_err()), "credential");
    let electronic = IdentityProof::ElectronicCredential.into();
    let other_kind = CheckInRequest { identity_proof: electronic, ..card.clone() };
    assert_eq!(field(&check_in(&town, &town.clinic, other_kind).await.unwrap_err()), "credential.kind");
    let unproven = CheckInRequest { credential: None, identity_proof: IdentityProof::None.into(), ..card };
    let visit = check_in(&town, &town.clinic, unproven).await.unwrap();
    assert_eq!(visit.identity_proof(), IdentityProof::None);
}

#[tokio::test]
async fn id_10_what_a_desk_read_is_asked_at_identity_and_stands_in_its_audit() {
    let town = Town::new().await;
    let request = walk_in(&town, CareKind::Outpatient, now());
    let visit = check_in(&town, &town.clinic, request.clone()).await.unwrap();
    // Repeated, it is answered from what was stored, and nobody is asked again.
    assert_eq!(check_in(&town, &town.clinic, request).await.unwrap(), visit);
    let (_, other) = town.newcomer("other").await;
    let another = CheckInRequest {
        credential: Some(town.card(other.parse().unwrap())),
        ..walk_in(&town, CareKind::Outpatient, now())
    };
    let refusal = check_in(&town, &town.clinic, another).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "IDENTITY_MISMATCH"));
    for (action, count) in [("identity.credential.match", 1_i64), ("identity.credential.mismatch", 1)] {
        let asked: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM audit_entries WHERE action = $1 AND resident_id = $2 AND actor = $3",
        )
        .bind(action)
        .bind(callers::RESIDENT)
        .bind(town.clinic.party())
        .fetch_one(&mut town.mesh.owner("identity").await)
        .await
        .unwrap();
        assert_eq!(asked, count, "{action}");
    }
}

#[tokio::test]
async fn sc_04_a_check_in_that_cannot_be_is_refused_with_its_own_reason() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(13), 1, 5).await;
    let held = town.hold(&slots[0]).await.unwrap();
    let early = check_in(&town, &town.clinic, appointment(&town, &held.appointment_id)).await;
    assert_eq!(refused(early), is(Code::FailedPrecondition, "TOO_EARLY"));
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await;
    let (second, second_id) = town.newcomer("second").await;
    let wish = proto::anjia::scheduling::v1::HoldSlotRequest { resident_id: second_id, ..crate::town::hold(&slots[0]) };
    let unconfirmed = town.hold_as(&second, wish).await.unwrap();
    let request = CheckInRequest {
        credential: Some(town.card(unconfirmed.resident_id.parse().unwrap())),
        ..appointment(&town, &unconfirmed.appointment_id)
    };
    let refusal = check_in(&town, &town.clinic, request.clone()).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "APPOINTMENT_NOT_CONFIRMED"));
    let refusal = check_in(&town, &town.hospital, request.clone()).await;
    assert_eq!(refused(refusal), is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let refusal = check_in(&town, &town.resident, request.clone()).await;
    assert_eq!(refused(refusal), is(Code::PermissionDenied, "METHOD_NOT_PERMITTED"));
    let wrong = CheckInRequest { resident_id: callers::RESIDENT.to_string(), ..request };
    assert_eq!(field(&check_in(&town, &town.clinic, wrong).await.unwrap_err()), "resident_id");
    let unknown = appointment(&town, &AppointmentId::generate().to_string());
    assert_eq!(refused(check_in(&town, &town.clinic, unknown).await), is(Code::NotFound, "APPOINTMENT_NOT_FOUND"));

    let tomorrow = walk_in(&town, CareKind::Outpatient, now() + TimeDelta::days(1));
    assert_eq!(refused(check_in(&town, &town.clinic, tomorrow).await), is(Code::InvalidArgument, "IN_FUTURE"));
    let nobody = ResidentId::generate().to_string();
    let nobody = CheckInRequest { resident_id: nobody, ..walk_in(&town, CareKind::Outpatient, now()) };
    assert_eq!(refused(check_in(&town, &town.clinic, nobody).await), is(Code::NotFound, "RESIDENT_NOT_FOUND"));
    let elsewhere = CheckInRequest {
        provider_organisation_id: OrganisationId::generate().to_string(),
        ..walk_in(&town, CareKind::Outpatient, now())
    };
    assert_eq!(refused(check_in(&town, &town.clinic, elsewhere).await), is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn sc_04_a_stay_is_reported_after_it_happened() {
    let town = Town::new().await;
    let admitted = now() - TimeDelta::days(40);
    let visit_id = VisitId::generate().to_string();
    let request = CheckInRequest { visit_id: visit_id.clone(), ..walk_in(&town, CareKind::Inpatient, admitted) };
    let stay = check_in(&town, &town.clinic, request.clone()).await.unwrap();
    assert_eq!(
        (stay.kind(), stay.opened_at, &stay.visit_id),
        (CareKind::Inpatient, Some(to_timestamp(admitted)), &visit_id)
    );
    assert!(!stay.journey_id.is_empty());
    let (_, other_id) = town.newcomer("other").await;
    let journey_id = stay.journey_id.clone();
    let of_another = CheckInRequest {
        credential: Some(town.card(other_id.parse().unwrap())),
        resident_id: other_id,
        journey_id,
        ..walk_in(&town, CareKind::Outpatient, now())
    };
    let refusal = check_in(&town, &town.clinic, of_another).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "JOURNEY_OF_ANOTHER"));
    let again = CheckInRequest { request_id: request_id(), ..request };
    assert_eq!(refused(check_in(&town, &town.clinic, again).await), is(Code::AlreadyExists, "VISIT_EXISTS"));

    let discharge = |at| ending(&stay, VisitOutcome::Discharged, at);
    let early = end(&town, &town.clinic, discharge(admitted - TimeDelta::seconds(1))).await;
    assert_eq!(refused(early), is(Code::InvalidArgument, "ENDS_BEFORE_START"));
    let future = end(&town, &town.clinic, discharge(now() + TimeDelta::hours(1))).await;
    assert_eq!(refused(future), is(Code::InvalidArgument, "IN_FUTURE"));
    let foreign = end(&town, &town.hospital, discharge(now())).await;
    assert_eq!(refused(foreign), is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let unknown = Visit { visit_id: VisitId::generate().to_string(), ..stay.clone() };
    let unknown = end(&town, &town.clinic, ending(&unknown, VisitOutcome::Discharged, now())).await;
    assert_eq!(refused(unknown), is(Code::NotFound, "VISIT_NOT_FOUND"));
    // A stay may end right when it began.
    let ended = end(&town, &town.clinic, discharge(admitted)).await.unwrap();
    assert_eq!((ended.state(), ended.ended_at), (VisitState::Ended, stay.opened_at));
}

#[tokio::test]
async fn sc_04_a_visit_that_is_over_is_reported_with_its_end() {
    let town = Town::new().await;
    let began = now() - TimeDelta::hours(2);
    let end_it = |outcome| CheckInRequest {
        end: Some(over(outcome, began + TimeDelta::hours(1))),
        ..walk_in(&town, CareKind::Outpatient, began)
    };
    let request = end_it(VisitOutcome::Completed);
    let seen = check_in(&town, &town.clinic, request.clone()).await.unwrap();
    assert_eq!((seen.state(), seen.outcome()), (VisitState::Ended, VisitOutcome::Completed));
    assert_eq!(seen.ended_at, Some(to_timestamp(began + TimeDelta::hours(1))));
    assert_eq!(check_in(&town, &town.clinic, request.clone()).await.unwrap(), seen);
    let reused = CheckInRequest { end: None, ..request };
    assert_eq!(refused(check_in(&town, &town.clinic, reused).await), is(Code::InvalidArgument, "REQUEST_ID_REUSED"));
    let again = end(&town, &town.clinic, ending(&seen, VisitOutcome::Completed, now())).await;
    assert_eq!(refused(again), is(Code::FailedPrecondition, "VISIT_NOT_OPEN"));
    // Nobody calls who is gone.
    let ticket = stands(&town, &town.resident, &seen.visit_id).await.unwrap();
    assert_eq!((ticket.state(), ticket.calls), (TicketState::Served, 0));
    // Nor is it said of who was seen without having been called that they left.
    let uncalled = check_in(&town, &town.clinic, walk_in(&town, CareKind::Outpatient, began)).await.unwrap();
    end(&town, &town.clinic, ending(&uncalled, VisitOutcome::Completed, now())).await.unwrap();
    let ticket = stands(&town, &town.resident, &uncalled.visit_id).await.unwrap();
    assert_eq!(ticket.state(), TicketState::Served);

    let left = check_in(&town, &town.clinic, end_it(VisitOutcome::LeftUnseen)).await.unwrap();
    assert_eq!((left.state(), left.outcome()), (VisitState::LeftUnseen, VisitOutcome::LeftUnseen));
    let ticket = stands(&town, &town.resident, &left.visit_id).await.unwrap();
    assert_eq!(ticket.state(), TicketState::Left);
    town.assert_sound().await;
}

#[tokio::test]
async fn id_04_a_delegate_collects_medicine_if_the_delegation_says_attend() {
    use proto::anjia::identity::v1::DelegatedAction;
    let town = Town::new().await;
    let collect = |delegate: &str, delegation: &str| CheckInRequest {
        present: Present::Delegate.into(),
        delegate: delegate.to_owned(),
        delegation_id: delegation.to_owned(),
        ..walk_in(&town, CareKind::Chronic, now())
    };
    let worker = town.worker.party().to_owned();
    let refusal = check_in(&town, &town.clinic, collect("", "")).await;
    assert_eq!(refused(refusal), is(Code::PermissionDenied, "NO_DELEGATION"));
    let book_only = town.delegate(&town.resident, callers::RESIDENT, &[DelegatedAction::Book]).await.to_string();
    let refusal = check_in(&town, &town.clinic, collect(&worker, &book_only)).await;
    assert_eq!(refused(refusal), is(Code::PermissionDenied, "ACTION_NOT_DELEGATED"));
    let stranger = format!("resident:{}", ResidentId::generate());
    let refusal = check_in(&town, &town.clinic, collect(&stranger, &town.delegation)).await;
    assert_eq!(refused(refusal), is(Code::PermissionDenied, "NO_DELEGATION"));

    // Whoever collects brings the patient's card: their own proves nothing about the patient.
    let (_, somebody) = town.newcomer("somebody").await;
    let own =
        CheckInRequest { credential: Some(town.card(somebody.parse().unwrap())), ..collect(&worker, &town.delegation) };
    let refusal = check_in(&town, &town.clinic, own).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "IDENTITY_MISMATCH"));

    let visit = check_in(&town, &town.clinic, collect(&worker, &town.delegation)).await.unwrap();
    assert_eq!(visit.present(), Present::Delegate);
    let ended = end(&town, &town.clinic, ending(&visit, VisitOutcome::MedicineCollected, now())).await.unwrap();
    assert_eq!(ended.outcome(), VisitOutcome::MedicineCollected);
}

#[tokio::test]
async fn sc_04_a_malformed_check_in_names_its_field() {
    let town = Town::new().await;
    let good = || walk_in(&town, CareKind::Outpatient, now());
    let end = |outcome: VisitOutcome, occurred_at| Some(VisitEnd { outcome: outcome.into(), occurred_at });
    let unsaid = end(VisitOutcome::Unspecified, good().occurred_at);
    let early = over(VisitOutcome::Completed, now() - TimeDelta::hours(1));
    let future = over(VisitOutcome::Completed, now() + TimeDelta::hours(1));
    let cases = [
        ("request_id", CheckInRequest { request_id: String::new(), ..good() }),
        ("resident_id", CheckInRequest { resident_id: String::new(), ..good() }),
        ("kind", CheckInRequest { kind: 0, ..good() }),
        ("provider_organisation_id", CheckInRequest { provider_organisation_id: "x".to_owned(), ..good() }),
        ("present", CheckInRequest { present: 0, ..good() }),
        ("identity_proof", CheckInRequest { identity_proof: 9, ..good() }),
        ("occurred_at", CheckInRequest { occurred_at: None, ..good() }),
        ("visit_id", CheckInRequest { visit_id: "x".to_owned(), ..good() }),
        ("referral_id", CheckInRequest { referral_id: ReferralId::generate().to_string(), ..good() }),
        ("delegate", CheckInRequest { present: Present::Delegate.into(), delegate: "x".to_owned(), ..good() }),
        ("end.outcome", CheckInRequest { end: unsaid, ..good() }),
        ("end.occurred_at", CheckInRequest { end: end(VisitOutcome::Completed, None), ..good() }),
        ("end.occurred_at", CheckInRequest { end: Some(early), ..good() }),
        ("end.occurred_at", CheckInRequest { end: Some(future), ..good() }),
    ];
    for (expected, request) in cases {
        let refusal = check_in(&town, &town.clinic, request).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, expected));
    }
}

#[tokio::test]
async fn sc_11_two_who_walk_in_at_once_do_not_share_a_journey() {
    let town = Town::new().await;
    let (_, other) = town.newcomer("other").await;
    for _ in 0..5 {
        let journey_id = JourneyId::generate().to_string();
        let one = CheckInRequest { journey_id: journey_id.clone(), ..walk_in(&town, CareKind::Outpatient, now()) };
        let two = CheckInRequest {
            resident_id: other.clone(),
            credential: Some(town.card(other.parse().unwrap())),
            request_id: request_id(),
            ..one.clone()
        };
        let (one, two) = tokio::join!(check_in(&town, &town.clinic, one), check_in(&town, &town.clinic, two));
        let refusals: Vec<String> = [&one, &two].into_iter().filter_map(|it| it.as_ref().err()).map(reason).collect();
        assert_eq!(refusals, ["JOURNEY_OF_ANOTHER"]);
    }
    town.assert_sound().await;
}
