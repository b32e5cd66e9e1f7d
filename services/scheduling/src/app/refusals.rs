//! Counts who asked for a place that was taken: demand that no row shows. In memory, and written down every few seconds: nobody who is
//! refused waits for it.

use std::{
    collections::{BTreeMap, HashSet},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use postgres::Scope;
use types::{
    ids::{ResidentId, SlotId},
    region::RegionCode,
};

use super::Scheduling;
use crate::{domain::error::SchedulingError, store::slot_refusals};

/// As many as a flash crowd brings between two writes; beyond it nobody is counted.
const COUNTED_MAX: usize = 100_000;

/// Each person once a slot. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<HashSet<(RegionCode, SlotId, ResidentId)>>>);

impl Refusals {
    pub(super) fn note(&self, region: RegionCode, slot: SlotId, resident: ResidentId) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() < COUNTED_MAX {
            counted.insert((region, slot, resident));
        }
    }

    fn take(&self) -> BTreeMap<RegionCode, BTreeMap<SlotId, i32>> {
        let counted = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_region: BTreeMap<RegionCode, BTreeMap<SlotId, i32>> = BTreeMap::new();
        for (region, slot, _) in counted {
            *by_region.entry(region).or_default().entry(slot).or_default() += 1;
        }
        by_region
    }
}

impl Scheduling {
    /// Writes down what was counted since the last time.
    pub async fn write_refusals(&self) -> Result<(), SchedulingError> {
        for (region, slots) in self.refusals.take() {
            let counted: Vec<(SlotId, i32)> = slots.into_iter().collect();
            let mut tx = self.db.begin(Scope::Region(region)).await?;
            slot_refusals::add(&mut tx, &counted).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
