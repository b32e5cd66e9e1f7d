//! Finds everybody in slots that change or go, and a place for them: nobody is lost (SC-01). Within the transaction of whoever changes them.

mod several;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use postgres::{
    Transaction,
    audit::{self, Entry as Recorded},
};
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, ResidentId, SlotId, SurgeId, WaitListEntryId},
};

use super::{
    moves::change_places,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::{
        appointment::{Appointment, Cancellation, CancelledBy},
        displace::{self, Fate, Room},
        error::SchedulingError,
        pool::Pool,
        wait_list::{Entry, State},
    },
    store::{
        appointments, patients, places,
        pool_moves::Change as PlaceChange,
        rooms::{self, Sought},
        slots, wait_list as entries,
    },
};

/// So many are placed together; the next take what these leave.
const TOGETHER_MAX: usize = 100;
/// For so long those for whom there was nothing stay in the wait list.
const WAIT: TimeDelta = TimeDelta::days(30);

/// What a provider changes.
#[derive(Clone, Copy)]
pub(super) struct Changed<'a> {
    pub(super) organisation: OrganisationId,
    pub(super) department: Option<DepartmentId>,
    /// Clinics of the same surge may do, too.
    pub(super) surge: Option<SurgeId>,
    /// What the session was fit for.
    pub(super) needs: &'a [String],
    /// Slots of which somebody may have to leave.
    pub(super) slots: &'a [SlotId],
    /// How many places they are to have; none where nothing is said.
    pub(super) places: &'a HashMap<(SlotId, Pool), i32>,
    /// Those among them that go altogether.
    pub(super) withdrawn: &'a [SlotId],
    /// Who finds nothing elsewhere keeps their place, in a slot that goes, too.
    pub(super) honours: bool,
    /// What patients are told.
    pub(super) reason: &'a str,
    /// How long another time is kept for somebody.
    pub(super) kept_for: TimeDelta,
}

/// What became of somebody's appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Kept,
    Moved,
    Displaced,
    Cancelled,
}

