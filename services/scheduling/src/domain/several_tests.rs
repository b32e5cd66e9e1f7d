use types::{care::CareKind, ids::SessionId};
use uuid::Uuid;

use super::*;
use crate::domain::{
    appointment::{
        State,
        tests::{appointment, at},
    },
    pool::Pool,
    session::VisitTerms,
};

const HOUR: i64 = 3_600;

/// A consultation of two doctors of one clinic, the second of another department, at one time.
fn consultation() -> (Appointment, Vec<Part>) {
    let starts_at = at(100 * HOUR);
    let part = |number: u128| Part {
        slot: slot(number, starts_at),
        organisation: OrganisationId::from_uuid(Uuid::from_u128(1)),
        department: Some(DepartmentId::from_uuid(Uuid::from_u128(number))),
        practitioner: Some(PractitionerId::from_uuid(Uuid::from_u128(number))),
        is_lost: number == 2,
    };
    let parts = vec![part(1), part(2)];
    let whole = Appointment {
        slot: parts[0].slot,
        more_slots: vec![parts[1].slot.id],
        department: parts[0].department,
        practitioner: parts[0].practitioner,
        ..appointment(State::Confirmed)
    };
    (whole, parts)
}

fn slot(number: u128, starts_at: DateTime<Utc>) -> Slot {
    let id = Uuid::from_u128(number);
    Slot {
        id: SlotId::from_uuid(id),
        session: SessionId::from_uuid(id),
        starts_at,
        ends_at: starts_at + TimeDelta::hours(1),
    }
}

fn room(part: &Part, number: u128, hours: i64) -> Room {
    Room {
        slot: slot(number, part.slot.starts_at + TimeDelta::hours(hours)),
        pool: Pool::Public,
        free: 1,
        organisation: part.organisation,
        department: part.department,
        practitioner: None,
        kinds: vec![CareKind::Outpatient],
        capabilities: vec![],
        is_for_symptoms: false,
        terms: VisitTerms::default(),
    }
}

fn planned(rooms: &[Room], busy: &[Span]) -> Plan {
    let (whole, parts) = consultation();
    plan(&whole, &parts, rooms, &[], busy, at(0))
}

#[test]
fn sc_10_what_goes_is_replaced_at_its_time_and_the_rest_stays() {
    let (whole, parts) = consultation();
    let other = room(&parts[1], 20, 0);
    let own = Room { practitioner: parts[1].practitioner, ..room(&parts[1], 21, 0) };
    let rooms = [room(&parts[0], 10, 0), other, own];
    assert_eq!(planned(&rooms, &[]), Plan::Replaced(vec![None, Some(2)]), "the same doctor before another");
    let after = moved(whole.clone(), &parts, &[None, Some(&rooms[2])]);
    assert_eq!((after.slot, after.more_slots.as_slice()), (whole.slot, &[rooms[2].slot.id][..]));
    assert_eq!((after.revision, after.practitioner), (whole.revision + 1, whole.practitioner));
}

#[test]
fn sc_10_where_one_cannot_be_replaced_all_are_offered_at_the_nearest_time() {
    let (whole, parts) = consultation();
    let rooms = [
        room(&parts[0], 10, 1),
        room(&parts[0], 11, -2),
        room(&parts[1], 20, -2),
        room(&parts[0], 12, 3),
        room(&parts[1], 21, 3),
    ];
    assert_eq!(planned(&rooms, &[]), Plan::Offered(vec![1, 2]));
    let there = |hours| (whole.slot.starts_at + TimeDelta::hours(hours), whole.slot.ends_at + TimeDelta::hours(hours));
    assert_eq!(planned(&rooms, &[there(-2)]), Plan::Offered(vec![3, 4]), "they are elsewhere before");
    assert_eq!(planned(&rooms, &[there(-2), there(3)]), Plan::Lost);
    let after = moved(whole.clone(), &parts, &[Some(&rooms[1]), Some(&rooms[2])]);
    assert_eq!((after.slot.starts_at, after.slot.ends_at), there(-2));
    assert_eq!((after.slot.id, after.more_slots.as_slice()), (rooms[1].slot.id, &[rooms[2].slot.id][..]));
}

#[test]
fn sc_10_what_is_full_past_or_of_another_department_replaces_nothing() {
    let (_, parts) = consultation();
    let full = Room { free: 0, ..room(&parts[1], 20, 0) };
    let foreign = Room { department: None, ..room(&parts[1], 21, 0) };
    let reserved = Room { pool: Pool::Referral, ..room(&parts[1], 22, 0) };
    let longer = Room { slot: Slot { ends_at: at(200 * HOUR), ..parts[1].slot }, ..room(&parts[1], 23, 0) };
    let past = [room(&parts[0], 24, -100), room(&parts[1], 25, -100)];
    assert_eq!(planned(&[vec![full, foreign, reserved, longer], past.to_vec()].concat(), &[]), Plan::Lost);
}
