//! A place that is given back goes to whoever waited longest for one like it: nobody who polls can come in between (SC-07, SC-08).
//!
//! It is held for them in the transaction in which it is given back, if that can be. Everybody locks persons before places. Here the place is
//! locked already, so that nobody of those who wait may be waited for: where another transaction has the next in the line, or the line is
//! long, the place is set aside for them, and the calendar's loop asks on (`calendar/set_aside.rs`).

use chrono::{DateTime, TimeDelta, Utc};
use postgres::{
    Transaction,
    audit::{self, Entry as Recorded},
    events::{self, NewEvent},
};
use serde_json::json;
use types::ids::{AppointmentId, DepartmentId, JourneyId, OrganisationId, PractitionerId, ResidentId, SlotId};

use super::{
    moves::change_places,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::{
        appointment::{Appointment, Channel, State},
        displace::Room,
        error::SchedulingError,
        limits::{self, Asked, Rules},
        pool::Pool,
        session::{Session, Slot, VisitTerms},
        wait_list::{self, Entry},
    },
    store::{
        appointments,
        bookings::{self, Prepared, Verdict, Wish},
        exclusion,
        known::{self, Known, Wanted},
        patients, places,
        pool_moves::Change as PlaceChange,
        rooms,
        slots::Bookable,
        wait_list::{self as entries, Part},
    },
};

/// So many are asked at once; who cannot take the place keeps theirs in the line.
const ASKED_MAX: usize = 20;

/// How places are passed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passing {
    pub(super) rules: Rules,
    /// How long an offer stands.
    pub(super) offer: TimeDelta,
}

/// What became of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// It is held for somebody.
    On,
    /// Somebody else has the next in the line.
    Undecided,
    /// Nobody who was asked can take it.
    Nobody,
}

/// The first in the line.
pub(super) const EVERYBODY: Part = Part { behind: None, is_first_only: false, count_max: ASKED_MAX };

/// A public place that nobody has.
#[derive(Debug, Clone)]
pub(super) struct Free {
    pub(super) slot: Slot,
    pub(super) organisation: OrganisationId,
    pub(super) department: Option<DepartmentId>,
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) terms: VisitTerms,
}

impl Free {
    /// A place in a room.
    pub(super) fn in_room(room: &Room) -> Self {
        let Room { slot, organisation, department, practitioner, ref terms, .. } = *room;
        Self { slot, organisation, department, practitioner, terms: terms.clone() }
    }

    /// The first place of an appointment.
    fn of(freed: &Appointment) -> Self {
        let Appointment { slot, organisation, department, practitioner, ref terms, .. } = *freed;
        Self { slot, organisation, department, practitioner, terms: terms.clone() }
    }
}

impl Passing {
    /// Gives the places of an appointment back, and holds each for the first in the line who can take it; notes where that has happened
    /// too often on a day.
    pub(super) async fn give_back(
        &self,
        tx: &mut Transaction,
        freed: &Appointment,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        take_back(tx, freed).await?;
        self.pass_on_all(tx, freed, now).await?;
        self.watch(tx, freed, now).await
    }

    /// Holds places that were given back for the first in the line who can take them.
    pub(super) async fn pass_on_all(
        &self,
        tx: &mut Transaction,
        freed: &Appointment,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let slots: Vec<SlotId> = freed.slots().collect();
        withdraw_leftover(tx, &slots, now).await?;
        // Other pools are kept for somebody, and are not for whoever waits.
        if freed.pool != Pool::Public {
            return Ok(());
        }
        let free = if freed.more_slots.is_empty() { vec![Free::of(freed)] } else { parts(tx, freed, now).await? };
        let free: Vec<(Free, usize)> = free.into_iter().map(|free| (free, 1)).collect();
        self.pass_on(tx, &free, Some(freed.resident), EVERYBODY, now).await
    }

    /// Holds every public place that is free in these slots for whoever waits for one like it, the earliest first.
    pub(super) async fn pass_on_free(
        &self,
        tx: &mut Transaction,
        slots: &[SlotId],
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        self.pass_on_rooms(tx, slots, EVERYBODY, now).await
    }

