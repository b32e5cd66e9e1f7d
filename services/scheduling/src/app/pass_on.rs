//! A place that is given back goes to whoever waited longest for one like it, in the transaction in which it is given back: nobody who
//! polls can come in between (SC-07, SC-08).

use chrono::{DateTime, TimeDelta, Utc};
use postgres::{
    Transaction,
    audit::{self, Entry as Recorded},
    events::{self, NewEvent},
};
use serde_json::json;
use types::ids::{AppointmentId, DepartmentId, JourneyId, OrganisationId, PractitionerId, ResidentId, SlotId};

use super::records::{By, Change, appointment_changed};
use crate::{
    domain::{
        appointment::{Appointment, Channel, State},
        displace::Room,
        error::SchedulingError,
        limits::{self, Asked, Rules},
        pool::Pool,
        session::Slot,
        wait_list::{self, Entry},
    },
    store::{
        bookings::{self, Verdict, Wish},
        known::{self, Known, Wanted},
        places, rooms,
        slots::Bookable,
        wait_list as entries,
    },
};

/// So many are asked in turn; who cannot take the place keeps theirs in the line.
const ASKED_MAX: i64 = 10;

/// How places are passed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passing {
    pub(super) rules: Rules,
    /// How long an offer stands.
    pub(super) offer: TimeDelta,
}

/// A public place that nobody has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Free {
    pub(super) slot: Slot,
    pub(super) organisation: OrganisationId,
    pub(super) department: Option<DepartmentId>,
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) cancel_notice_minutes: u16,
}

impl Free {
    /// A place in a room.
    pub(super) const fn in_room(room: &Room) -> Self {
        let Room { slot, organisation, department, practitioner, cancel_notice_minutes, .. } = *room;
        Self { slot, organisation, department, practitioner, cancel_notice_minutes }
    }

    /// The first place of an appointment.
    const fn of(freed: &Appointment) -> Self {
        let Appointment { slot, organisation, department, practitioner, cancel_notice_minutes, .. } = *freed;
        Self { slot, organisation, department, practitioner, cancel_notice_minutes }
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
        // Other pools are kept for somebody, and are not for whoever waits.
        if freed.pool != Pool::Public {
            return Ok(());
        }
        if freed.more_slots.is_empty() {
            return self.pass_on(tx, Free::of(freed), Some(freed.resident), now).await.map(drop);
        }
        for part in parts(tx, freed, now).await? {
            self.pass_on(tx, part, Some(freed.resident), now).await?;
        }
        Ok(())
    }

    /// Holds every public place that is free in these slots for whoever waits for one like it, the earliest first.
    pub(super) async fn pass_on_free(
        &self,
        tx: &mut Transaction,
        slots: &[SlotId],
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let mut rooms: Vec<Room> = rooms::lock(tx, slots).await?.into_iter().map(|locked| locked.room).collect();
        rooms.retain(|room| room.pool == Pool::Public);
        rooms.sort_by_key(|room| (room.slot.starts_at, room.slot.id));
        for room in rooms {
            let free = Free::in_room(&room);
            for _ in 0..room.free {
                if !self.pass_on(tx, free, None, now).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Holds a public place for the first in the line who can take it; false if nobody does.
    pub(super) async fn pass_on(
        &self,
        tx: &mut Transaction,
        free: Free,
        besides: Option<ResidentId>,
        now: DateTime<Utc>,
    ) -> Result<bool, SchedulingError> {
        let Some(ends_at) = wait_list::offer_end(free.slot.starts_at, self.offer, now) else { return Ok(false) };
        for entry in entries::line(tx, free.slot.id, ASKED_MAX).await? {
            let is_theirs_already = besides == Some(entry.resident);
            if !is_theirs_already && self.offer(tx, free, &entry, ends_at, now).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// False if they cannot take it: another booking stands at that time, or a limit is reached.
    async fn offer(
        &self,
        tx: &mut Transaction,
        free: Free,
        entry: &Entry,
        ends_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, SchedulingError> {
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
            uses_max: None,
            bounds: &bounds,
        };
        let verdicts = bookings::give(tx, &[wish]).await?;
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
        let Bookable { slot, organisation, department, practitioner, cancel_notice_minutes, .. } = known.bookable;
        Free { slot, organisation, department, practitioner, cancel_notice_minutes }
    };
    Ok(known.into_iter().flatten().map(part).collect())
}

/// The place as it will be held for somebody who waited.
fn offered(free: Free, entry: &Entry, ends_at: DateTime<Utc>, now: DateTime<Utc>) -> Appointment {
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
        expected_lines: vec![],
        cancel_notice_minutes: free.cancel_notice_minutes,
        quote: None,
        revision: 1,
        held_at: now,
        hold_expires_at: ends_at,
        confirmed_at: None,
        state: State::Held,
    }
}
