use uuid::Uuid;

use super::*;
use crate::domain::appointment::tests::{appointment, at};

const RULES: Rules = Rules::PUBLISHED;

fn now() -> DateTime<Utc> {
    "2026-06-15T04:00:00Z".parse().unwrap()
}

fn missed(number: u128, days_ago: i64) -> Missed {
    let appointment = AppointmentId::from_uuid(Uuid::from_u128(number));
    Missed { appointment, starts_at: now() - TimeDelta::days(days_ago), is_counted: false, is_forgiven: false }
}

fn decision() -> Decision {
    Decision { at: now(), by: Party::Client("operator".to_owned()), reason: "seen".to_owned() }
}

fn suspension() -> Suspension {
    let missed = vec![AppointmentId::generate()];
    Suspension::begin(ResidentId::generate(), now() + TimeDelta::days(90), missed, now())
}

#[test]
fn sc_04_nobody_is_called_missed_before_half_an_hour_after_the_start() {
    let begins = appointment(State::Confirmed).slot.starts_at;
    let since = begins + TimeDelta::minutes(30);
    let early = appointment(State::Confirmed).miss(&RULES, since - TimeDelta::seconds(1));
    assert!(matches!(early, Err(SchedulingError::NotMissedYet(at)) if at == since));
    let missed = appointment(State::Confirmed).miss(&RULES, since).unwrap();
    assert_eq!(missed.state, State::NoShow);
    assert_eq!(missed.clone().miss(&RULES, since).unwrap(), missed);
    for state in [State::Held, State::Expired, State::Displaced(at(0))] {
        let refused = appointment(state).miss(&RULES, at(1_000_000));
        assert!(matches!(refused, Err(SchedulingError::AppointmentNotConfirmed)));
    }
}

#[test]
fn sc_08_the_third_no_show_within_ninety_days_suspends_for_ninety() {
    let two = [missed(1, 1), missed(2, 89)];
    assert_eq!(due(&RULES, &two, now()), None);
    let three = [two[0], two[1], missed(3, 90)];
    let (until, evidence) = due(&RULES, &three, now()).unwrap();
    assert_eq!((until, evidence.len()), (now() + TimeDelta::days(90), 3));
    assert_eq!(due(&RULES, &[two[0], two[1], missed(3, 91)], now()), None, "too long ago");
    let counted = Missed { is_counted: true, ..missed(3, 3) };
    assert_eq!(due(&RULES, &[two[0], two[1], counted], now()), None, "led to a suspension before");
}

#[test]
fn sc_08_the_sixth_in_a_year_suspends_for_a_hundred_and_eighty_days_unless_some_were_forgiven() {
    let before =
        |is_forgiven| (4..=6).map(move |number| Missed { is_counted: true, is_forgiven, ..missed(number, 100) });
    let fresh = [missed(1, 1), missed(2, 2), missed(3, 3)];
    let until = |is_forgiven| {
        let all: Vec<Missed> = before(is_forgiven).chain(fresh).collect();
        due(&RULES, &all, now()).unwrap().0
    };
    assert_eq!(until(false), now() + TimeDelta::days(180));
    assert_eq!(until(true), now() + TimeDelta::days(90));
    let last_year = [missed(4, 170), missed(5, 170), missed(6, 170)].map(|one| Missed { is_counted: true, ..one });
    let all: Vec<Missed> = last_year.into_iter().chain(fresh).collect();
    assert_eq!(due(&RULES, &all, now()).unwrap().0, now() + TimeDelta::days(90));
}

#[test]
fn sc_08_a_suspension_never_stands_in_the_way_of_a_referral_an_emergency_or_a_desk() {
    let online = appointment(State::Held);
    assert!(online.heeds_suspension(&RULES));
    assert!(!Appointment { pool: Pool::Referral, ..online.clone() }.heeds_suspension(&RULES));
    assert!(!Appointment { kind: CareKind::Emergency, ..online.clone() }.heeds_suspension(&RULES));
    // What a resident says of the channel is their own word.
    assert!(Appointment { channel: Channel::Phone, ..online.clone() }.heeds_suspension(&RULES));
    let by_desk = Party::Client("desk".to_owned());
    let at_desk = Appointment { channel: Channel::Desk, booked_by: by_desk.clone(), ..online.clone() };
    assert!(!at_desk.heeds_suspension(&RULES));
    assert!(Appointment { booked_by: by_desk, ..online }.heeds_suspension(&RULES), "by the app");
    assert!(at_desk.heeds_suspension(&Rules { is_of_every_channel: true, ..RULES }));
}

#[test]
fn sc_08_a_suspension_is_appealed_once_and_decided_about() {
    let appealed = suspension().appeal(Ground::Came, now()).unwrap();
    assert_eq!(appealed.standing, Standing::Appealed);
    assert!(matches!(appealed.clone().appeal(Ground::Came, now()), Err(SchedulingError::AlreadyAppealed)));
    let upheld = appealed.clone().uphold(decision()).unwrap();
    assert!(matches!(upheld.clone().uphold(decision()), Err(SchedulingError::NoAppeal)));
    assert!(matches!(upheld.clone().appeal(Ground::Came, now()), Err(SchedulingError::AlreadyAppealed)));
    let lifted = upheld.lift(decision());
    assert_eq!(lifted.standing, Standing::Lifted);
    let later = Decision { reason: "again".to_owned(), ..decision() };
    assert_eq!(lifted.clone().lift(later), lifted);
    assert!(matches!(lifted.appeal(Ground::Came, now()), Err(SchedulingError::SuspensionOver)));
    assert!(matches!(suspension().uphold(decision()), Err(SchedulingError::NoAppeal)));
    let over = suspension().appeal(Ground::Came, now() + TimeDelta::days(90));
    assert!(matches!(over, Err(SchedulingError::SuspensionOver)));
}
