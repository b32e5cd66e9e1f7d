//! Finds free places near somebody, from the slot cache and, where that knows nothing, from Postgres.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Days, NaiveDate, Utc};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, try_join_all},
};
use postgres::{
    Database, Scope,
    paging::{Page, PageRequest},
};
use types::{
    care::CareKind,
    clock::{Clock, local_date, start_of_local_day},
    ids::OrganisationId,
    region::RegionCode,
};

use super::copies::Copies;
use crate::{
    domain::{
        error::SchedulingError,
        offer::{Around, Front, Nearby, Offer, OpenSlot, Provider, Query, Rank},
        pool::Pool,
        price::Prices,
    },
    store::{
        prices, sessions,
        slot_cache::{Day, ReadAt, SlotCache},
        slots::{self, Window},
    },
};

/// How old a copy within the process may be: what it was read from may be as old as Redis keeps it, and both together are less than a second.
const COPY_LIFE: Duration = Duration::from_millis(200);
/// Prices move slowly.
const PRICES_LIFE: Duration = Duration::from_secs(2);
/// Providers looked up at a time, best first; most searches are satisfied by the first few.
const PROVIDERS_AT_ONCE: usize = 8;

/// Cheap to clone.
#[derive(Clone)]
pub struct Search {
    db: Database,
    pub(super) clock: Arc<dyn Clock>,
    cache: Arc<SlotCache>,
    providers: Copies<RegionCode, Arc<Vec<Provider>>>,
    nearby: Copies<(RegionCode, Around), Arc<Vec<Provider>>>,
    open: Copies<(RegionCode, Window), Arc<Vec<OpenSlot>>>,
    prices: Copies<RegionCode, Arc<Prices>>,
}

impl Search {
    pub fn new(db: Database, clock: Arc<dyn Clock>, cache: Arc<SlotCache>) -> Self {
        Self {
            db,
            clock,
            cache,
            providers: Copies::new(COPY_LIFE),
            nearby: Copies::new(COPY_LIFE),
            open: Copies::new(COPY_LIFE),
            prices: Copies::new(PRICES_LIFE),
        }
    }

    /// A page of offers, best first.
    pub async fn find(
        &self,
        region: RegionCode,
        query: &Query,
        page: &PageRequest<Rank>,
    ) -> Result<Page<Offer>, SchedulingError> {
        let now = self.clock.now();
        let limit = usize::try_from(page.limit()).unwrap_or_default();
        let reachable = query.reachable(&self.providers(region, query).await?, page.after());
        let mut found: Vec<(Nearby, Arc<Vec<OpenSlot>>)> = vec![];
        let mut counts: Vec<(Front, usize)> = vec![];
        let mut left = reachable.as_slice();
        while left.first().is_some_and(|next| !is_enough(&counts, next, limit)) {
            let open = self.open_of_some(region, query, left).await?;
            let rest = left.get(open.len()..).unwrap_or_default();
            for (nearby, open) in left.iter().zip(open) {
                let counted = query.count(nearby, &open, page.after(), limit, now);
                counts.extend(counted.into_iter().filter(|(_, count)| *count > 0));
                found.push((nearby.clone(), open));
            }
            left = rest;
        }
        let mut offers = query.best(&found, page.after(), limit, now);
        if !offers.is_empty() {
            let prices = self.prices(region).await?;
            for offer in &mut offers {
                offer.price = prices.of(offer.tier, query.kind, offer.department);
            }
        }
        page.page(offers, Offer::rank).map_err(|error| SchedulingError::field("page_token", error.to_string()))
    }

    /// Free places of the first of these providers, if this process has them; or else of some of them, looked for at the same time.
    async fn open_of_some(
        &self,
        region: RegionCode,
        query: &Query,
        providers: &[Nearby],
    ) -> Result<Vec<Arc<Vec<OpenSlot>>>, SchedulingError> {
        let window =
            |nearby: &Nearby| self.window(nearby.organisation, query.kind, query.pool, query.from, query.until);
        if let Some(first) = providers.first()
            && let Some(open) = self.open_at_hand(region, window(first)).await
        {
            return Ok(vec![open]);
        }
        let some = providers.iter().take(PROVIDERS_AT_ONCE);
        try_join_all(some.map(|nearby| self.open_slots(region, window(nearby)))).await
    }

    /// Those that Redis knows near there, or all of the region.
    async fn providers(&self, region: RegionCode, query: &Query) -> Result<Arc<Vec<Provider>>, SchedulingError> {
        let around = query.around();
        let read = || {
            let search = self.clone();
            async move {
                match search.cache.providers(region, around).await {
                    Some(providers) => Ok(Arc::new(providers)),
                    None => search.all_providers(region).await,
                }
            }
        };
        self.nearby.get((region, around), read).await
    }

    async fn all_providers(&self, region: RegionCode) -> Result<Arc<Vec<Provider>>, SchedulingError> {
        let read = || {
            let search = self.clone();
            async move { search.read_providers(region).await }
        };
        self.providers.get(region, read).await
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
        self.open.get((region, window), self.reading(region, window)).await
    }

    /// The same, if this process has it.
    async fn open_at_hand(&self, region: RegionCode, window: Window) -> Option<Arc<Vec<OpenSlot>>> {
        self.open.at_hand(&(region, window), self.reading(region, window)).await
    }

    fn reading(
        &self,
        region: RegionCode,
        window: Window,
    ) -> impl Fn() -> BoxFuture<'static, Result<Arc<Vec<OpenSlot>>, SchedulingError>> {
        move || {
            let search = self.clone();
            async move { search.read_open(region, window).await }.boxed()
        }
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
        let read = || {
            let search = self.clone();
            async move { search.read_prices(region).await }
        };
        self.prices.get(region, read).await
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
        // Days come out of the cache and out of Postgres; the start is what an offer of a provider ranks by.
        open.sort_unstable_by_key(|open| (open.starts_at, open.slot));
        Ok(Arc::new(open))
    }

    fn read_at(&self) -> ReadAt {
        ReadAt { time: self.clock.now(), instant: Instant::now() }
    }
}

/// Whether there is a page before the next provider and all behind it.
fn is_enough(counts: &[(Front, usize)], next: &Nearby, limit: usize) -> bool {
    let before = counts.iter().filter(|(front, _)| *front < next.front());
    before.map(|(_, count)| count).sum::<usize>() >= limit
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
