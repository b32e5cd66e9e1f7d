//! Slots that are known to be full, for a moment: found out once for all who ask at the same time, and told out of this process's memory to
//! whoever comes then. Nobody in a crowd waits for Postgres to hear that they came too late, and Postgres hears nothing of them.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use chassis::Context;
use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use postgres::Scope;
use types::{
    care::CareKind,
    ids::{RequestId, ResidentId, SlotId},
    region::RegionCode,
};

use super::{Hold, Scheduling};
use crate::{
    domain::{error::SchedulingError, pool::Pool},
    store::{known, places, slots::Bookable},
};

/// How long a process goes on telling the same. A place that is given back in that time may be refused to whoever comes first, and to nobody
/// after.
const LIFE: Duration = Duration::from_millis(500);
const KEPT_MAX: u64 = 10_000;
/// A request that is older may be the repetition of one that was answered long ago: Postgres knows.
const YOUNG: TimeDelta = TimeDelta::minutes(1);

/// What is asked for: of one slot, alternatives differ by kind of care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Full {
    region: RegionCode,
    slot: SlotId,
    pool: Pool,
    kind: CareKind,
}

/// What was found of it.
#[derive(Debug)]
struct Found {
    /// Other slots that may do.
    alternatives: Vec<SlotId>,
    /// Who has or had a place there: they may repeat what was answered before.
    had: HashSet<ResidentId>,
    /// From then on it is not known to be full; none if it was not full any more.
    until: Option<Instant>,
}

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct FullSlots(Cache<Full, Arc<Found>>);

impl FullSlots {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(KEPT_MAX).time_to_live(LIFE).build())
    }

    /// The refusal of a booking that nobody can win now.
    pub(super) async fn refusal(
        &self,
        full: Full,
        resident: ResidentId,
        request: RequestId,
        now: DateTime<Utc>,
    ) -> Option<SchedulingError> {
        if !is_young(request, now) {
            return None;
        }
        let found = self.0.get(&full).await?;
        let is_full = found.until.is_some_and(|until| Instant::now() < until);
        (is_full && !found.had.contains(&resident)).then(|| found.refusal())
    }

    /// A place was given back.
    pub(super) async fn forget(&self, region: RegionCode, slot: SlotId, pool: Pool) {
        for kind in CareKind::ALL {
            self.0.invalidate(&Full { region, slot, pool, kind: *kind }).await;
        }
    }
}

impl Full {
    const fn of(ctx: &Context, wish: &Hold) -> Self {
        Self { region: ctx.caller.region, slot: wish.slot, pool: wish.pool, kind: wish.kind }
    }
}

impl Found {
    fn refusal(&self) -> SchedulingError {
        SchedulingError::SlotTaken { alternatives: self.alternatives.clone() }
    }
}

/// By the time in its id. An id that tells none may be of any age.
fn is_young(request: RequestId, now: DateTime<Utc>) -> bool {
    let made_at = request.uuid().get_timestamp().and_then(|made_at| {
        let (seconds, nanos) = made_at.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    made_at.is_some_and(|made_at| (now - made_at).abs() < YOUNG)
}

impl Scheduling {
    /// The refusal of a booking of which it is known here that nobody can win it now.
    pub(super) async fn known_full(&self, ctx: &Context, wish: &Hold, request: RequestId) -> Option<SchedulingError> {
        self.full.refusal(Full::of(ctx, wish), wish.resident, request, self.clock.now()).await
    }

    /// The refusal, with up to three slots of the same department that have a free place, the nearest in time first.
    pub(super) async fn too_late(
        &self,
        ctx: &Context,
        wish: &Hold,
        bookable: &Bookable,
    ) -> Result<SchedulingError, SchedulingError> {
        let looked = Box::pin(self.look_elsewhere(ctx, wish, bookable));
        let found = self.full.0.try_get_with(Full::of(ctx, wish), looked).await;
        Ok(found.map_err(SchedulingError::Shared)?.refusal())
    }

    async fn look_elsewhere(
        &self,
        ctx: &Context,
        wish: &Hold,
        bookable: &Bookable,
    ) -> Result<Arc<Found>, SchedulingError> {
        let wanted = places::Wanted {
            slot: wish.slot,
            organisation: bookable.organisation,
            department: bookable.department,
            kind: wish.kind,
            pool: wish.pool,
            starts_at: bookable.slot.starts_at,
        };
        let (read_at, now) = (Instant::now(), self.clock.now());
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        // Whoever wins a place after this has it in a slot that was not full at this moment.
        let standing = known::standing(&mut tx, wish.slot, wish.pool, now).await?;
        let alternatives = places::alternatives(&mut tx, wanted, now).await?;
        tx.rollback().await?;
        let life = standing.next_lapse_at.map_or(LIFE, |at| LIFE.min((at - now).to_std().unwrap_or_default()));
        let until = standing.is_full.then(|| read_at + life);
        Ok(Arc::new(Found { alternatives, had: standing.had, until }))
    }
}

#[cfg(test)]
mod tests {
    use types::clock::{Clock as _, SystemClock};

    use super::*;

    #[test]
    fn sc_14_what_may_repeat_an_old_request_is_not_told_from_memory() {
        let now = SystemClock.now();
        assert!(is_young(RequestId::generate(), now));
        assert!(!is_young(RequestId::generate(), now + TimeDelta::minutes(2)));
        assert!(!is_young(RequestId::generate(), now - TimeDelta::minutes(2)));
        assert!(!is_young("7d444840-9dc0-41d1-b245-5ffdce74fad2".parse().unwrap(), now));
    }
}