/// Answers everybody in the order of booking.
pub(super) async fn rearrange(
    tx: &mut Transaction,
    by: By<'_>,
    changed: &Changed<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<(Appointment, Outcome)>, SchedulingError> {
    let affected = lock_affected(tx, changed, now).await?;
    // Whoever has a place goes before those who wait for one: what is left is for them again.
    places::free_aside(tx, changed.slots).await?;
    add_places(tx, by, changed.places, now).await?;
    let (several, affected): (Vec<_>, Vec<_>) = affected.into_iter().partition(|found| !found.more_slots.is_empty());
    let mut outcomes = Vec::with_capacity(affected.len());
    for appointment in several {
        outcomes.push(several::settle_several(tx, by, changed, appointment, now).await?);
    }
    for some in affected.chunks(TOGETHER_MAX) {
        let rooms = rooms_for(tx, changed, some, now).await?;
        let busy = busy(tx, some, now).await?;
        let fates = displace::plan(some, &rooms, changed.needs, &busy, now);
        // Everybody who goes has gone before anybody comes.
        for (appointment, _) in some.iter().zip(&fates).filter(|(_, fate)| **fate != Fate::Kept) {
            places::give_back(tx, appointment.slot.id, appointment.pool, 1).await?;
        }
        for (appointment, fate) in some.iter().zip(fates) {
            outcomes.push(settle(tx, by, changed, (appointment, fate, &rooms), now).await?);
        }
    }
    let kept = outcomes.iter().filter(|(_, outcome)| changed.honours && *outcome == Outcome::Kept);
    let kept: BTreeSet<SlotId> = kept.flat_map(|(appointment, _)| appointment.slots()).collect();
    let withdrawn: Vec<SlotId> = changed.withdrawn.iter().copied().filter(|slot| !kept.contains(slot)).collect();
    close(tx, by, &Changed { withdrawn: &withdrawn, ..*changed }, now).await?;
    outcomes.sort_by_key(|(appointment, _)| (appointment.held_at, appointment.id));
    Ok(outcomes)
}

/// Locks persons, then appointments, then places, as everybody does; then takes in who booked in between.
async fn lock_affected(
    tx: &mut Transaction,
    changed: &Changed<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<Appointment>, SchedulingError> {
    let known = appointments::residents_in(tx, changed.slots).await?;
    patients::lock_all(tx, &known).await?;
    let locked = appointments::lock_in(tx, changed.slots).await?;
    let mut wanted = nearby(tx, changed, &locked, now).await?;
    wanted.extend(changed.slots);
    rooms::lock(tx, &wanted).await?;
    let affected = appointments::lock_in(tx, changed.slots).await?;
    let strangers: BTreeSet<ResidentId> =
        affected.iter().map(|found| found.resident).filter(|resident| !known.contains(resident)).collect();
    for resident in strangers {
        // They came between the locks. To wait for one of them now would be to wait in a circle.
        if !patients::try_lock(tx, resident).await? {
            return Err(SchedulingError::Lost);
        }
    }
    Ok(affected)
}

async fn nearby(
    tx: &mut Transaction,
    changed: &Changed<'_>,
    some: &[Appointment],
    now: DateTime<Utc>,
) -> Result<Vec<SlotId>, SchedulingError> {
    let starts = || some.iter().map(|appointment| appointment.slot.starts_at);
    let (Some(first), Some(last)) = (starts().min(), starts().max()) else { return Ok(vec![]) };
    let mut kinds: Vec<CareKind> = some.iter().map(|appointment| appointment.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let Changed { organisation, department, surge, .. } = *changed;
    let sought = Sought { organisation, department, surge, kinds: &kinds, around: (first, last) };
    rooms::near(tx, sought, changed.slots, now).await
}

/// The places that are to be in the slots themselves, and those that are free elsewhere.
async fn rooms_for(
    tx: &mut Transaction,
    changed: &Changed<'_>,
    some: &[Appointment],
    now: DateTime<Utc>,
) -> Result<Vec<Room>, SchedulingError> {
    let mut wanted = nearby(tx, changed, some, now).await?;
    wanted.extend(changed.slots);
    let in_room = |room: &Room| {
        let there = |found: &&Appointment| found.slot.id == room.slot.id && found.pool == room.pool;
        u32::try_from(some.iter().filter(there).count()).unwrap_or(u32::MAX)
    };
    let found = rooms::lock(tx, &wanted).await?.into_iter().map(|locked| {
        let mut room = locked.room;
        if changed.slots.contains(&room.slot.id) {
            // Those who have come already stay; the places of those who are asked about are given anew.
            let places = changed.places.get(&(room.slot.id, room.pool)).copied().unwrap_or_default();
            let taken = u32::try_from(locked.taken).unwrap_or_default().saturating_sub(in_room(&room));
            room.free = u32::try_from(places).unwrap_or_default().saturating_sub(taken);
        }
        room
    });
    Ok(found.collect())
}

async fn busy(
    tx: &mut Transaction,
    some: &[Appointment],
    now: DateTime<Utc>,
) -> Result<displace::Busy, SchedulingError> {
    let residents: Vec<ResidentId> =
        some.iter().map(|found| found.resident).collect::<BTreeSet<_>>().into_iter().collect();
    let ids: Vec<_> = some.iter().map(|found| found.id).collect();
    let mut busy = rooms::busy(tx, &residents, &ids, now).await?;
    for one in some {
        // Two of one person's do not meet where both are moved.
        if some.iter().filter(|other| other.resident == one.resident).count() > 1 {
            busy.entry(one.resident).or_default().push((one.slot.starts_at, one.slot.ends_at));
        }
    }
    Ok(busy)
}

async fn settle(
    tx: &mut Transaction,
    by: By<'_>,
    changed: &Changed<'_>,
    (appointment, fate, rooms): (&Appointment, Fate, &[Room]),
    now: DateTime<Utc>,
) -> Result<(Appointment, Outcome), SchedulingError> {
    let room = |index: usize| rooms.get(index).ok_or(SchedulingError::SlotNotFound);
    match fate {
        Fate::Kept => {
            let own = rooms.iter().find(|room| room.slot.id == appointment.slot.id && room.pool == appointment.pool);
            match own.filter(|room| room.practitioner != appointment.practitioner) {
                None => Ok((appointment.clone(), Outcome::Kept)),
                Some(room) => Ok((move_to(tx, by, appointment, room, now).await?, Outcome::Moved)),
            }
        }
        Fate::Moved(index) => {
            let room = room(index)?;
            rooms::take(tx, room.slot.id, room.pool).await?;
            Ok((move_to(tx, by, appointment, room, now).await?, Outcome::Moved))
        }
        Fate::Offered(index) => {
            let room = room(index)?;
            rooms::take(tx, room.slot.id, room.pool).await?;
            let until = displace::deadline(room.slot.starts_at, changed.kept_for, now);
            let displaced = displace::moved(appointment.clone(), room).displace(until)?;
            appointments::update(tx, &displaced).await?;
            appointments::relocate(tx, &displaced).await?;
            appointment_changed(tx, by, Change::Displaced, &displaced, now).await?;
            Ok((displaced, Outcome::Displaced))
        }
        Fate::Lost if changed.honours => {
            rooms::take(tx, appointment.slot.id, appointment.pool).await?;
            Ok((appointment.clone(), Outcome::Kept))
        }
        Fate::Lost => {
            let cancellation = Cancellation { at: now, by: CancelledBy::Provider, reason: changed.reason.to_owned() };
            let cancelled = appointment.clone().cancel(cancellation)?;
            give_up(tx, by, &cancelled, now).await?;
            Ok((cancelled, Outcome::Cancelled))
        }
    }
}

async fn move_to(
    tx: &mut Transaction,
    by: By<'_>,
    appointment: &Appointment,
    room: &Room,
    now: DateTime<Utc>,
) -> Result<Appointment, SchedulingError> {
    let moved = displace::moved(appointment.clone(), room);
    appointments::relocate(tx, &moved).await?;
    appointment_changed(tx, by, Change::Rescheduled, &moved, now).await?;
    Ok(moved)
}

/// Writes that the provider cancelled it, and puts the patient first in the line. The place is the caller's affair.
pub(super) async fn give_up(
    tx: &mut Transaction,
    by: By<'_>,
    cancelled: &Appointment,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    appointments::update(tx, cancelled).await?;
    appointment_changed(tx, by, Change::Cancelled, cancelled, now).await?;
    let entry = Entry {
        id: WaitListEntryId::generate(),
        resident: cancelled.resident,
        organisation: cancelled.organisation,
        department: cancelled.department,
        kind: cancelled.kind,
        span: (now, cancelled.slot.starts_at.max(now) + WAIT),
        joined_by: cancelled.booked_by.clone(),
        delegation: cancelled.delegation,
        // `insert_first` counts what comes back.
        uses_max: None,
        joined_at: now,
        state: State::Waiting,
        before: 0,
    };
    let id = entries::insert_first(tx, &entry).await?;
    let recorded: Recorded = by.entry("scheduling.wait_list.put_first");
    Ok(audit::record(tx, recorded.resident(cancelled.resident).row("wait_list_entries", id)).await?)
}

/// Makes places that are to be, before anybody is put there.
async fn add_places(
    tx: &mut Transaction,
    by: By<'_>,
    places: &HashMap<(SlotId, Pool), i32>,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    let ids: Vec<SlotId> = places.keys().map(|(slot, _)| *slot).collect::<BTreeSet<_>>().into_iter().collect();
    let standing: HashMap<(SlotId, Pool), i32> = rooms::lock(tx, &ids)
        .await?
        .into_iter()
        .map(|locked| ((locked.room.slot.id, locked.room.pool), locked.places))
        .collect();
    for ((slot, pool), wanted) in places {
        let more = wanted - standing.get(&(*slot, *pool)).copied().unwrap_or_default();
        if more > 0 {
            change_places(tx, by, (*slot, PlaceChange::Added(*pool), more), now).await?;
        }
    }
    Ok(())
}

/// Takes away places that are to be no more, and slots that go.
pub(super) async fn close(
    tx: &mut Transaction,
    by: By<'_>,
    changed: &Changed<'_>,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    for locked in rooms::lock(tx, changed.slots).await? {
        let (slot, pool) = (locked.room.slot.id, locked.room.pool);
        let wanted = changed.places.get(&(slot, pool)).copied().unwrap_or_default().max(locked.taken);
        if locked.places > wanted {
            change_places(tx, by, (slot, PlaceChange::Withdrawn(pool), locked.places - wanted), now).await?;
        }
    }
    if changed.withdrawn.is_empty() {
        return Ok(());
    }
    slots::withdraw(tx, changed.withdrawn, now).await?;
    let entry = by.entry("scheduling.slot.withdraw");
    let entry = changed.withdrawn.iter().fold(entry, |entry, slot| entry.row("slots", slot));
    Ok(audit::record(tx, entry).await?)
}
