use types::caller::Party;
use types::ids::{AppointmentId, JourneyId, SessionId, SlotId};
use uuid::Uuid;

use super::*;
use crate::domain::appointment::Channel;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn slot(number: u128, minutes: i64) -> Slot {
    let id = Uuid::from_u128(number);
    Slot {
        id: SlotId::from_uuid(id),
        session: SessionId::from_uuid(id),
        starts_at: at(minutes),
        ends_at: at(minutes + 30),
    }
}

fn appointment(number: u128, slot: Slot, pool: Pool) -> Appointment {
    let resident = ResidentId::from_uuid(Uuid::from_u128(number));
    Appointment {
        id: AppointmentId::from_uuid(Uuid::from_u128(number)),
        resident,
        slot,
        more_slots: vec![],
        organisation: OrganisationId::from_uuid(Uuid::from_u128(1)),
        department: None,
        practitioner: None,
        kind: CareKind::Outpatient,
        pool,
        channel: Channel::App,
        booked_by: Party::Resident(resident),
        device: None,
        delegation: None,
        referral: None,
        journey: JourneyId::from_uuid(Uuid::from_u128(number)),
        stated_lines: vec![],
        terms: VisitTerms::default(),
        quote: None,
        revision: 1,
        held_at: at(0),
        hold_expires_at: at(5),
        confirmed_at: Some(at(1)),
        state: State::Confirmed,
    }
}

fn room(slot: Slot, pool: Pool, free: u32) -> Room {
    Room {
        slot,
        pool,
        free,
        organisation: OrganisationId::from_uuid(Uuid::from_u128(1)),
        department: None,
        practitioner: None,
        kinds: vec![CareKind::Outpatient],
        capabilities: vec![],
        is_for_symptoms: false,
        terms: VisitTerms::default(),
    }
}

fn planned(affected: &[Appointment], rooms: &[Room]) -> Vec<Fate> {
    plan(affected, rooms, &[], &Busy::new(), at(0))
}

#[test]
fn sc_01_who_still_fits_is_kept_and_the_rest_get_the_nearest_time() {
    let (own, then, later, far) = (slot(1, 600), slot(2, 600), slot(3, 660), slot(4, 900));
    let people: Vec<Appointment> = (11..16).map(|number| appointment(number, own, Pool::Public)).collect();
    let rooms = [
        room(own, Pool::Public, 1),
        room(then, Pool::Public, 1),
        room(far, Pool::Public, 1),
        room(later, Pool::Public, 1),
    ];
    assert_eq!(planned(&people, &rooms), [Fate::Kept, Fate::Moved(1), Fate::Offered(3), Fate::Offered(2), Fate::Lost],);
}

#[test]
fn sc_01_an_earlier_patient_moves_over_so_that_a_later_one_fits_too() {
    let own = slot(1, 600);
    let reserved = appointment(11, own, Pool::Referral);
    let public = appointment(12, own, Pool::Public);
    // The public place fits both, the reserved one only the first.
    let rooms = [room(slot(2, 600), Pool::Public, 1), room(slot(3, 600), Pool::Referral, 1)];
    assert_eq!(planned(&[reserved, public.clone()], &rooms), [Fate::Moved(1), Fate::Moved(0)]);
    assert_eq!(planned(&[public], &rooms[1..]), [Fate::Lost], "another pool is kept for others");
}

#[test]
fn sc_01_nobody_is_sent_where_they_cannot_be_or_are_not_helped() {
    let own = slot(1, 600);
    let patient = appointment(11, own, Pool::Public);
    let free = room(slot(2, 660), Pool::Public, 1);
    let busy = Busy::from([(patient.resident, vec![(at(670), at(680))])]);
    let one = std::slice::from_ref(&patient);
    let with = |room: Room, needs: &[&str], busy: &Busy| {
        let needs: Vec<String> = needs.iter().map(|need| (*need).to_owned()).collect();
        plan(one, &[room], &needs, busy, at(0))
    };
    assert_eq!(with(free.clone(), &[], &busy), [Fate::Lost], "they are elsewhere then");
    assert_eq!(with(Room { slot: slot(2, -5), ..free.clone() }, &[], &Busy::new()), [Fate::Lost], "it is past");
    let hearts = Room { capabilities: vec!["I2".to_owned()], ..free.clone() };
    assert_eq!(with(hearts.clone(), &["I25"], &Busy::new()), [Fate::Offered(0)]);
    assert_eq!(with(hearts.clone(), &["J44"], &Busy::new()), [Fate::Lost]);
    assert_eq!(with(hearts, &[], &Busy::new()), [Fate::Lost], "what they came for is not known");
    let other = Room { kinds: vec![CareKind::Vaccination], ..free.clone() };
    assert_eq!(with(other, &[], &Busy::new()), [Fate::Lost]);
    let held = Appointment { state: State::Held, ..patient };
    assert_eq!(planned(&[held], &[free]), [Fate::Lost], "a hold is for the time that was asked for");
}

#[test]
fn sc_12_nobody_is_sent_to_another_clinic_without_being_asked() {
    let patient = appointment(11, slot(1, 600), Pool::Public);
    let elsewhere = OrganisationId::from_uuid(Uuid::from_u128(2));
    let room = Room { organisation: elsewhere, ..room(slot(2, 600), Pool::Public, 1) };
    assert_eq!(planned(std::slice::from_ref(&patient), std::slice::from_ref(&room)), [Fate::Offered(0)]);
    let there = moved(patient.clone(), &room);
    assert_eq!((there.organisation, there.slot, there.revision), (elsewhere, room.slot, patient.revision + 1));
}

#[test]
fn sc_12_the_feverish_are_sent_among_the_feverish_and_nobody_else_is() {
    let patient = appointment(11, slot(1, 600), Pool::Public);
    let place = |slot, free, is_for_symptoms| Room { is_for_symptoms, ..room(slot, Pool::Public, free) };
    let sent =
        |from_symptoms, to: Room| planned(std::slice::from_ref(&patient), &[place(patient.slot, 0, from_symptoms), to]);
    for there in [slot(2, 600), slot(3, 660)] {
        for from_symptoms in [true, false] {
            let like = sent(from_symptoms, place(there, 1, from_symptoms));
            assert!(matches!(like[..], [Fate::Moved(1) | Fate::Offered(1)]), "{like:?}");
            assert_eq!(sent(from_symptoms, place(there, 1, !from_symptoms)), [Fate::Lost]);
        }
    }
}

#[test]
fn sc_01_a_place_is_kept_no_longer_than_until_it_begins() {
    assert_eq!(deadline(at(60), TimeDelta::hours(24), at(0)), at(60));
    assert_eq!(deadline(at(6_000), TimeDelta::hours(24), at(0)), at(1_440));
}
