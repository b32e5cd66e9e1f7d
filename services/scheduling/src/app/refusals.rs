//! Counts who asked for a place that was taken: demand that no row shows. In memory, and written down every few seconds: nobody who is
//! refused waits for it.

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher as _,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, NaiveDate, Utc};
use postgres::{Scope, Transaction};
use types::{
    clock::local_date,
    ids::{ResidentId, SlotId},
    region::RegionCode,
};

use super::Scheduling;
use crate::{
    domain::error::SchedulingError,
    store::slot_refusals::{self, Asked},
};

/// As many as a flash crowd brings between two writes; beyond it nobody is counted.
const COUNTED_MAX: usize = 100_000;
/// So many are known to have been counted for days that are not over; beyond it nobody is counted, rather than somebody again.
const SEEN_MAX: usize = 1_000_000;

/// Who asked since the last write, and who has been counted for which day. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals {
    asked: Arc<Mutex<HashSet<(RegionCode, SlotId, ResidentId)>>>,
    seen: Arc<Mutex<Seen>>,
}

/// Whoever asks every few seconds, for one slot after the other, wants one place: a person counts once a day and department.
#[derive(Debug, Default)]
struct Seen {
    /// Keyed anew by each process: who it was cannot be told from it.
    keyed: RandomState,
    persons: HashMap<NaiveDate, HashSet<u64>>,
}

/// How many more want a place of each slot, and who they are.
#[derive(Debug, Default)]
struct Counted {
    by_slot: BTreeMap<SlotId, i32>,
    persons: Vec<(NaiveDate, u64)>,
}

impl Seen {
    /// Those counted before are left out.
    fn count(&mut self, slots: &[Asked], asked: &[(SlotId, ResidentId)], now: DateTime<Utc>) -> Counted {
        let today = local_date(now);
        self.persons.retain(|day, _| *day >= today);
        let mut known: usize = self.persons.values().map(HashSet::len).sum();
        let slots: HashMap<SlotId, &Asked> = slots.iter().map(|slot| (slot.slot, slot)).collect();
        let mut counted = Counted::default();
        for (slot, resident) in asked {
            // Slots that do not exist are passed over: anybody can ask for one.
            let Some(Asked { organisation, department, starts_at, .. }) = slots.get(slot) else { continue };
            let day = local_date(*starts_at);
            let person = self.keyed.hash_one((organisation, department, resident));
            if day >= today && known < SEEN_MAX && self.persons.entry(day).or_default().insert(person) {
                known += 1;
                *counted.by_slot.entry(*slot).or_default() += 1;
                counted.persons.push((day, person));
            }
        }
        counted
    }

    /// What could not be written down was not counted.
    fn forget(&mut self, counted: &Counted) {
        for (day, person) in &counted.persons {
            if let Some(persons) = self.persons.get_mut(day) {
                persons.remove(person);
            }
        }
    }
}

impl Refusals {
    pub(super) fn note(&self, region: RegionCode, slot: SlotId, resident: ResidentId) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() < COUNTED_MAX {
            asked.insert((region, slot, resident));
        }
    }

    fn take(&self) -> BTreeMap<RegionCode, Vec<(SlotId, ResidentId)>> {
        let asked = mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_region: BTreeMap<RegionCode, Vec<(SlotId, ResidentId)>> = BTreeMap::new();
        for (region, slot, resident) in asked {
            by_region.entry(region).or_default().push((slot, resident));
        }
        by_region
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scheduling {
    /// Writes down who was refused since the last time and was not counted before. A region that fails keeps none of the others.
    pub async fn write_refusals(&self) -> Result<(), SchedulingError> {
        let mut written = Ok(());
        for (region, asked) in self.refusals.take() {
            written = written.and(self.write_refusals_of(region, &asked).await);
        }
        written
    }

    async fn write_refusals_of(
        &self,
        region: RegionCode,
        asked: &[(SlotId, ResidentId)],
    ) -> Result<(), SchedulingError> {
        let ids: HashSet<SlotId> = asked.iter().map(|(slot, _)| *slot).collect();
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        let slots = slot_refusals::asked(&mut tx, &ids.into_iter().collect::<Vec<_>>()).await?;
        let counted = self.refusals.seen().count(&slots, asked, self.clock.now());
        let written = write(tx, &counted).await;
        if written.is_err() {
            self.refusals.seen().forget(&counted);
        }
        written
    }
}

async fn write(mut tx: Transaction, counted: &Counted) -> Result<(), SchedulingError> {
    let by_slot: Vec<(SlotId, i32)> = counted.by_slot.iter().map(|(slot, refused)| (*slot, *refused)).collect();
    slot_refusals::add(&mut tx, &by_slot).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use chrono::{Days, TimeDelta};
    use types::ids::{DepartmentId, OrganisationId};

    use super::*;

    #[test]
    fn sc_13_a_person_who_asks_all_day_for_every_slot_wants_one_place() {
        let now: DateTime<Utc> = "2026-03-02T01:00:00Z".parse().unwrap();
        let organisation = OrganisationId::generate();
        let slot = |department: Option<DepartmentId>, starts_at| Asked {
            slot: SlotId::generate(),
            organisation,
            department,
            starts_at,
        };
        let later = now + TimeDelta::hours(1);
        let (one, other) = (slot(None, later), slot(None, later + TimeDelta::hours(1)));
        let elsewhere = slot(Some(DepartmentId::generate()), later);
        let tomorrow = slot(None, later + Days::new(1));
        let over = slot(None, now - Days::new(1));
        let slots = [one, other, elsewhere, tomorrow, over];
        let [poller, second] = [ResidentId::generate(), ResidentId::generate()];
        let all = |resident: ResidentId| slots.map(|slot| (slot.slot, resident));
        let sum = |counted: Counted| counted.by_slot.into_values().sum::<i32>();

        let mut seen = Seen::default();
        assert_eq!(sum(seen.count(&slots, &all(poller), now)), 3, "a day, another department, another day");
        assert_eq!(sum(seen.count(&slots, &all(poller), now)), 0, "again");
        let unwritten = seen.count(&slots, &[(one.slot, second)], now);
        assert_eq!(unwritten.by_slot, BTreeMap::from([(one.slot, 1)]));
        seen.forget(&unwritten);
        assert_eq!(sum(seen.count(&slots, &[(one.slot, second)], now)), 1, "it was not written down");
        assert_eq!(sum(seen.count(&slots, &[(SlotId::generate(), second)], now)), 0, "no such slot");
        seen.count(&slots, &[], now + Days::new(2));
        assert!(seen.persons.is_empty(), "what is over is forgotten");
    }
}
