//! Frees holds that have run out: by the loop, and wherever one would stand in the way.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use postgres::{Scope, Transaction};
use types::{
    ids::{AppointmentId, SlotId},
    region::RegionCode,
};

use super::{
    Scheduling,
    pass_on::Passing,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::{appointment::Appointment, error::SchedulingError, pool::Pool},
    store::{appointments, places},
};

/// Holds freed in one transaction at most.
const BATCH_MAX: i64 = 100;

impl Scheduling {
    /// Frees what has run out, up to a batch; true if there may be more.
    pub async fn expire_due(&self) -> Result<bool, SchedulingError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(Scope::Worker).await?;
        let due = appointments::lapsed(&mut tx, now, BATCH_MAX).await?;
        tx.commit().await?;

        let is_full = i64::try_from(due.len()).unwrap_or(i64::MAX) >= BATCH_MAX;
        let mut by_region: BTreeMap<RegionCode, Vec<AppointmentId>> = BTreeMap::new();
        for (id, region) in due {
            by_region.entry(region).or_default().push(id);
        }
        let mut freed = 0;
        for (region, ids) in by_region {
            freed += self.free_or_each(Scope::Region(region), &ids, now).await?;
        }
        // Those that others are working on are theirs: asking again at once would find them again.
        Ok(is_full && freed > 0)
    }

    /// All at once; where one of them cannot be freed, each by itself, so that it does not keep the others.
    async fn free_or_each(
        &self,
        scope: Scope,
        ids: &[AppointmentId],
        now: DateTime<Utc>,
    ) -> Result<usize, SchedulingError> {
        match self.free(scope, ids, now).await {
            Err(SchedulingError::Storage(cause)) if cause.is_unavailable() => Err(cause.into()),
            Err(_) => {
                let mut freed = 0;
                for id in ids {
                    match self.free(scope, &[*id], now).await {
                        Ok(count) => freed += count,
                        Err(error) => {
                            tracing::error!(appointment_id = %id, %error, "a hold that has run out cannot be freed");
                        }
                    }
                }
                Ok(freed)
            }
            done => done,
        }
    }

    /// In a transaction of its own: the places it touches may belong to other slots than the one that is wanted.
    pub(super) async fn free(
        &self,
        scope: Scope,
        ids: &[AppointmentId],
        now: DateTime<Utc>,
    ) -> Result<usize, SchedulingError> {
        let mut tx = self.db.begin(scope).await?;
        let lapsed = appointments::lock_lapsed(&mut tx, ids, now).await?;
        let freed = free_all(&mut tx, &self.passing, lapsed, now).await?;
        tx.commit().await?;
        Ok(freed)
    }
}

async fn free_all(
    tx: &mut Transaction,
    passing: &Passing,
    lapsed: Vec<Appointment>,
    now: DateTime<Utc>,
) -> Result<usize, SchedulingError> {
    let expired: Vec<Appointment> = lapsed.into_iter().filter_map(|hold| hold.lapse(now)).collect();
    // All places before anybody who waits for one is asked, in the order in which everybody takes them.
    let had: Vec<(SlotId, Pool)> =
        expired.iter().flat_map(|hold| hold.slots().map(move |slot| (slot, hold.pool))).collect();
    places::lock(tx, &had).await?;
    for appointment in &expired {
        appointments::update(tx, appointment).await?;
        appointment_changed(tx, By::Service, Change::Expired, appointment, now).await?;
        passing.give_back(tx, appointment, now).await?;
    }
    Ok(expired.len())
}
