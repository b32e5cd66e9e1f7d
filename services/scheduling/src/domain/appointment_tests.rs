use chrono::TimeDelta;
use types::ids::{SessionId, SlotId};
use uuid::Uuid;

use super::*;

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

const ID: Uuid = Uuid::from_u128(7);

pub(crate) fn appointment(state: State) -> Appointment {
    let slot = Slot {
        id: SlotId::from_uuid(ID),
        session: SessionId::from_uuid(ID),
        starts_at: at(10_000),
        ends_at: at(11_000),
    };
    Appointment {
        id: AppointmentId::from_uuid(ID),
        resident: ResidentId::from_uuid(ID),
        slot,
        more_slots: vec![],
        organisation: OrganisationId::from_uuid(ID),
        department: None,
        practitioner: None,
        kind: CareKind::Outpatient,
        pool: Pool::Public,
        channel: Channel::App,
        booked_by: Party::Resident(ResidentId::from_uuid(ID)),
        device: None,
        delegation: None,
        referral: None,
        journey: JourneyId::from_uuid(ID),
        stated_lines: vec![],
        terms: VisitTerms::default(),
        quote: None,
        revision: 1,
        held_at: at(0),
        hold_expires_at: at(300),
        confirmed_at: None,
        state,
    }
}

fn cancellation() -> Cancellation {
    Cancellation { at: at(5), by: CancelledBy::Patient, reason: "better".to_owned() }
}

fn every_state() -> Vec<State> {
    vec![
        State::Held,
        State::Confirmed,
        State::Kept(VisitId::from_uuid(ID)),
        State::Expired,
        State::Cancelled(cancellation()),
        State::NoShow,
        State::Displaced(at(400)),
    ]
}

#[test]
fn sc_04_a_hold_is_confirmed_until_the_instant_it_runs_out() {
    let confirmed = appointment(State::Held).confirm(at(299)).unwrap();
    assert_eq!((confirmed.state, confirmed.confirmed_at), (State::Confirmed, Some(at(299))));
    assert!(
        matches!(appointment(State::Held).confirm(at(300)), Err(SchedulingError::HoldExpired(end)) if end == at(300))
    );
}

#[test]
fn sc_04_only_a_hold_is_confirmed() {
    for state in every_state().into_iter().filter(|state| !matches!(state, State::Held | State::Displaced(_))) {
        let refusal = appointment(state.clone()).confirm(at(1)).unwrap_err();
        match state {
            State::Expired => assert!(matches!(refusal, SchedulingError::HoldExpired(_))),
            _ => assert!(matches!(refusal, SchedulingError::AppointmentNotHeld), "{state:?}"),
        }
    }
}

#[test]
fn sc_04_cancelling_again_changes_nothing() {
    let later = Cancellation { at: at(9), by: CancelledBy::Provider, reason: "again".to_owned() };
    let first = appointment(State::Confirmed).cancel(cancellation()).unwrap();
    assert_eq!(first.clone().cancel(later.clone()).unwrap(), first);
    assert_eq!(appointment(State::Expired).cancel(later.clone()).unwrap().state, State::Expired);
    for state in [State::Kept(VisitId::from_uuid(ID)), State::NoShow] {
        assert!(matches!(appointment(state).cancel(later.clone()), Err(SchedulingError::AppointmentNotActive)));
    }
}

#[test]
fn sc_04_only_a_confirmed_appointment_is_kept() {
    let visit = VisitId::from_uuid(Uuid::from_u128(8));
    assert_eq!(appointment(State::Confirmed).keep(visit).unwrap().state, State::Kept(visit));
    assert!(matches!(appointment(State::Held).keep(visit), Err(SchedulingError::AppointmentNotConfirmed)));
    assert!(matches!(appointment(State::Kept(VisitId::from_uuid(ID))).keep(visit), Err(SchedulingError::VisitExists)));
}

#[test]
fn sc_04_a_hold_lapses_at_its_end_and_nothing_else_does() {
    assert_eq!(appointment(State::Held).lapse(at(299)), None);
    assert_eq!(appointment(State::Held).lapse(at(300)).unwrap().state, State::Expired);
    for state in every_state().into_iter().filter(|state| *state != State::Held) {
        assert_eq!(appointment(state).lapse(at(1_000_000)), None);
    }
}

#[test]
fn sc_04_a_place_is_taken_from_the_hold_until_it_is_given_up() {
    let taking: Vec<&str> = every_state().iter().filter(|state| state.takes_place()).map(State::as_str).collect();
    assert_eq!(taking, ["HELD", "CONFIRMED", "KEPT", "NO_SHOW", "DISPLACED"]);
}

#[test]
fn sc_06_what_is_stated_comes_first_and_a_referral_prices_what_it_plans() {
    let line = |item_code: &str| ExpectedLine {
        item_code: item_code.to_owned(),
        quantity: "1".parse().unwrap(),
        unit_price: "60".parse().unwrap(),
    };
    let terms = VisitTerms { expected_lines: vec![line("fee")], ..VisitTerms::default() };
    let silent = Appointment { terms, ..appointment(State::Held) };
    assert_eq!(silent.expected_lines(), [line("fee")]);
    let referred = Appointment { referral: Some(ReferralId::from_uuid(ID)), ..silent.clone() };
    assert!(referred.expected_lines().is_empty());
    for appointment in [silent, referred] {
        let stated = Appointment { stated_lines: vec![line("own")], ..appointment };
        assert_eq!(stated.expected_lines(), [line("own")]);
    }
}

#[test]
fn sc_04_the_patient_gives_a_firm_place_up_until_its_instant_and_the_provider_at_any_time() {
    let until = at(100);
    let terms = VisitTerms { cancel_until: Some(until), ..VisitTerms::default() };
    let firm = Appointment { terms, ..appointment(State::Confirmed) };
    let by = |by, at| Cancellation { at, by, reason: "better".to_owned() };
    assert!(firm.clone().cancel(by(CancelledBy::Patient, until)).is_ok());
    let refusal = firm.clone().cancel(by(CancelledBy::Patient, at(101))).unwrap_err();
    assert!(matches!(refusal, SchedulingError::TooLateToCancel(told) if told == until));
    assert!(firm.clone().cancel(by(CancelledBy::Provider, at(101))).is_ok());
    let held = Appointment { state: State::Held, ..firm };
    assert!(held.cancel(by(CancelledBy::Patient, at(101))).is_ok(), "nobody's word yet");
}

#[test]
fn sc_01_a_displaced_appointment_is_confirmed_in_time_or_given_up_by_the_provider() {
    let confirmed = Appointment { confirmed_at: Some(at(9)), ..appointment(State::Confirmed) };
    let displaced = confirmed.displace(at(400)).unwrap();
    assert_eq!(displaced.state, State::Displaced(at(400)));
    let accepted = displaced.clone().confirm(at(399)).unwrap();
    assert_eq!((accepted.state, accepted.confirmed_at), (State::Confirmed, Some(at(9))));
    assert!(matches!(displaced.clone().confirm(at(400)), Err(SchedulingError::HoldExpired(end)) if end == at(400)));
    assert_eq!(displaced.clone().give_up_displaced("late", at(399)), None);
    let given_up = displaced.give_up_displaced("late", at(400)).unwrap();
    assert!(matches!(given_up.state, State::Cancelled(Cancellation { by: CancelledBy::Provider, .. })));
    assert!(matches!(appointment(State::Held).displace(at(9)), Err(SchedulingError::AppointmentNotConfirmed)));
}
