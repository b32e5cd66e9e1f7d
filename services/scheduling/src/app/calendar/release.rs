//! Reserved places fall back to everybody at their time: by the loop, and at once where somebody wants one. Who waits for a place like it goes
//! before who asks (SC-02, SC-07).

use chrono::{DateTime, Utc};
use postgres::{Scope, Transaction};
use types::ids::SlotId;

use super::{Calendar, ROUND_MAX, Where};
use crate::{
    app::{
        moves::change_places,
        pass_on::{EVERYBODY, Free},
        records::By,
    },
    domain::error::SchedulingError,
    store::{
        ladders,
        pool_moves::{self, Change},
        rooms,
    },
};

impl Calendar {
    /// Lets fall back what is due, up to a number of slots; true if there may be more.
    pub async fn release_due(&self) -> Result<bool, SchedulingError> {
        let mut is_full = false;
        for region in self.regions(Where::Ladders).await? {
            let mut tx = self.db.begin(Scope::Region(region)).await?;
            let due = ladders::due(&mut tx, self.clock.now(), ROUND_MAX).await?;
            tx.commit().await?;
            is_full |= i64::try_from(due.len()).is_ok_and(|count| count >= ROUND_MAX);
            for slot in due {
                self.release(Scope::Region(region), slot).await?;
            }
        }
        Ok(is_full)
    }

    /// Lets fall back what is due in a slot. Done again it changes nothing: what a pool may keep is known, not what was moved.
    pub(in crate::app) async fn release(&self, scope: Scope, slot: SlotId) -> Result<(), SchedulingError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(scope).await?;
        let mut released = 0;
        for (slot, pool, places) in pool_moves::due_in(&mut tx, &[slot], now).await? {
            change_places(&mut tx, By::Service, (slot, Change::Released(pool), places), now).await?;
            released += places;
        }
        if released > 0 {
            let released = usize::try_from(released).unwrap_or_default();
            self.offer_released(&mut tx, slot, released, now).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn offer_released(
        &self,
        tx: &mut Transaction,
        slot: SlotId,
        places: usize,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let Some(locked) = rooms::lock(tx, &[slot]).await?.into_iter().next() else { return Ok(()) };
        self.passing.pass_on(tx, &[(Free::in_room(&locked.room), places)], None, EVERYBODY, now).await
    }
}
