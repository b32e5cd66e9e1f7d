//! A delegation was taken back: places held under it are freed, and of those confirmed the resident is told.

use chrono::{DateTime, Utc};
use postgres::{
    Scope, Transaction,
    audit::{self, Entry},
    consumer::{Advanced, Failure, Inbox},
};
use types::{
    ids::{DelegationId, ResidentId, SlotId},
    region::RegionCode,
};

use super::{
    Scheduling,
    pass_on::Passing,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::{
        appointment::{Appointment, Cancellation, CancelledBy, State},
        error::SchedulingError,
        pool::Pool,
    },
    store::{appointments, patients, places, revoked_delegations},
};

const REASON: &str = "the delegation was taken back";

/// A delegation that was taken back, and whose it was.
#[derive(Debug, Clone, Copy)]
pub struct Revoked {
    pub delegation: DelegationId,
    pub resident: ResidentId,
    pub at: DateTime<Utc>,
}

impl Scheduling {
    /// Once in effect: the cursor moves in the same transaction. The resident's lock comes first, so that a hold vouched for earlier
    /// is either here to be freed or finds the delegation revoked.
    pub async fn release_holds(&self, inbox: Inbox, region: RegionCode, revoked: Revoked) -> Result<Advanced, Failure> {
        let mut tx = inbox.begin(Scope::Region(region)).await?;
        self.release(&mut tx, revoked).await.map_err(|error| match error {
            SchedulingError::Storage(error) => error.into(),
            other => Failure::refused(other),
        })?;
        Ok(inbox.commit(tx).await?)
    }

    async fn release(&self, tx: &mut Transaction, revoked: Revoked) -> Result<(), SchedulingError> {
        patients::lock(tx, revoked.resident).await?;
        if revoked_delegations::insert(tx, revoked.delegation, revoked.at).await? {
            let entry = Entry::by_service("scheduling", "scheduling.delegation.learn_revocation");
            let entry = entry.resident(revoked.resident).row("revoked_delegations", revoked.delegation);
            audit::record(tx, entry).await?;
        }
        let now = self.clock.now();
        let ahead = appointments::lock_ahead(tx, revoked.delegation, now).await?;
        // All places before anybody who waits for one is asked, in the order in which everybody takes them.
        let held = ahead.iter().filter(|appointment| appointment.state == State::Held);
        let had: Vec<(SlotId, Pool)> = held.flat_map(|held| held.slots().map(move |slot| (slot, held.pool))).collect();
        places::lock(tx, &had).await?;
        for appointment in ahead {
            if appointment.state == State::Held {
                free(tx, &self.passing, appointment, now).await?;
            } else {
                appointment_changed(tx, By::Service, Change::DelegationRevoked, &appointment, now).await?;
            }
        }
        Ok(())
    }
}

async fn free(
    tx: &mut Transaction,
    passing: &Passing,
    held: Appointment,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    let cancellation = Cancellation { at: now, by: CancelledBy::Patient, reason: REASON.to_owned() };
    let cancelled = held.cancel(cancellation)?;
    appointments::update(tx, &cancelled).await?;
    appointment_changed(tx, By::Service, Change::Cancelled, &cancelled, now).await?;
    passing.give_back(tx, &cancelled, now).await
}