    /// Holds public places of a new session for those whose own place was taken back, if any of them waits for one like them.
    pub(super) async fn pass_on_new(
        &self,
        tx: &mut Transaction,
        session: &Session,
        slots: &[Slot],
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        if !entries::is_first_waited_for(tx, session).await? {
            return Ok(());
        }
        let slots: Vec<SlotId> = slots.iter().map(|slot| slot.id).collect();
        self.pass_on_rooms(tx, &slots, Part { is_first_only: true, ..EVERYBODY }, now).await
    }

    async fn pass_on_rooms(
        &self,
        tx: &mut Transaction,
        slots: &[SlotId],
        part: Part,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let mut rooms: Vec<Room> = rooms::lock(tx, slots).await?.into_iter().map(|locked| locked.room).collect();
        rooms.retain(|room| room.pool == Pool::Public);
        rooms.sort_by_key(|room| (room.slot.starts_at, room.slot.id));
        let count = |room: &Room| usize::try_from(room.free).unwrap_or(usize::MAX);
        let free: Vec<(Free, usize)> = rooms.iter().map(|room| (Free::in_room(room), count(room))).collect();
        self.pass_on(tx, &free, None, part, now).await
    }

    /// Holds so many public places of each slot for the first in the line who can take them, or sets some aside for the line.
    pub(super) async fn pass_on(
        &self,
        tx: &mut Transaction,
        free: &[(Free, usize)],
        besides: Option<ResidentId>,
        part: Part,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let mut aside = 0;
        for (free, count) in free {
            aside += self.pass_on_slot(tx, (free, *count), besides, part, aside, now).await?;
        }
        Ok(())
    }

    /// Answers how many it set aside. Each of those who wait takes one at most: with those that are aside already they are never more than
    /// those found in the line, and the rest is anybody's.
    async fn pass_on_slot(
        &self,
        tx: &mut Transaction,
        (free, count): (&Free, usize),
        besides: Option<ResidentId>,
        part: Part,
        aside: usize,
        now: DateTime<Utc>,
    ) -> Result<usize, SchedulingError> {
        if wait_list::offer_end(free.slot.starts_at, self.offer, now).is_none() {
            return Ok(0);
        }
        for left in (1..=count).rev() {
            let line = entries::line(tx, free.slot.id, part).await?;
            let mut others: Vec<&Entry> = line.iter().map(|(entry, _)| entry).collect();
            others.retain(|entry| besides != Some(entry.resident));
            match self.ask(tx, free, &others, now).await? {
                Passed::On => {}
                Passed::Nobody if line.len() < part.count_max => return Ok(0),
                Passed::Nobody | Passed::Undecided => {
                    let more = left.min(others.len().saturating_sub(aside));
                    for _ in 0..more {
                        places::set_aside(tx, free.slot.id).await?;
                    }
                    return Ok(more);
                }
            }
        }
        Ok(0)
    }

    /// Asks one after the other, and waits for none of them.
    pub(super) async fn ask(
        &self,
        tx: &mut Transaction,
        free: &Free,
        line: &[&Entry],
        now: DateTime<Utc>,
    ) -> Result<Passed, SchedulingError> {
        let Some(ends_at) = wait_list::offer_end(free.slot.starts_at, self.offer, now) else {
            return Ok(Passed::Nobody);
        };
        for entry in line {
            if !try_lock(tx, entry).await? {
                return Ok(Passed::Undecided);
            }
            if entries::is_waiting(tx, entry.id).await? && self.offer(tx, free, entry, ends_at, now).await? {
                return Ok(Passed::On);
            }
        }
        Ok(Passed::Nobody)
    }

