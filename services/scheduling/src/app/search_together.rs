//! Finds times at which several have free places together, from the same free places as every search.

use futures_util::future::try_join_all;
use types::region::RegionCode;

use super::Search;
use crate::domain::{
    error::SchedulingError,
    offer::OpenSlot,
    together::{Offer, Query},
};

impl Search {
    pub async fn find_together(&self, region: RegionCode, query: &Query) -> Result<Vec<Offer>, SchedulingError> {
        query.check()?;
        let window = |organisation| self.window(organisation, query.kind, query.pool, query.from, query.until);
        let windows = query.parties.iter().map(|party| window(party.organisation));
        let open = try_join_all(windows.map(|window| self.open_slots(region, window))).await?;
        let open: Vec<&[OpenSlot]> = open.iter().map(|open| open.as_slice()).collect();
        Ok(query.offers(&open, self.clock.now()))
    }
}
