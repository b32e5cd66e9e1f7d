//! Who comes too late is told at once, and where else there are places: found out once for all who ask at the same time.

use std::{sync::Arc, time::Duration};

use chassis::Context;
use moka::future::Cache;
use postgres::Scope;
use types::ids::SlotId;

use super::{Hold, Scheduling};
use crate::{
    domain::error::SchedulingError,
    store::{known, places, slot_cache::full::Full, slots::Bookable},
};

/// How long a process goes on telling the same alternatives.
const LIFE: Duration = Duration::from_millis(250);
const KEPT_MAX: u64 = 10_000;

/// Slots that may do instead of full ones.
pub(super) type Alternatives = Cache<Full, Arc<Vec<SlotId>>>;

pub(super) fn alternatives() -> Alternatives {
    Cache::builder().max_capacity(KEPT_MAX).time_to_live(LIFE).build()
}

impl Scheduling {
    /// The refusal, with up to three slots of the same department that have a free place, the nearest in time first.
    pub(super) async fn too_late(
        &self,
        ctx: &Context,
        wish: &Hold,
        bookable: &Bookable,
    ) -> Result<SchedulingError, SchedulingError> {
        let found =
            self.alternatives.try_get_with(wish.full(), Box::pin(self.look_elsewhere(ctx, wish, bookable))).await;
        let alternatives = found.map_err(SchedulingError::Shared)?.as_ref().clone();
        Ok(SchedulingError::SlotTaken { alternatives })
    }

    async fn look_elsewhere(
        &self,
        ctx: &Context,
        wish: &Hold,
        bookable: &Bookable,
    ) -> Result<Arc<Vec<SlotId>>, SchedulingError> {
        let wanted = places::Wanted {
            slot: wish.slot,
            organisation: bookable.organisation,
            department: bookable.department,
            kind: wish.kind,
            pool: wish.pool,
            starts_at: bookable.slot.starts_at,
        };
        let now = self.clock.now();
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let alternatives = places::alternatives(&mut tx, wanted, now).await?;
        let standing = known::standing(&mut tx, wish.slot, wish.pool, now).await?;
        tx.commit().await?;
        if standing.is_full {
            let until_lapse = standing.next_lapse_at.map(|at| (at - now).to_std().unwrap_or_default());
            self.cache.put_full(ctx.caller.region, wish.full(), &alternatives, until_lapse).await;
        }
        Ok(Arc::new(alternatives))
    }
}
