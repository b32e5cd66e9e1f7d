use chassis::Context;
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::region::RegionCode;

use super::App;
use crate::domain::claim::Item;
use crate::domain::error::AdjudicationError;
use crate::store::catalogue;

/// Items of a region's catalogue from a day on. Codes are distinct.
#[derive(Debug, Clone)]
pub struct PutCatalogue {
    pub region: RegionCode,
    pub effective_from: NaiveDate,
    pub items: Vec<(String, Item)>,
}

impl App {
    /// Answers how many items are new. What stands for a day is never changed, since claims were judged by it.
    pub async fn put_catalogue(
        &self,
        ctx: &Context,
        call: &Call<u64>,
        put: PutCatalogue,
    ) -> Result<Reply<u64>, AdjudicationError> {
        if put.region != ctx.caller.region {
            return Err(AdjudicationError::ForeignRegion(put.region.to_string()));
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let inserted = catalogue::put(&mut tx, put.region, put.effective_from, &put.items).await?;
        let codes: Vec<String> = put.items.iter().map(|(code, _)| code.clone()).collect();
        let stored = catalogue::starting(&mut tx, put.region, &codes, put.effective_from).await?;
        if let Some((code, _)) = put.items.iter().find(|(code, item)| stored.get(code) != Some(item)) {
            return Err(AdjudicationError::CatalogueItemExists(code.clone()));
        }
        let entry = Entry::new(&ctx.caller, "adjudication.catalogue.put");
        let entry = codes.iter().fold(entry, |entry, code| {
            entry.row("catalogue_items", audit::id(&[&put.region, code, &put.effective_from]))
        });
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, inserted).await?)
    }
}
