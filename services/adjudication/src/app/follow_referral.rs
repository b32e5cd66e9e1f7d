use postgres::Transaction;
use postgres::audit::{self, Entry};

use super::App;
use crate::domain::error::AdjudicationError;
use crate::store::referrals::{self, Made};

impl App {
    /// A referral was made, in the transaction that moves the cursor past the event that told of it.
    pub async fn follow_referral(&self, tx: &mut Transaction, made: &Made) -> Result<(), AdjudicationError> {
        let region = tx.region()?;
        referrals::put(tx, region, made).await?;
        let entry = Entry::by_service("adjudication", "adjudication.referral.follow").resident(made.resident);
        audit::record(tx, entry.row("referrals", made.id)).await?;
        Ok(())
    }
}
