//! Places set aside for those who wait: the whole line is asked, in order, some at a time, each time in a transaction that locks them all, and
//! waits for them, before it locks the place. Whoever polls sees the place when nobody in the line takes it (SC-07).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postgres::{Scope, Transaction};
use types::{
    ids::{ResidentId, SlotId},
    region::RegionCode,
};

use super::{Calendar, ROUND_MAX};
use crate::{
    app::pass_on::{EVERYBODY, Free, Passed, withdraw_leftover},
    domain::{error::SchedulingError, pool::Pool, wait_list::Entry},
    store::{exclusion, patients, places, rooms, wait_list as entries},
};

impl Calendar {
    /// Passes on what was set aside, up to a number of slots.
    pub async fn pass_on_set_aside(&self) -> Result<(), SchedulingError> {
        let mut tx = self.db.begin(Scope::Worker).await?;
        let aside = places::aside(&mut tx, ROUND_MAX).await?;
        tx.commit().await?;
        for (slot, region) in aside {
            match self.ask_line(region, slot).await {
                Err(SchedulingError::Storage(cause)) if cause.is_unavailable() => return Err(cause.into()),
                Err(error) => {
                    tracing::error!(slot_id = %slot, %error, "a place that was set aside cannot be passed on");
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    async fn ask_line(&self, region: RegionCode, slot: SlotId) -> Result<(), SchedulingError> {
        let mut part = EVERYBODY;
        loop {
            let mut tx = self.db.begin(Scope::Region(region)).await?;
            let now = self.clock.now();
            let line = entries::line(&mut tx, slot, part).await?;
            let asked: Vec<&Entry> = line.iter().map(|(entry, _)| entry).collect();
            let is_last = line.len() < part.count_max;
            lock(&mut tx, &asked).await?;
            let asks_on = self.ask_part(&mut tx, slot, &asked, is_last, now).await?;
            tx.commit().await?;
            if !asks_on {
                return Ok(());
            }
            part.behind = line.last().map(|(_, standing)| *standing);
        }
    }

    /// Whether those behind are asked next, about what these leave. They are not where one of these could not be asked: nobody is passed over.
    async fn ask_part(
        &self,
        tx: &mut Transaction,
        slot: SlotId,
        asked: &[&Entry],
        is_last: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, SchedulingError> {
        let locked = rooms::lock(tx, &[slot]).await?;
        let Some(room) = locked.iter().map(|locked| &locked.room).find(|room| room.pool == Pool::Public) else {
            return Ok(false);
        };
        let free = Free::in_room(room);
        let mut is_wanted = true;
        while places::take_aside(tx, slot).await? {
            if !is_wanted {
                continue;
            }
            let passed = self.passing.ask(tx, &free, asked, now).await?;
            if passed == Passed::Undecided || (passed == Passed::Nobody && !is_last) {
                places::set_aside(tx, slot).await?;
                return Ok(passed == Passed::Nobody);
            }
            is_wanted = passed == Passed::On;
        }
        withdraw_leftover(tx, &[slot], now).await?;
        Ok(false)
    }
}

/// In the order in which everybody locks: who books for others, then persons.
async fn lock(tx: &mut Transaction, asked: &[&Entry]) -> Result<(), SchedulingError> {
    let for_others = asked.iter().filter(|entry| entry.delegation.is_some());
    let bookers: BTreeSet<String> = for_others.map(|entry| exclusion::booker(&entry.joined_by)).collect();
    exclusion::lock(tx, &bookers).await?;
    let residents: Vec<ResidentId> = asked.iter().map(|entry| entry.resident).collect();
    patients::lock_all(tx, &residents).await
}
