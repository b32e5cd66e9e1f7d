//! What keeps the calendar by itself: sessions made ahead, slots that stand in leave or a holiday, reserved places that fall back, places set
//! aside for those who wait, and displaced appointments that nobody confirmed. Every step is one transaction that finds done what another replica has done.

mod close;
mod generate;
mod release;
mod set_aside;

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use postgres::{
    Database, Scope, Transaction,
    audit::{self},
};
use types::{
    clock::Clock,
    ids::{AppointmentId, SessionId, SlotId, SurgeId},
    region::RegionCode,
};

use super::{
    Times,
    displace::{self, Changed, Outcome},
    pass_on::Passing,
    records::By,
};
use crate::{
    domain::{appointment::Appointment, error::SchedulingError, limits::Rules, session::Session},
    store::{appointments, exceptions, patients, resources, sessions, slots},
};

pub use generate::Generated;

/// What is done in one round at most.
const ROUND_MAX: i64 = 100;
const NOT_CONFIRMED: &str = "another time was offered and not confirmed in time";

/// Cheap to clone.
#[derive(Clone)]
pub struct Calendar {
    pub(super) db: Database,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) passing: Passing,
    /// How long another time is kept for somebody who was displaced.
    pub(super) kept_for: TimeDelta,
    days_ahead: u64,
}

impl Calendar {
    pub fn new(db: Database, clock: Arc<dyn Clock>, times: Times, rules: Rules) -> Self {
        let passing = Passing { rules, offer: times.offer };
        Self { db, clock, passing, kept_for: times.displaced, days_ahead: times.days_ahead }
    }

    /// Withdraws what stands in leave or a holiday, a session at a time; true if there may be more.
    pub async fn withdraw_excepted(&self) -> Result<bool, SchedulingError> {
        let mut withdrawn = 0;
        for region in self.regions(Where::Exceptions).await? {
            while withdrawn < ROUND_MAX && self.withdraw_next(region).await? {
                withdrawn += 1;
            }
        }
        Ok(withdrawn >= ROUND_MAX)
    }

    async fn withdraw_next(&self, region: RegionCode) -> Result<bool, SchedulingError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        let Some((session, gone, reason)) = exceptions::standing(&mut tx, now).await? else {
            tx.commit().await?;
            return Ok(false);
        };
        match sessions::lock_open(&mut tx, session, now).await {
            // Somebody else was there meanwhile.
            Err(SchedulingError::SessionWithdrawn | SchedulingError::SessionPast) => return Ok(true),
            other => other?,
        }
        withdraw(&mut tx, By::Service, (session, &gone), &reason, None, (self.kept_for, now)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Cancels displaced appointments whose deadline has passed: by the provider, and the patient comes first in the line.
    pub async fn give_up_overdue(&self) -> Result<bool, SchedulingError> {
        let mut tx = self.db.begin(Scope::Worker).await?;
        let overdue = appointments::overdue(&mut tx, self.clock.now(), ROUND_MAX).await?;
        tx.commit().await?;
        let is_full = i64::try_from(overdue.len()).is_ok_and(|count| count >= ROUND_MAX);
        for (id, region) in overdue {
            self.give_up(region, id).await?;
        }
        Ok(is_full)
    }

    async fn give_up(&self, region: RegionCode, id: AppointmentId) -> Result<(), SchedulingError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        // In the order in which everybody locks: persons, appointments, places.
        let resident = appointments::find(&mut tx, id).await?.resident;
        patients::lock(&mut tx, resident).await?;
        let displaced = appointments::lock(&mut tx, id).await?;
        if let Some(given_up) = displaced.give_up_displaced(NOT_CONFIRMED, now) {
            displace::give_up(&mut tx, By::Service, &given_up, now).await?;
            self.passing.give_back(&mut tx, &given_up, now).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn regions(&self, of: Where) -> Result<Vec<RegionCode>, SchedulingError> {
        let mut tx = self.db.begin(Scope::Worker).await?;
        let regions = match of {
            Where::Templates => crate::store::templates::regions(&mut tx).await?,
            Where::Exceptions => exceptions::regions(&mut tx).await?,
            Where::Closing => crate::store::surges::regions(&mut tx).await?,
            Where::Ladders => crate::store::ladders::regions(&mut tx).await?,
        };
        tx.commit().await?;
        Ok(regions)
    }
}

/// Where there may be something to do.
#[derive(Debug, Clone, Copy)]
enum Where {
    Templates,
    Exceptions,
    Ladders,
    Closing,
}

/// Takes slots out of a session, with everybody found a place; the session goes with the last of its slots. Where a clinic of a surge closes, a slot
/// stays with whoever finds no other place.
pub(super) async fn withdraw(
    tx: &mut Transaction,
    by: By<'_>,
    (id, gone): (SessionId, &[SlotId]),
    reason: &str,
    surge: Option<SurgeId>,
    (kept_for, now): (TimeDelta, DateTime<Utc>),
) -> Result<Vec<(Appointment, Outcome)>, SchedulingError> {
    let session = sessions::find(tx, id).await?;
    let changed = Changed {
        organisation: session.organisation,
        department: session.department,
        surge,
        needs: &session.capabilities,
        slots: gone,
        places: &HashMap::new(),
        withdrawn: gone,
        // A surge that closes leaves nobody without a place.
        honours: surge.is_some(),
        reason,
        kept_for,
    };
    let outcomes = displace::rearrange(tx, by, &changed, now).await?;
    if slots::of_session(tx, id).await?.iter().all(|slot| slot.starts_at <= now) {
        end(tx, by, &session, now).await?;
    }
    Ok(outcomes)
}

/// The doctor, the room and the equipment are free from now on.
async fn end(tx: &mut Transaction, by: By<'_>, session: &Session, now: DateTime<Utc>) -> Result<(), SchedulingError> {
    let had = resources::of_session(tx, session.id).await?;
    sessions::update(tx, session, Some(now)).await?;
    resources::follow(tx, session, Some(now)).await?;
    let entry = by.entry("scheduling.session.withdraw").row("sessions", session.id);
    let entry =
        had.iter().fold(entry, |entry, resource| entry.row("session_resources", audit::id(&[&session.id, resource])));
    Ok(audit::record(tx, entry).await?)
}
