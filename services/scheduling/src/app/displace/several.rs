//! An appointment of several places of which some go: see `domain/several.rs`.

use chrono::{DateTime, Utc};
use postgres::Transaction;
use types::ids::{DepartmentId, OrganisationId, SlotId};

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
        several::{self, Part, Plan},
    },
    store::{
        appointments,
        known::{self, Wanted},
        places,
        rooms::{self, Sought},
    },
};

pub(super) async fn settle_several(
    tx: &mut Transaction,
    by: By<'_>,
    changed: &Changed<'_>,
    appointment: Appointment,
    now: DateTime<Utc>,
) -> Result<(Appointment, Outcome), SchedulingError> {
    if !appointment.slots().any(|slot| changed.withdrawn.contains(&slot)) {
        return Ok((appointment, Outcome::Kept));
    }
    let parts = parts(tx, changed, &appointment, now).await?;
    let rooms = rooms_for(tx, changed, &appointment, &parts, now).await?;
    let busy = rooms::busy(tx, &[appointment.resident], &[appointment.id], now).await?;
    let busy = busy.get(&appointment.resident).map(Vec::as_slice).unwrap_or_default();
    match several::plan(&appointment, &parts, &rooms, changed.needs, busy, now) {
        Plan::Replaced(found) => {
            let found: Vec<Option<&Room>> = found.into_iter().map(|index| rooms.get(index?)).collect();
            for part in parts.iter().filter(|part| part.is_lost) {
                places::give_back(tx, part.slot.id, appointment.pool, 1).await?;
            }
            take(tx, found.iter().copied().flatten()).await?;
            let moved = several::moved(appointment, &parts, &found);
            appointments::relocate(tx, &moved).await?;
            appointment_changed(tx, by, Change::Rescheduled, &moved, now).await?;
            Ok((moved, Outcome::Moved))
        }
        // A hold is for the time that was asked for, and for no other.
        Plan::Offered(found) if appointment.state != State::Held => {
            let found: Vec<Option<&Room>> = found.into_iter().map(|index| rooms.get(index)).collect();
            take_back(tx, &appointment).await?;
            take(tx, found.iter().copied().flatten()).await?;
            let moved = several::moved(appointment, &parts, &found);
            let until = displace::deadline(moved.slot.starts_at, changed.kept_for, now);
            let displaced = moved.displace(until)?;
            appointments::update(tx, &displaced).await?;
            appointments::relocate(tx, &displaced).await?;
            appointment_changed(tx, by, Change::Displaced, &displaced, now).await?;
            Ok((displaced, Outcome::Displaced))
        }
        Plan::Offered(_) | Plan::Lost => {
            take_back(tx, &appointment).await?;
            settle(tx, by, changed, (&appointment, Fate::Lost, &[]), now).await
        }
    }
}

/// Each place of it, in order.
async fn parts(
    tx: &mut Transaction,
    changed: &Changed<'_>,
    appointment: &Appointment,
    now: DateTime<Utc>,
) -> Result<Vec<Part>, SchedulingError> {
    let wanted =
        appointment.slots().map(|slot| Wanted { slot, pool: appointment.pool, resident: appointment.resident });
    let wanted: Vec<Wanted> = wanted.collect();
    let known = known::known(tx, &wanted, now).await?;
    let part = |known: Option<known::Known>| {
        let bookable = known.ok_or(SchedulingError::SlotNotFound)?.bookable;
        Ok(Part {
            slot: bookable.slot,
            organisation: bookable.organisation,
            department: bookable.department,
            practitioner: bookable.practitioner,
            is_lost: changed.withdrawn.contains(&bookable.slot.id),
        })
    };
    known.into_iter().map(part).collect()
}

/// What is free about that time in the departments of its places.
async fn rooms_for(
    tx: &mut Transaction,
    changed: &Changed<'_>,
    appointment: &Appointment,
    parts: &[Part],
    now: DateTime<Utc>,
) -> Result<Vec<Room>, SchedulingError> {
    let mut departments: Vec<(OrganisationId, Option<DepartmentId>)> =
        parts.iter().map(|part| (part.organisation, part.department)).collect();
    departments.sort_unstable();
    departments.dedup();
    let own: Vec<SlotId> = appointment.slots().chain(changed.withdrawn.iter().copied()).collect();
    let mut ids = vec![];
    for (organisation, department) in departments {
        let around = (appointment.slot.starts_at, appointment.slot.ends_at);
        let sought = Sought { organisation, department, surge: None, kinds: &[appointment.kind], around };
        ids.extend(rooms::near(tx, sought, &own, now).await?);
    }
    let found = rooms::lock(tx, &ids).await?.into_iter().map(|locked| {
        let mut room = locked.room;
        if changed.slots.contains(&room.slot.id) {
            // What it is to have from now on.
            let places = changed.places.get(&(room.slot.id, room.pool)).copied().unwrap_or_default();
            room.free = u32::try_from(places - locked.taken).unwrap_or_default();
        }
        room
    });
    Ok(found.collect())
}

async fn take(tx: &mut Transaction, rooms: impl Iterator<Item = &Room>) -> Result<(), SchedulingError> {
    for room in rooms {
        rooms::take(tx, room.slot.id, room.pool).await?;
    }
    Ok(())
}
