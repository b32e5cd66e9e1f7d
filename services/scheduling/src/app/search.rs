//! Finds free places near somebody, from the slot cache and, where that knows nothing, from Postgres.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Days, NaiveDate, Utc};
use futures_util::future::try_join_all;
use moka::future::Cache;
use postgres::{Database, Scope};
use types::{
    care::CareKind,
    clock::{Clock, local_date, start_of_local_day},
    ids::OrganisationId,
    region::RegionCode,
};

use crate::{
    domain::{
        error::SchedulingError,
        offer::{self, Offer, OpenSlot, Provider, Query},
        pool::Pool,
        price::Prices,
    },
    store::{
        prices, sessions,
        slot_cache::{Day, ReadAt, SlotCache},
        slots::{self, Window},
    },
};

/// How long a process goes on using what it has just read.
const COPY_LIFE: Duration = Duration::from_millis(200);
/// Prices move slowly.
const PRICES_LIFE: Duration = Duration::from_secs(2);
const COPIES_MAX: u64 = 10_000;
/// Providers asked about at a time, best first; most searches are satisfied by the first few.
const PROVIDERS_AT_ONCE: usize = 8;

/// Cheap to clone.
#[derive(Clone)]
pub struct Search {
    db: Database,
    pub(super) clock: Arc<dyn Clock>,
    cache: Arc<SlotCache>,
    /// Both also see to it that of many who ask for the same at once only one goes and looks.
    providers: Cache<RegionCode, Arc<Vec<Provider>>>,
    open: Cache<(RegionCode, Window), Arc<Vec<OpenSlot>>>,
    prices: Cache<RegionCode, Arc<Prices>>,
}

impl Search {
    pub fn new(db: Database, clock: Arc<dyn Clock>, cache: Arc<SlotCache>) -> Self {
        Self {
            db,
            clock,
            cache,
            providers: Cache::builder().max_capacity(COPIES_MAX).time_to_live(COPY_LIFE).build(),
            open: Cache::builder().max_capacity(COPIES_MAX).time_to_live(COPY_LIFE).build(),
            prices: Cache::builder().max_capacity(COPIES_MAX).time_to_live(PRICES_LIFE).build(),
        }
    }

    /// The best offers, best first.
    pub async fn find(&self, region: RegionCode, query: &Query) -> Result<Vec<Offer>, SchedulingError> {
        let now = self.clock.now();
        let mut offers = Vec::new();
        let nearby = query.reachable(self.providers(region, query).await?);
        for some in nearby.chunks(PROVIDERS_AT_ONCE) {
            let windows = some
                .iter()
                .map(|nearby| self.window(nearby.organisation, query.kind, query.pool, query.from, query.until));
            let found = windows.map(|window| self.open_slots(region, window));
            let found = try_join_all(found).await?;
            offers.extend(some.iter().zip(found).flat_map(|(nearby, open)| query.offers(nearby, &open, now)));
            // Later providers only rank lower.
            if offers.len() >= query.limit {
                break;
            }
        }
        offers.sort_by(offer::order);
        offers.truncate(query.limit);
        if !offers.is_empty() {
            let prices = self.prices(region).await?;
            for offer in &mut offers {
                offer.price = prices.of(offer.tier, query.kind, offer.department);
            }
        }
        Ok(offers)
    }

    async fn providers(&self, region: RegionCode, query: &Query) -> Result<Vec<Provider>, SchedulingError> {
        if let Some(providers) = self.cache.providers(region, query).await {
            return Ok(providers);
        }
        let all = self.providers.try_get_with(region, self.read_providers(region)).await.map_err(unshared)?;
        Ok(all.to_vec())
    }

    async fn read_providers(&self, region: RegionCode) -> Result<Arc<Vec<Provider>>, SchedulingError> {
        let read_at = self.read_at();
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        let providers = sessions::providers(&mut tx, read_at.time).await?;
        tx.commit().await?;
        self.cache.put_providers(region, &providers, read_at).await;
        Ok(Arc::new(providers))
    }

    /// Free places of a provider. Of many who ask for the same at once only one goes and looks.
    pub(super) async fn open_slots(
        &self,
        region: RegionCode,
        window: Window,
    ) -> Result<Arc<Vec<OpenSlot>>, SchedulingError> {
        self.open.try_get_with((region, window), self.read_open(region, window)).await.map_err(unshared)
    }

    /// Whole local days, so that searches at different moments share what is read.
    pub(super) fn window(
        &self,
        organisation: OrganisationId,
        kind: CareKind,
        pool: Pool,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Window {
        let first = local_date(from.max(self.clock.now()));
        let from = start_of_local_day(first);
        let until = start_of_local_day(local_date(until) + Days::new(1));
        Window { organisation, kind, pool, from, until }
    }

    /// What such care is expected to cost: one read for all who ask within a while, never one a place.
    async fn prices(&self, region: RegionCode) -> Result<Arc<Prices>, SchedulingError> {
        self.prices.try_get_with(region, self.read_prices(region)).await.map_err(unshared)
    }

    async fn read_prices(&self, region: RegionCode) -> Result<Arc<Prices>, SchedulingError> {
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        let prices = prices::all(&mut tx).await?;
        tx.commit().await?;
        Ok(Arc::new(prices))
    }

    async fn read_open(&self, region: RegionCode, window: Window) -> Result<Arc<Vec<OpenSlot>>, SchedulingError> {
        let days = days(window);
        let known = self.cache.days(region, &days).await;
        let missing: Vec<Day> =
            days.iter().zip(&known).filter(|(_, slots)| slots.is_none()).map(|(day, _)| *day).collect();
        let mut open: Vec<OpenSlot> = known.into_iter().flatten().flatten().collect();
        if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
            let read_at = self.read_at();
            let from = start_of_local_day(first.date);
            let until = start_of_local_day(last.date + Days::new(1));
            let mut tx = self.db.begin(Scope::Region(region)).await?;
            let read = slots::open(&mut tx, Window { from, until, ..window }).await?;
            tx.commit().await?;
            let mut by_date: HashMap<NaiveDate, Vec<OpenSlot>> = HashMap::new();
            for slot in read {
                by_date.entry(local_date(slot.starts_at)).or_default().push(slot);
            }
            for day in missing {
                let slots = by_date.remove(&day.date).unwrap_or_default();
                self.cache.put_day(region, day, &slots, read_at).await;
                open.extend(slots);
            }
        }
        Ok(Arc::new(open))
    }

    fn read_at(&self) -> ReadAt {
        ReadAt { time: self.clock.now(), instant: Instant::now() }
    }
}

fn days(window: Window) -> Vec<Day> {
    let Window { organisation, kind, pool, from, until } = window;
    let end = local_date(until);
    local_date(from)
        .iter_days()
        .take_while(|date| *date < end)
        .map(|date| Day { organisation, kind, pool, date })
        .collect()
}

/// The error of whoever went to look, for everybody who waited.
fn unshared(error: Arc<SchedulingError>) -> SchedulingError {
    Arc::try_unwrap(error).unwrap_or_else(SchedulingError::Shared)
}