    /// False if they cannot take it: another booking stands at that time, a limit is reached, or they have given it up while they waited.
    async fn offer(
        &self,
        tx: &mut Transaction,
        free: &Free,
        entry: &Entry,
        ends_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, SchedulingError> {
        if appointments::has_given_up(tx, entry.resident, free.slot.id, entry.joined_at).await? {
            return Ok(false);
        }
        let held = offered(free, entry, ends_at, now);
        let asked = Asked {
            pool: held.pool,
            kind: held.kind,
            starts_at: held.slot.starts_at,
            is_for_other: held.delegation.is_some(),
            is_device_known: false,
            now,
        };
        let bounds = limits::bounds(&self.rules, asked);
        let wish = Wish {
            appointment: &held,
            is_id_chosen: false,
            is_moved: false,
            heeds_suspension: held.heeds_suspension(&self.rules.absence),
            uses_max: entry.uses_max,
            bounds: &bounds,
        };
        let verdicts = bookings::give(tx, &[&Prepared::of(&wish)?]).await?;
        if !matches!(verdicts.as_slice(), [Verdict::Given]) {
            return Ok(false);
        }
        entries::update(tx, entry.id, wait_list::State::Offered(held.id)).await?;
        appointment_changed(tx, By::Service, Change::Held, &held, now).await?;
        let data = json!({
            "resident_id": entry.resident,
            "provider_organisation_id": entry.organisation,
            "appointment_id": held.id,
            "booked_by": entry.joined_by,
            "expires_at": ends_at,
        });
        events::append(tx, NewEvent::new("anjia.scheduling.wait_list.offered.v1", entry.id, data, now)).await?;
        let recorded = Recorded::by_service("scheduling", "scheduling.wait_list.offer").resident(entry.resident);
        audit::record(tx, recorded.row("wait_list_entries", entry.id)).await?;
        Ok(true)
    }
}

/// Takes the locks that judging an offer takes, unless somebody else has one of them.
async fn try_lock(tx: &mut Transaction, entry: &Entry) -> Result<bool, SchedulingError> {
    let is_booker_free =
        entry.delegation.is_none() || exclusion::try_lock(tx, &exclusion::booker(&entry.joined_by)).await?;
    Ok(is_booker_free && patients::try_lock(tx, entry.resident).await?)
}

/// What is free in a clinic that closes, or in a slot that was withdrawn, is no place any more.
pub(super) async fn withdraw_leftover(
    tx: &mut Transaction,
    slots: &[SlotId],
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    for (slot, pool, places) in places::leftover(tx, slots).await? {
        change_places(tx, By::Service, (slot, PlaceChange::Withdrawn(pool), places), now).await?;
    }
    Ok(())
}

/// Gives all places of an appointment back, in the order in which everybody takes them.
pub(super) async fn take_back(tx: &mut Transaction, freed: &Appointment) -> Result<(), SchedulingError> {
    let mut slots: Vec<SlotId> = freed.slots().collect();
    slots.sort_unstable();
    for slot in slots {
        places::give_back(tx, slot, freed.pool, 1).await?;
    }
    Ok(())
}

/// Each place of an appointment.
async fn parts(tx: &mut Transaction, freed: &Appointment, now: DateTime<Utc>) -> Result<Vec<Free>, SchedulingError> {
    let wanted = freed.slots().map(|slot| Wanted { slot, pool: freed.pool, resident: freed.resident });
    let wanted: Vec<Wanted> = wanted.collect();
    let known = known::known(tx, &wanted, now).await?;
    let part = |known: Known| {
        let Bookable { slot, organisation, department, practitioner, terms, .. } = known.bookable;
        Free { slot, organisation, department, practitioner, terms }
    };
    Ok(known.into_iter().flatten().map(part).collect())
}

/// The place as it will be held for somebody who waited.
fn offered(free: &Free, entry: &Entry, ends_at: DateTime<Utc>, now: DateTime<Utc>) -> Appointment {
    Appointment {
        id: AppointmentId::generate(),
        resident: entry.resident,
        slot: free.slot,
        more_slots: vec![],
        organisation: free.organisation,
        department: free.department,
        practitioner: free.practitioner,
        kind: entry.kind,
        pool: Pool::Public,
        channel: Channel::App,
        booked_by: entry.joined_by.clone(),
        device: None,
        delegation: entry.delegation,
        referral: None,
        journey: JourneyId::generate(),
        stated_lines: vec![],
        terms: free.terms.clone(),
        quote: None,
        revision: 1,
        held_at: now,
        hold_expires_at: ends_at,
        confirmed_at: None,
        state: State::Held,
    }
}
