//! What becomes of those whose place a provider takes back. Who can keep their time keeps it, in their own slot or with somebody else who is
//! fit for it; as many of the others as can be are offered another time, the nearest; nobody else has to move for that (SC-01).

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, PractitionerId, ResidentId},
};

use super::{
    appointment::{Appointment, State},
    best_fit::{Cost, best_fit},
    pool::Pool,
    session::{Slot, Span, VisitTerms},
};

/// What a place in the public pool costs somebody with a right to a reserved one, in minutes of waiting.
const PUBLIC_COSTS_MIN: i64 = 30;

/// Free places of a slot in one pool, at the same department, or wherever else may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub slot: Slot,
    pub pool: Pool,
    pub free: u32,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub kinds: Vec<CareKind>,
    /// As of its session.
    pub capabilities: Vec<String>,
    /// A surge opened its session for symptoms: the capabilities.
    pub is_for_symptoms: bool,
    pub terms: VisitTerms,
}

/// What somebody does meanwhile, whom it would not help to get a place at that time.
pub type Busy = HashMap<ResidentId, Vec<Span>>;

/// What becomes of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays where it is.
    Kept,
    /// The same time in another place: index of the room.
    Moved(usize),
    /// Another time is kept for them: index of the room.
    Offered(usize),
    /// There is nothing.
    Lost,
}

/// Decides about all at once, in the order in which they were booked. `needs` are the capabilities of the one session that they were in; its own
/// rooms are among `rooms`.
pub fn plan(affected: &[Appointment], rooms: &[Room], needs: &[String], busy: &Busy, now: DateTime<Utc>) -> Vec<Fate> {
    let mut fates = vec![Fate::Lost; affected.len()];
    let mut free: Vec<u32> = rooms.iter().map(|room| room.free).collect();
    // The feverish are sent among the feverish, and nobody else is.
    let is_theirs = |room: &Room| affected.iter().any(|appointment| appointment.slot.id == room.slot.id);
    let from_symptoms = rooms.iter().any(|room| room.is_for_symptoms && is_theirs(room));
    let cost = |appointment: &Appointment, room: &Room| {
        if room.is_for_symptoms == from_symptoms { same_time(appointment, room, needs, busy, now) } else { None }
    };
    assign(affected, rooms, &mut free, &mut fates, cost, |appointment, room, index| {
        if is_own(appointment, room) { Fate::Kept } else { Fate::Moved(index) }
    });
    let cost = |appointment: &Appointment, room: &Room| {
        if room.is_for_symptoms == from_symptoms { other_time(appointment, room, needs, busy, now) } else { None }
    };
    assign(affected, rooms, &mut free, &mut fates, cost, |_, _, index| Fate::Offered(index));
    fates
}

fn assign(
    affected: &[Appointment],
    rooms: &[Room],
    free: &mut [u32],
    fates: &mut [Fate],
    cost: impl Fn(&Appointment, &Room) -> Cost,
    fate: impl Fn(&Appointment, &Room, usize) -> Fate,
) {
    let open: Vec<usize> =
        fates.iter().enumerate().filter(|(_, fate)| **fate == Fate::Lost).map(|(index, _)| index).collect();
    let row = |index: &usize| match affected.get(*index) {
        Some(appointment) => rooms.iter().map(|room| cost(appointment, room)).collect(),
        None => vec![],
    };
    let costs: Vec<Vec<Cost>> = open.iter().map(row).collect();
    for (index, place) in open.into_iter().zip(best_fit(&costs, free)) {
        let Some(place) = place else { continue };
        if let (Some(appointment), Some(room), Some(open), Some(left)) =
            (affected.get(index), rooms.get(place), fates.get_mut(index), free.get_mut(place))
        {
            *open = fate(appointment, room, place);
            *left = left.saturating_sub(1);
        }
    }
}

fn is_own(appointment: &Appointment, room: &Room) -> bool {
    room.slot.id == appointment.slot.id && room.pool == appointment.pool
}

fn same_time(appointment: &Appointment, room: &Room, needs: &[String], busy: &Busy, now: DateTime<Utc>) -> Cost {
    if is_own(appointment, room) {
        return room.kinds.contains(&appointment.kind).then_some(0);
    }
    // To another clinic nobody is sent without being asked.
    let is_then = room.slot.starts_at == appointment.slot.starts_at && room.organisation == appointment.organisation;
    (is_then && is_fit(appointment, room, needs, busy, now)).then(|| {
        let is_other_doctor = room.practitioner != appointment.practitioner;
        1 + i64::from(is_other_doctor) + public_costs(appointment, room)
    })
}

/// A hold is for the time that was asked for, and for no other.
fn other_time(appointment: &Appointment, room: &Room, needs: &[String], busy: &Busy, now: DateTime<Utc>) -> Cost {
    let is_offered = !is_own(appointment, room)
        && appointment.state != State::Held
        && (room.slot.starts_at != appointment.slot.starts_at || room.organisation != appointment.organisation)
        && is_fit(appointment, room, needs, busy, now);
    is_offered.then(|| {
        (room.slot.starts_at - appointment.slot.starts_at).num_minutes().abs() + public_costs(appointment, room)
    })
}

fn public_costs(appointment: &Appointment, room: &Room) -> i64 {
    if room.pool == appointment.pool { 0 } else { PUBLIC_COSTS_MIN }
}

fn is_fit(appointment: &Appointment, room: &Room, needs: &[String], busy: &Busy, now: DateTime<Utc>) -> bool {
    let overlaps = |(from, until): &Span| *from < room.slot.ends_at && *until > room.slot.starts_at;
    room.slot.starts_at > now
        && room.kinds.contains(&appointment.kind)
        && (room.pool == appointment.pool || room.pool == Pool::Public)
        && covers(&room.capabilities, needs)
        && !busy.get(&appointment.resident).is_some_and(|spans| spans.iter().any(overlaps))
}

/// Whether a session is fit for whatever another one was fit for.
pub(super) fn covers(capabilities: &[String], needs: &[String]) -> bool {
    let is_covered = |need: &String| capabilities.iter().any(|prefix| need.starts_with(prefix.as_str()));
    capabilities.is_empty() || (!needs.is_empty() && needs.iter().all(is_covered))
}

/// The appointment in another place.
pub fn moved(appointment: Appointment, room: &Room) -> Appointment {
    Appointment {
        slot: room.slot,
        pool: room.pool,
        organisation: room.organisation,
        department: room.department,
        practitioner: room.practitioner,
        terms: room.terms.clone(),
        revision: appointment.revision + 1,
        ..appointment
    }
}

/// Until when a place at another time is kept: for as long as is usual, and never past its beginning.
pub fn deadline(starts_at: DateTime<Utc>, kept_for: TimeDelta, now: DateTime<Utc>) -> DateTime<Utc> {
    starts_at.min(now + kept_for)
}

#[cfg(test)]
#[path = "displace_tests.rs"]
mod tests;
