use chrono::{DateTime, Utc};
use postgres::Transaction;
use postgres::audit::{self, Entry};
use types::ids::{ResidentId, VisitId};

use super::App;
use crate::domain::error::AdjudicationError;
use crate::store::stays;

impl App {
    /// An inpatient stay began or ended, in the transaction that moves the cursor past the event that told of it.
    pub async fn follow_stay(
        &self,
        tx: &mut Transaction,
        visit: VisitId,
        resident: ResidentId,
        at: DateTime<Utc>,
        has_ended: bool,
    ) -> Result<(), AdjudicationError> {
        if !has_ended {
            let region = tx.region()?;
            stays::open(tx, region, visit, resident, at).await?;
        } else if !stays::end(tx, visit, at).await? {
            // It began before stays were followed.
            return Ok(());
        }
        let entry = Entry::by_service("adjudication", "adjudication.stay.follow").resident(resident);
        audit::record(tx, entry.row("stays", visit)).await?;
        Ok(())
    }
}
