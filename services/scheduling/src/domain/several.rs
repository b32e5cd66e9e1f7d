//! An appointment of several places, in a row or of several people at one time, of which a provider takes some back: what can stay stays, what
//! cannot is replaced at the same time, and where that is not possible all of it is offered at another time (SC-01, SC-10).

use chrono::{DateTime, TimeDelta, Utc};
use types::ids::{DepartmentId, OrganisationId, PractitionerId, SlotId};

use super::{
    appointment::Appointment,
    displace::{Room, covers},
    session::{Slot, Span},
};

/// One place of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub slot: Slot,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    /// The provider takes it back.
    pub is_lost: bool,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Each place that goes has another one at its time: index of its room; none for one that stays.
    Replaced(Vec<Option<usize>>),
    /// All of it at another time: index of the room of each place.
    Offered(Vec<usize>),
    /// There is nothing.
    Lost,
}

/// `needs` are the capabilities of the session whose places go; `busy` is when the patient is elsewhere.
pub fn plan(
    appointment: &Appointment,
    parts: &[Part],
    rooms: &[Room],
    needs: &[String],
    busy: &[Span],
    now: DateTime<Utc>,
) -> Plan {
    let planning = Planning { appointment, parts, rooms, needs, now };
    if let Some(replaced) = planning.replaced() {
        return Plan::Replaced(replaced);
    }
    planning.other_time(busy).map_or(Plan::Lost, Plan::Offered)
}

struct Planning<'a> {
    appointment: &'a Appointment,
    parts: &'a [Part],
    rooms: &'a [Room],
    needs: &'a [String],
    now: DateTime<Utc>,
}

impl Planning<'_> {
    fn replaced(&self) -> Option<Vec<Option<usize>>> {
        let mut used: Vec<SlotId> = self.parts.iter().map(|part| part.slot.id).collect();
        let mut replaced = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            replaced.push(if part.is_lost { Some(self.room_for(part, TimeDelta::zero(), &mut used)?) } else { None });
        }
        Some(replaced)
    }

    /// The nearest time at which there is a place for each of them.
    fn other_time(&self, busy: &[Span]) -> Option<Vec<usize>> {
        let first = self.parts.first()?;
        let mut shifts: Vec<TimeDelta> =
            self.rooms.iter().map(|room| room.slot.starts_at - first.slot.starts_at).collect();
        shifts.sort_by_key(|shift| (shift.abs(), *shift));
        shifts.dedup();
        shifts.into_iter().filter(|shift| !shift.is_zero() && self.is_free(*shift, busy)).find_map(|shift| {
            let mut used = vec![];
            self.parts.iter().map(|part| self.room_for(part, shift, &mut used)).collect()
        })
    }

    fn is_free(&self, shift: TimeDelta, busy: &[Span]) -> bool {
        let (from, until) = (self.appointment.slot.starts_at + shift, self.appointment.slot.ends_at + shift);
        !busy.iter().any(|span| span.0 < until && span.1 > from)
    }

    /// A room of the same department, of the same doctor where there is one. No slot is used twice.
    fn room_for(&self, part: &Part, shift: TimeDelta, used: &mut Vec<SlotId>) -> Option<usize> {
        let suits = |room: &&Room| {
            (room.slot.starts_at, room.slot.ends_at) == (part.slot.starts_at + shift, part.slot.ends_at + shift)
                && room.slot.starts_at > self.now
                && (room.organisation, room.department) == (part.organisation, part.department)
                && room.pool == self.appointment.pool
                && room.kinds.contains(&self.appointment.kind)
                && room.free > 0
                && !used.contains(&room.slot.id)
                && (!part.is_lost || covers(&room.capabilities, self.needs))
        };
        let suitable = || self.rooms.iter().enumerate().filter(|(_, room)| suits(room));
        let same = suitable().find(|(_, room)| room.practitioner == part.practitioner);
        let (index, room) = same.or_else(|| suitable().next())?;
        let slot = room.slot.id;
        used.push(slot);
        Some(index)
    }
}

/// The appointment in these places: the room of each, none where it stays.
pub fn moved(appointment: Appointment, parts: &[Part], rooms: &[Option<&Room>]) -> Appointment {
    let mut slots = parts.iter().zip(rooms).map(|(part, room)| room.map_or(part.slot, |room| room.slot));
    let shift = match (parts.first(), slots.next()) {
        (Some(part), Some(first)) => first.starts_at - part.slot.starts_at,
        _ => TimeDelta::zero(),
    };
    let more_slots: Vec<SlotId> = slots.map(|slot| slot.id).collect();
    let (starts_at, ends_at) = (appointment.slot.starts_at + shift, appointment.slot.ends_at + shift);
    let revision = appointment.revision.saturating_add(1);
    let whole = Slot { starts_at, ends_at, ..appointment.slot };
    match rooms.first() {
        Some(Some(first)) => Appointment {
            slot: Slot { id: first.slot.id, session: first.slot.session, ..whole },
            more_slots,
            organisation: first.organisation,
            department: first.department,
            practitioner: first.practitioner,
            terms: first.terms.clone(),
            revision,
            ..appointment
        },
        _ => Appointment { slot: whole, more_slots, revision, ..appointment },
    }
}

#[cfg(test)]
#[path = "several_tests.rs"]
mod tests;
