use chrono::TimeDelta;
use postgres::{Error, Scope};

use super::App;
use crate::store::assertions;

/// Replicas whose clocks differ must not let an assertion in twice.
const KEEP_AFTER_EXPIRY: TimeDelta = TimeDelta::minutes(10);

impl App {
    /// Forgets assertions that nobody would accept any more; how many.
    pub async fn forget_assertions(&self) -> Result<u64, Error> {
        let mut tx = self.db.begin(Scope::Region(self.home)).await?;
        let forgotten = assertions::forget(&mut tx, self.now() - KEEP_AFTER_EXPIRY).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}
