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
    app::pass_on::{ASKED_MAX, Free, Passed, withdraw_leftover},
    domain::{error::SchedulingError, pool::Pool, wait_list::Entry},
    store::{
        patients, places, rooms, shared,
        wait_list::{self as entries, Part},
    },
};

impl Calendar {
    /// Passes on what was set aside, up to a number of slots; true if there may be more.
    pub async fn pass_on_set_aside(&self) -> Result<bool, SchedulingError> {
        let mut tx = self.db.begin(Scope::Worker).await?;
        let aside = places::aside(&mut tx, ROUND_MAX).await?;
        tx.commit().await?;
        for (slot, region) in &aside {
            match self.ask_line(*region, *slot).await {
                Err(SchedulingError::Storage(cause)) if cause.is_unavailable() => return Err(cause.into()),
                Err(error) => {
                    tracing::error!(slot_id = %slot, %error, "a place that was set aside cannot be passed on")
                }
                Ok(()) => {}
            }
        }
        Ok(i64::try_from(aside.len()).is_ok_and(|count| count >= ROUND_MAX))
    }

    async fn ask_line(&self, region: RegionCode, slot: SlotId) -> Result<(), SchedulingError> {
        let mut part = Part { behind: None, is_first_only: false, count_max: ASKED_MAX };
        loop {
            let mut tx = self.db.begin(Scope::Region(region)).await?;
            let now = self.clock.now();
            let line = entries::line(&mut tx, slot, part).await?;
            let asked: Vec<&Entry> = line.iter().map(|(entry, _)| entry).collect();
            let is_last = line.len() < part.count_max;
            lock(&mut tx, &asked).await?;
            self.ask_part(&mut tx, slot, &asked, is_last, now).await?;
            tx.commit().await?;
            if is_last {
                return Ok(());
            }
            part.behind = line.last().map(|(_, standing)| *standing);
        }
    }

    /// Those behind are asked next, about what these leave.
    async fn ask_part(
        &self,
        tx: &mut Transaction,
        slot: SlotId,
        asked: &[&Entry],
        is_last: bool,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let locked = rooms::lock(tx, &[slot]).await?;
        let Some(room) = locked.iter().map(|locked| &locked.room).find(|room| room.pool == Pool::Public) else {
            return Ok(());
        };
        let free = Free::in_room(room);
        let mut is_wanted = true;
        while places::take_aside(tx, slot).await? {
            if !is_wanted {
                continue;
            }
            let passed = self.passing.ask(tx, free, asked, now).await?;
            if passed == Passed::Undecided || (passed == Passed::Nobody && !is_last) {
                places::set_aside(tx, slot).await?;
                return Ok(());
            }
            is_wanted = passed == Passed::On;
        }
        withdraw_leftover(tx, &[slot], now).await
    }
}

/// In the order in which everybody locks: who books for others, then persons.
async fn lock(tx: &mut Transaction, asked: &[&Entry]) -> Result<(), SchedulingError> {
    let for_others = asked.iter().filter(|entry| entry.delegation.is_some());
    let bookers: BTreeSet<String> = for_others.map(|entry| shared::booker(&entry.joined_by)).collect();
    shared::lock(tx, &bookers).await?;
    let residents: Vec<ResidentId> = asked.iter().map(|entry| entry.resident).collect();
    patients::lock_all(tx, &residents).await
}
