//! An appointment that moves to another place: it stays the same appointment, with a higher revision.

use chrono::{DateTime, Utc};
use types::ids::{DepartmentId, OrganisationId, PractitionerId, SlotId};

use super::{
    appointment::{Appointment, State},
    error::SchedulingError,
    pool::Pool,
    session::{Slot, VisitTerms},
};

/// As the refusal says it.
pub const MOVES: &str = "in moving one appointment";

/// Where an appointment goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub slot: Slot,
    pub more_slots: Vec<SlotId>,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub pool: Pool,
    pub terms: VisitTerms,
}

impl Appointment {
    /// Every place it has.
    pub fn slots(&self) -> impl Iterator<Item = SlotId> {
        std::iter::once(self.slot.id).chain(self.more_slots.iter().copied())
    }

    /// To another place of the same department, so that what was quoted for it goes on to be true. Whether that is free is another
    /// question. Where it is there already it stays as it is; one that the provider could not keep is firm again.
    pub fn move_to(self, place: Place, moves_max: i32, now: DateTime<Utc>) -> Result<Self, SchedulingError> {
        match self.state {
            State::Confirmed if self.slot.starts_at > now => {}
            State::Displaced(_) => {}
            State::Held => return Err(SchedulingError::AppointmentNotConfirmed),
            State::Confirmed | State::Kept(_) | State::Expired | State::Cancelled(_) | State::NoShow => {
                return Err(SchedulingError::AppointmentNotActive);
            }
        }
        if (place.organisation, place.department) != (self.organisation, self.department) {
            return Err(SchedulingError::field("slot_ids", "must be of the same provider and department"));
        }
        let is_same = place.pool == self.pool && place.slot.id == self.slot.id && place.more_slots == self.more_slots;
        if is_same && self.state == State::Confirmed {
            return Ok(self);
        }
        self.check_notice(now)?;
        // Its first place is its first revision.
        if self.state == State::Confirmed && self.revision > moves_max {
            return Err(SchedulingError::BookingLimit { period: MOVES });
        }
        let Place { slot, more_slots, practitioner, pool, terms, .. } = place;
        let revision = self.revision.saturating_add(1);
        let state = State::Confirmed;
        Ok(Self { slot, more_slots, practitioner, pool, terms, revision, state, ..self })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use types::ids::SessionId;

    use super::*;
    use crate::domain::appointment::tests::{appointment, at};

    fn place(department: Option<DepartmentId>) -> Place {
        let was = appointment(State::Confirmed);
        let starts_at = was.slot.starts_at + TimeDelta::hours(1);
        let ends_at = starts_at + TimeDelta::hours(1);
        let slot = Slot { id: SlotId::generate(), session: SessionId::generate(), starts_at, ends_at };
        let Appointment { organisation, practitioner, pool, .. } = was;
        Place { slot, more_slots: vec![], organisation, department, practitioner, pool, terms: VisitTerms::default() }
    }

    #[test]
    fn sc_04_what_moves_stays_the_same_appointment_with_a_higher_revision() {
        let before = appointment(State::Confirmed);
        let place = place(None);
        let after = before.clone().move_to(place.clone(), 3, at(0)).unwrap();
        assert_eq!((after.id, after.revision, after.slot), (before.id, 2, place.slot));
        assert_eq!((&after.state, after.held_at), (&State::Confirmed, before.held_at));
        let displaced = appointment(State::Displaced(at(0))).move_to(place.clone(), 0, at(0)).unwrap();
        assert_eq!(displaced.state, State::Confirmed);
        let often = Appointment { revision: 4, ..before };
        assert!(matches!(often.move_to(place, 3, at(0)), Err(SchedulingError::BookingLimit { period: MOVES })));
    }

    #[test]
    fn sc_04_what_is_held_begun_or_over_does_not_move() {
        let refused = |state: State, now| appointment(state).move_to(place(None), 3, now).unwrap_err();
        assert!(matches!(refused(State::Held, at(0)), SchedulingError::AppointmentNotConfirmed));
        assert!(matches!(refused(State::NoShow, at(0)), SchedulingError::AppointmentNotActive));
        let begun = appointment(State::Confirmed).slot.starts_at;
        assert!(matches!(refused(State::Confirmed, begun), SchedulingError::AppointmentNotActive));
    }

    #[test]
    fn sc_04_it_moves_to_another_place_of_the_same_department() {
        let before = appointment(State::Confirmed);
        let elsewhere = before.clone().move_to(place(Some(DepartmentId::generate())), 3, at(0));
        assert!(
            matches!(&elsewhere, Err(SchedulingError::Field { field, .. }) if field == "slot_ids"),
            "{elsewhere:?}"
        );
        let own = before.clone().move_to(Place { slot: before.slot, ..place(None) }, 0, at(0)).unwrap();
        assert_eq!(own, before, "it is there already");
    }
}
