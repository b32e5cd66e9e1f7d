//! An appointment of several places of which some go: see `domain/several.rs`.

use chrono::{DateTime, Utc};
use postgres::Transaction;
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, SlotId},
};

use super::{Changed, Outcome, settle};
use crate::{
    app::{
        pass_on::take_back,
        records::{By, Change, appointment_changed},
    },
    domain::{
        appointment::{Appointment, State},
        displace::{self, Fate, Room},
        error::SchedulingError,
        pool::Pool,
        session::Span,
        several::{self, Part, Plan},
    },
    store::{
        appointments,
        known::{self, Wanted},
        places,
        rooms::{self, Locked, Sought},
    },
};

pub(super) async fn settle_several(
    tx: &mut Transaction,
    by: By<'_>,
    changed: &Changed<'_>,
    appointment: Appointment,
    now: DateTime<Utc>,
) -> Result<(Appointment, Outcome), SchedulingError> {
    let own: Vec<SlotId> = appointment.slots().collect();
    if !own.iter().any(|slot| changed.withdrawn.contains(slot)) {
        return Ok((appointment, Outcome::Kept));
    }
    let parts = parts(tx, &wanted(&appointment), changed.withdrawn, now).await?;
    let around = (appointment.slot.starts_at, appointment.slot.ends_at);
    let besides = [own.as_slice(), changed.withdrawn].concat();
    let ids = near(tx, departments(&parts), (appointment.kind, around), &besides, now).await?;
    let rooms = free_rooms(rooms::lock(tx, &[ids.as_slice(), own.as_slice()].concat()).await?, &own, changed);
    let busy = rooms::busy(tx, &[appointment.resident], &[appointment.id], now).await?;
    let busy = busy.get(&appointment.resident).cloned().unwrap_or_default();
    let plan = several::plan(&appointment, &parts, &rooms, changed.needs, &busy, now);
    match plan {
        Plan::Replaced(found) => {
            let (found, taken) = chosen(&rooms, &found);
            let lost: Vec<SlotId> = parts.iter().filter(|part| part.is_lost).map(|part| part.slot.id).collect();
            for slot in lost {
                places::give_back(tx, slot, appointment.pool, 1).await?;
            }
            take(tx, taken).await?;
            let moved = several::moved(appointment, &parts, &found);
            appointments::relocate(tx, &moved).await?;
            appointment_changed(tx, by, Change::Rescheduled, &moved, now).await?;
            Ok((moved, Outcome::Moved))
        }
        // A hold is for the time that was asked for, and for no other.
        Plan::Offered(found) if appointment.state != State::Held => {
            let found: Vec<Option<usize>> = found.into_iter().map(Some).collect();
            let (found, taken) = chosen(&rooms, &found);
            take_back(tx, &appointment).await?;
            take(tx, taken).await?;
            let moved = several::moved(appointment, &parts, &found);
            let until = displace::deadline(moved.slot.starts_at, changed.kept_for, now);
            let displaced = moved.displace(until)?;
            appointments::update(tx, &displaced).await?;
            appointments::relocate(tx, &displaced).await?;
            appointment_changed(tx, by, Change::Displaced, &displaced, now).await?;
            Ok((displaced, Outcome::Displaced))
        }
        Plan::Offered(_) | Plan::Lost if changed.honours => Ok((appointment, Outcome::Kept)),
        Plan::Offered(_) | Plan::Lost => {
            take_back(tx, &appointment).await?;
            settle(tx, by, changed, (&appointment, Fate::Lost, &[]), now).await
        }
    }
}

fn wanted(appointment: &Appointment) -> Vec<Wanted> {
    let Appointment { pool, resident, .. } = *appointment;
    appointment.slots().map(|slot| Wanted { slot, pool, resident }).collect()
}

/// Each place of it, in order.
async fn parts(
    tx: &mut Transaction,
    wanted: &[Wanted],
    withdrawn: &[SlotId],
    now: DateTime<Utc>,
) -> Result<Vec<Part>, SchedulingError> {
    let mut parts = vec![];
    for found in known::known(tx, wanted, now).await? {
        let bookable = found.ok_or(SchedulingError::SlotNotFound)?.bookable;
        parts.push(Part {
            slot: bookable.slot,
            organisation: bookable.organisation,
            department: bookable.department,
            practitioner: bookable.practitioner,
            is_lost: withdrawn.contains(&bookable.slot.id),
        });
    }
    Ok(parts)
}

type Department = (OrganisationId, Option<DepartmentId>);

fn departments(parts: &[Part]) -> Vec<Department> {
    let mut departments: Vec<Department> = parts.iter().map(|part| (part.organisation, part.department)).collect();
    departments.sort_unstable();
    departments.dedup();
    departments
}

/// Slots of these departments about that time that have something free.
async fn near(
    tx: &mut Transaction,
    departments: Vec<Department>,
    (kind, around): (CareKind, Span),
    besides: &[SlotId],
    now: DateTime<Utc>,
) -> Result<Vec<SlotId>, SchedulingError> {
    let kinds = [kind];
    let mut ids = vec![];
    for (organisation, department) in departments {
        let sought = Sought { organisation, department, surge: None, kinds: &kinds, around };
        ids.extend(rooms::near(tx, sought, besides, now).await?);
    }
    Ok(ids)
}

/// In slots that change there is what there is to be. The feverish are sent among the feverish, and nobody else is.
fn free_rooms(locked: Vec<Locked>, own: &[SlotId], changed: &Changed<'_>) -> Vec<Room> {
    let is_own = |locked: &Locked| own.contains(&locked.room.slot.id);
    let from_symptoms = locked.iter().any(|locked| is_own(locked) && locked.room.is_for_symptoms);
    let free = |locked: Locked| {
        let mut room = locked.room;
        if changed.slots.contains(&room.slot.id) {
            let places = changed.places.get(&(room.slot.id, room.pool)).copied().unwrap_or_default();
            room.free = u32::try_from(places - locked.taken).unwrap_or_default();
        }
        room
    };
    let suits = |locked: &Locked| !is_own(locked) && locked.room.is_for_symptoms == from_symptoms;
    locked.into_iter().filter(suits).map(free).collect()
}

type Chosen<'a> = (Vec<Option<&'a Room>>, Vec<(SlotId, Pool)>);

/// The rooms by their indices, and what is taken in them.
fn chosen<'a>(rooms: &'a [Room], indices: &[Option<usize>]) -> Chosen<'a> {
    let chosen: Vec<Option<&Room>> = indices.iter().map(|index| index.and_then(|index| rooms.get(index))).collect();
    let taken = chosen.iter().flatten().map(|room| (room.slot.id, room.pool)).collect();
    (chosen, taken)
}

async fn take(tx: &mut Transaction, places: Vec<(SlotId, Pool)>) -> Result<(), SchedulingError> {
    for (slot, pool) in places {
        rooms::take(tx, slot, pool).await?;
    }
    Ok(())
}
