//! Who gets which place, as one would work it out on paper: one wish after the other, over a list of what stands.

use std::collections::{BTreeMap, HashMap};

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use scheduling::domain::{
    appointment::{Appointment, CancelledBy},
    pool::Pool,
};
use types::{
    care::CareKind,
    clock::local_date,
    ids::{AppointmentId, DelegationId, JourneyId, ResidentId, SlotId},
};

use super::clinic::{RULES, Room};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Judged {
    Given,
    Again,
    SlotTaken,
    PatientConflict,
    Limit(&'static str),
    NoDelegation,
    UsedUp,
    Cancelled,
    Exists,
    Suspended,
    JourneyOfAnother,
}

#[derive(Debug, Clone)]
struct Booked {
    appointment: Appointment,
    person: usize,
    /// None while it stands.
    given_up_by: Option<CancelledBy>,
    /// The person did not come: it counts, and stands in no other's way.
    is_missed: bool,
    /// The provider keeps this place for whose own it took back: it takes the place, and neither counts nor stands in any other's way until the
    /// person says yes.
    is_displaced: bool,
}

pub(super) struct Model {
    places: HashMap<(SlotId, &'static str), usize>,
    persons: HashMap<ResidentId, usize>,
    revoked: DelegationId,
    /// Who books online no more.
    suspended: usize,
    /// Whose visit is of which episode of care.
    visited: (JourneyId, usize),
    booked: Vec<Booked>,
    /// Ids that callers chose: whose, and whether the cancel came first.
    chosen: BTreeMap<AppointmentId, (usize, bool)>,
    met: BTreeMap<Judged, usize>,
}

/// One person at a desk books for everybody else here.
const OTHERS: &str = "a day for others";
const OTHERS_MAX: usize = 40;
const DEVICE: &str = "a day from one device";
const DEVICE_MAX: usize = 30;

/// Whether anything limits it.
fn is_bound(wish: &Appointment) -> bool {
    wish.pool != Pool::Referral && wish.kind != CareKind::Emergency
}

fn is_by(booked: &Booked, wish: &Appointment) -> bool {
    booked.appointment.delegation.is_some() && booked.appointment.booked_by == wish.booked_by
}

impl Model {
    pub(super) fn new(
        rooms: &[Room],
        residents: &[(ResidentId, usize)],
        revoked: DelegationId,
        suspended: usize,
        visited: (JourneyId, usize),
    ) -> Self {
        let mut places = HashMap::new();
        for room in rooms {
            places.insert((room.slot.id, Pool::Public.as_str()), room.public);
            places.insert((room.slot.id, Pool::Referral.as_str()), room.referral);
        }
        let persons = residents.iter().copied().collect();
        let (booked, chosen, met) = (vec![], BTreeMap::new(), BTreeMap::new());
        Self { places, persons, revoked, suspended, visited, booked, chosen, met }
    }

    pub(super) fn batch<'a>(
        &mut self,
        wishes: impl Iterator<Item = (&'a Appointment, bool, Option<u32>)>,
    ) -> Vec<Judged> {
        let (mut seen, mut bookers, mut devices, mut judged) = (vec![], vec![], vec![], vec![]);
        let mut episodes: HashMap<JourneyId, usize> = HashMap::new();
        let stood = self.booked.len();
        for (wish, is_id_chosen, uses_max) in wishes {
            let person = self.persons[&wish.resident];
            // Nor is a wish judged that names what an earlier one of another person names.
            let is_episode_of_other = *episodes.entry(wish.journey).or_insert(person) != person;
            let verdict = if seen.contains(&person) || is_episode_of_other {
                Judged::Again
            } else {
                self.judge(person, wish, is_id_chosen, uses_max)
            };
            // What is booked for others in the same batch counts with the next.
            let for_others = self.booked.iter().take(stood).filter(|it| is_by(it, wish)).count();
            let earlier = bookers.iter().filter(|booker| **booker == &wish.booked_by).count();
            // Likewise what is asked for from one device.
            let from_device = self.booked.iter().take(stood).filter(|it| it.appointment.device == wish.device).count();
            let earlier_from = devices.iter().filter(|device| **device == &wish.device).count();
            let verdict = match verdict {
                Judged::Given | Judged::SlotTaken if is_bound(wish) => {
                    if wish.delegation.is_some() && for_others >= OTHERS_MAX {
                        Judged::Limit(OTHERS)
                    } else if wish.delegation.is_some() && for_others + earlier >= OTHERS_MAX {
                        Judged::Again
                    } else if wish.device.is_some() && from_device >= DEVICE_MAX {
                        Judged::Limit(DEVICE)
                    } else if wish.device.is_some() && from_device + earlier_from >= DEVICE_MAX {
                        Judged::Again
                    } else {
                        verdict
                    }
                }
                verdict => verdict,
            };
            seen.push(person);
            devices.push(&wish.device);
            if wish.delegation.is_some() {
                bookers.push(&wish.booked_by);
            }
            *self.met.entry(verdict).or_default() += 1;
            if verdict == Judged::Given {
                if is_id_chosen {
                    self.chosen.insert(wish.id, (person, false));
                }
                let appointment = wish.clone();
                self.booked.push(Booked {
                    appointment,
                    person,
                    given_up_by: None,
                    is_missed: false,
                    is_displaced: false,
                });
            }
            judged.push(verdict);
        }
        judged
    }

    fn judge(&self, person: usize, wish: &Appointment, is_id_chosen: bool, uses_max: Option<u32>) -> Judged {
        if wish.delegation == Some(self.revoked) {
            return Judged::NoDelegation;
        }
        if uses_max.is_some_and(|most| self.uses(wish.delegation) >= most as usize) {
            return Judged::UsedUp;
        }
        match self.chosen.get(&wish.id) {
            Some((whose, true)) if is_id_chosen && *whose == person => return Judged::Cancelled,
            Some(_) if is_id_chosen => return Judged::Exists,
            _ if is_id_chosen && self.booked.iter().any(|it| it.appointment.id == wish.id) => return Judged::Exists,
            _ => {}
        }
        if self.every_episode().any(|(episode, whose)| episode == wish.journey && whose != person) {
            return Judged::JourneyOfAnother;
        }
        if person == self.suspended && wish.heeds_suspension(&RULES.absence) {
            return Judged::Suspended;
        }
        if self.overlaps(person, wish) {
            return Judged::PatientConflict;
        }
        if let Some(period) = self.over_limit(person, wish).or_else(|| self.over_given_up(person, wish)) {
            return Judged::Limit(period);
        }
        self.room_for(wish)
    }

    /// Of whatever became of them.
    fn every_episode(&self) -> impl Iterator<Item = (JourneyId, usize)> {
        self.booked.iter().map(|it| (it.appointment.journey, it.person)).chain([self.visited])
    }

    /// A person's own episodes of care, or those of everybody else.
    pub(super) fn episodes(&self, resident: ResidentId, is_own: bool) -> Vec<JourneyId> {
        let person = self.persons[&resident];
        self.every_episode().filter(|(_, whose)| (*whose == person) == is_own).map(|(episode, _)| episode).collect()
    }

    fn overlaps(&self, person: usize, wish: &Appointment) -> bool {
        self.of(person).filter(|it| !it.is_missed).any(|it| {
            let (own, other) = (wish.slot, it.appointment.slot);
            other.starts_at < own.ends_at && other.ends_at > own.starts_at
        })
    }

    fn room_for(&self, wish: &Appointment) -> Judged {
        let room = (wish.slot.id, wish.pool.as_str());
        if self.taken_of(room) < self.places[&room] { Judged::Given } else { Judged::SlotTaken }
    }

    /// Whether a place is free there.
    pub(super) fn is_free(&self, slot: SlotId, pool: Pool) -> bool {
        let room = (slot, pool.as_str());
        self.taken_of(room) < self.places[&room]
    }

    /// What moves counts nowhere twice: it is judged as if it were not there, and stays where it was if it cannot go.
    pub(super) fn reschedule(&mut self, after: &Appointment) -> Judged {
        let index = self.booked.iter().position(|it| it.appointment.id == after.id).unwrap();
        let before = self.booked.remove(index);
        let judged = if self.overlaps(before.person, after) {
            Judged::PatientConflict
        } else if let Some(period) = self.over_limit(before.person, after) {
            Judged::Limit(period)
        } else {
            self.room_for(after)
        };
        let appointment = if judged == Judged::Given { after.clone() } else { before.appointment.clone() };
        self.booked.insert(index, Booked { appointment, ..before });
        judged
    }

    pub(super) fn miss(&mut self, id: AppointmentId) {
        if let Some(booked) = self.booked.iter_mut().find(|it| it.appointment.id == id) {
            booked.is_missed = true;
        }
    }

    /// It is in another place now, which the provider keeps for it.
    pub(super) fn displace(&mut self, after: &Appointment) {
        if let Some(booked) = self.booked.iter_mut().find(|it| it.appointment.id == after.id) {
            booked.appointment = after.clone();
            booked.is_displaced = true;
        }
    }

    pub(super) fn displaced_ids(&self) -> impl Iterator<Item = AppointmentId> {
        self.booked.iter().filter(|it| it.given_up_by.is_none() && it.is_displaced).map(|it| it.appointment.id)
    }

    /// The person says yes to the other place: only what they booked for that time meanwhile, by any id of theirs, is against it. No limit is: it
    /// is no new booking.
    pub(super) fn accept(&mut self, id: AppointmentId) -> Judged {
        let Some(index) = self.booked.iter().position(|it| it.appointment.id == id) else { return Judged::Exists };
        let Booked { appointment, person, .. } = &self.booked[index];
        if self.overlaps(*person, appointment) {
            return Judged::PatientConflict;
        }
        self.booked[index].is_displaced = false;
        Judged::Given
    }

    fn over_limit(&self, person: usize, wish: &Appointment) -> Option<&'static str> {
        if !is_bound(wish) {
            return None;
        }
        let day = local_date(wish.slot.starts_at);
        let quarter = |day: NaiveDate| (day.year(), day.month0() / 3);
        let counted: Vec<(NaiveDate, bool)> = self
            .of(person)
            .filter(|it| it.appointment.pool != Pool::Referral && it.appointment.kind != CareKind::Emergency)
            .map(|it| {
                let is_same = it.appointment.organisation == wish.organisation;
                (local_date(it.appointment.slot.starts_at), is_same)
            })
            .collect();
        let count = |counts: &dyn Fn(NaiveDate, bool) -> bool| {
            i32::try_from(counted.iter().filter(|(day, is_same)| counts(*day, *is_same)).count()).unwrap()
        };
        if count(&|other, is_same| other == day && is_same) >= RULES.per_day_and_department {
            return Some("a day in one department");
        }
        if count(&|other, _| other.iso_week() == day.iso_week()) >= RULES.per_week {
            return Some("a week");
        }
        if count(&|other, _| (other.year(), other.month()) == (day.year(), day.month())) >= RULES.per_month {
            return Some("a month");
        }
        if count(&|other, _| quarter(other) == quarter(day)) >= RULES.per_quarter {
            return Some("a quarter");
        }
        None
    }

    fn over_given_up(&self, person: usize, wish: &Appointment) -> Option<&'static str> {
        if !is_bound(wish) {
            return None;
        }
        let is_about_then = |it: &&Booked| {
            let (own, other) = (wish.slot.starts_at, it.appointment.slot.starts_at);
            (own - other).abs() < TimeDelta::days(1) && it.appointment.organisation == wish.organisation
        };
        let given_up =
            self.booked.iter().filter(|it| it.person == person && it.given_up_by == Some(CancelledBy::Patient));
        let given_up = given_up.filter(|it| it.appointment.pool != Pool::Referral).filter(is_about_then).count();
        if given_up >= usize::try_from(RULES.given_up).unwrap() {
            return Some("after giving up such places again and again");
        }
        None
    }

    fn of(&self, person: usize) -> impl Iterator<Item = &Booked> {
        self.booked.iter().filter(move |it| it.person == person && it.given_up_by.is_none() && !it.is_displaced)
    }

    /// What the patient's side gives up of firm bookings stays a use.
    fn uses(&self, delegation: Option<DelegationId>) -> usize {
        let is_use = |it: &&Booked| match it.given_up_by {
            None => true,
            Some(by) => by == CancelledBy::Patient && it.appointment.confirmed_at.is_some(),
        };
        self.booked.iter().filter(|it| it.appointment.delegation == delegation).filter(is_use).count()
    }

    fn taken_of(&self, room: (SlotId, &'static str)) -> usize {
        let is_there = |it: &&Booked| (it.appointment.slot.id, it.appointment.pool.as_str()) == room;
        self.booked.iter().filter(|it| it.given_up_by.is_none()).filter(is_there).count()
    }

    pub(super) fn give_up(&mut self, id: AppointmentId, by: CancelledBy) {
        if let Some(booked) = self.booked.iter_mut().find(|it| it.appointment.id == id) {
            booked.given_up_by = Some(by);
        }
    }

    pub(super) fn cancel_ahead(&mut self, id: AppointmentId, resident: ResidentId) {
        self.chosen.insert(id, (self.persons[&resident], true));
    }

    pub(super) fn active_ids(&self) -> impl Iterator<Item = AppointmentId> {
        self.booked.iter().filter(|it| it.given_up_by.is_none() && !it.is_missed).map(|it| it.appointment.id)
    }

    /// Ids whose cancel came before their hold.
    pub(super) fn cancelled_ahead(&self, resident: ResidentId) -> Vec<AppointmentId> {
        let of_theirs = |(_, (whose, is_cancelled)): &(&AppointmentId, &(usize, bool))| {
            *whose == self.persons[&resident] && *is_cancelled
        };
        self.chosen.iter().filter(of_theirs).map(|(id, _)| *id).collect()
    }

    /// Those that were booked, and those that were cancelled before.
    pub(super) fn known_ids(&self) -> impl Iterator<Item = AppointmentId> {
        self.chosen.keys().copied().chain(self.booked.iter().map(|it| it.appointment.id))
    }

    pub(super) fn taken(&self) -> Vec<(SlotId, &'static str, usize)> {
        let mut taken: Vec<(SlotId, &'static str, usize)> = self
            .places
            .keys()
            .map(|room| (room.0, room.1, self.taken_of(*room)))
            .filter(|(.., count)| *count > 0)
            .collect();
        taken.sort_unstable();
        taken
    }

    /// What was decided less often than that.
    pub(super) fn seldom(&self, least: usize) -> Vec<String> {
        use Judged::{
            Again, Cancelled, Exists, Given, JourneyOfAnother, Limit, NoDelegation, PatientConflict, SlotTaken,
            Suspended, UsedUp,
        };
        let every = [
            Given,
            Again,
            SlotTaken,
            PatientConflict,
            NoDelegation,
            UsedUp,
            Cancelled,
            Exists,
            Suspended,
            JourneyOfAnother,
        ];
        let limits = scheduling::domain::limits::PERIODS.map(Limit);
        let rare =
            every.iter().chain(&limits).filter(|judged| self.met.get(judged).copied().unwrap_or_default() < least);
        rare.map(|judged| format!("{judged:?}")).collect()
    }
}
