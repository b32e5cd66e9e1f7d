use chrono::TimeDelta;
use types::{
    caller::Party,
    ids::{AppointmentId, SagaId},
};

use super::*;
use crate::domain::{mandate::Payment, referral::ReturnReason};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn new(urgency: Urgency) -> NewReferral {
    let resident = ResidentId::generate();
    NewReferral {
        id: ReferralId::generate(),
        resident,
        direction: Direction::Up,
        kind: Kind::Visit,
        from: OrganisationId::generate(),
        to: OrganisationId::generate(),
        diagnoses: vec![Diagnosis { code: "I25.103".to_owned(), name: Redacted::new("冠心病".to_owned()) }],
        urgency,
        clinical_summary: Redacted::new("胸痛三日".to_owned()),
        mandate: Mandate {
            id: None,
            payment: Payment::Desk,
            delegation: None,
            submitted_by: Party::Resident(resident),
        },
        previous: None,
        journey: JourneyId::generate(),
    }
}

fn submitted() -> Referral {
    new(Urgency::Routine).submit(NOW).unwrap()
}

fn accepting() -> Referral {
    let acceptance = Acceptance { saga: SagaId::generate(), deadline: NOW + TimeDelta::seconds(60) };
    submitted().accept(1, acceptance).unwrap()
}

fn booked() -> Referral {
    let booking = Booking { appointment: AppointmentId::generate(), bill: None, quote: None };
    accepting().booked(booking, NOW + TimeDelta::days(2)).unwrap()
}

fn returned() -> Returned {
    Returned { reason: ReturnReason::NoCapacity, advice: Redacted::new(String::new()), suggested: None }
}

#[test]
fn rf_03_the_target_has_as_long_as_the_urgency_says() {
    for (urgency, minutes) in [(Urgency::Routine, 48 * 60), (Urgency::Urgent, 4 * 60), (Urgency::Emergency, 15)] {
        let referral = new(urgency).submit(NOW).unwrap();
        let duty = referral.state.duty().unwrap();
        assert_eq!((duty.owner, duty.deadline), (referral.to, NOW + TimeDelta::minutes(minutes)));
    }
}

#[test]
fn rf_01_a_kind_that_is_not_offered_is_refused() {
    for kind in [Kind::Teleconsult, Kind::Mdt, Kind::GreenChannel] {
        let refused = NewReferral { kind, ..new(Urgency::Routine) }.submit(NOW);
        assert!(matches!(refused, Err(ReferralError::KindNotOffered)));
    }
}

#[test]
fn rf_01_each_state_but_the_ends_has_one_owner_and_a_deadline() {
    let visit = VisitId::generate();
    let attended = booked().attended(visit, NOW).unwrap();
    let open = [
        submitted(),
        accepting(),
        accepting().acceptance_undone(Refusal::NoConsent, NOW).unwrap(),
        accepting().acceptance_stuck(Refusal::AppointmentUnknown, NOW).unwrap(),
        booked(),
        attended.clone(),
    ];
    assert!(open.iter().all(|referral| referral.state.duty().is_some()));
    let version = attended.version;
    let ended = [
        attended.close(version).unwrap(),
        submitted().send_back(1, returned()).unwrap(),
        booked().withdrawn().unwrap(),
        booked().not_attended().unwrap(),
    ];
    assert!(ended.iter().all(|referral| referral.state.duty().is_none()));
}

#[test]
fn rf_03_a_decision_on_an_old_version_or_a_decided_referral_is_refused() {
    let acceptance = Acceptance { saga: SagaId::generate(), deadline: NOW };
    assert!(matches!(submitted().accept(2, acceptance), Err(ReferralError::StaleVersion { current: 1 })));
    assert!(matches!(accepting().accept(2, acceptance), Err(ReferralError::AlreadyDecided)));
    assert!(matches!(booked().send_back(1, returned()), Err(ReferralError::AlreadyDecided)));
    let waiting = accepting().acceptance_undone(Refusal::InsufficientCredit, NOW).unwrap();
    assert!(matches!(waiting.accept(3, acceptance), Err(ReferralError::NotSubmitted)));
    assert!(matches!(booked().close(3), Err(ReferralError::NotAttended)));
}

#[test]
fn rf_04_an_undone_acceptance_goes_back_to_whoever_can_mend_it() {
    let place_gone = accepting().acceptance_undone(Refusal::SlotTaken, NOW).unwrap();
    assert_eq!(place_gone.state.name(), StateName::Submitted);
    assert_eq!(place_gone.state.duty().unwrap().owner, place_gone.to);
    let no_credit = accepting().acceptance_undone(Refusal::InsufficientCredit, NOW).unwrap();
    assert_eq!(no_credit.state.name(), StateName::InformationRequested);
    assert_eq!(no_credit.state.duty().unwrap().owner, no_credit.from);
    assert_eq!(no_credit.last_refusal, Some(Refusal::InsufficientCredit));
    assert_eq!(no_credit.version, 3);
}

#[test]
fn rf_04_after_booking_scheduling_is_the_truth() {
    let reopened = booked().reopened(NOW).unwrap();
    assert_eq!(reopened.state.name(), StateName::Submitted);
    assert_eq!(reopened.state.duty().unwrap().deadline, NOW + TimeDelta::hours(48));
    assert!(reopened.state.booking().is_none());
    assert!(matches!(submitted().withdrawn(), Err(ReferralError::NotBooked)));
    assert!(matches!(accepting().attended(VisitId::generate(), NOW), Err(ReferralError::NotBooked)));
}

#[test]
fn id_08_clinical_text_of_a_referral_cannot_be_printed() {
    let sent_back = Returned {
        reason: ReturnReason::NotIndicated,
        advice: Redacted::new("先行保守治疗".to_owned()),
        suggested: None,
    };
    let printed = format!("{:?} {:?} {sent_back:?}", new(Urgency::Routine), submitted());
    for text in ["冠心病", "胸痛三日", "先行保守治疗"] {
        assert!(!printed.contains(text), "{printed}");
    }
    assert!(printed.contains("[redacted]"));
}
