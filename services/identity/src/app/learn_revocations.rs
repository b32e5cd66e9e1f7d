use chassis::auth;
use chrono::TimeDelta;
use postgres::Scope;

use super::App;
use crate::store::revocations;

/// Longer than any token lives: what was revoked before that concerns none that is still good.
const MATTERS_FOR: TimeDelta = TimeDelta::minutes(10);
const BATCH_MAX: i64 = 1_000;

impl App {
    /// Reads what was revoked since the last look, here or by another replica: all of it before any counts, for from the first on this
    /// replica takes itself to know everything.
    pub async fn learn_revocations(&self) -> Result<(), postgres::Error> {
        let mut known = self.revocations.known().borrow().unwrap_or_default();
        let mut told = vec![];
        loop {
            let now = self.now();
            let mut tx = self.db.begin(Scope::Region(self.home)).await?;
            // The head first: what is committed after it is for the next look.
            let head = revocations::head(&mut tx).await?;
            let news = revocations::after(&mut tx, known, now - MATTERS_FOR, BATCH_MAX).await?;
            tx.commit().await?;
            let is_all = i64::try_from(news.len()).is_ok_and(|found| found < BATCH_MAX);
            let last = news.last().map_or(known, |last| last.revision);
            told.extend(news.into_iter().map(|revocation| auth::Revocation {
                id: revocation.id.to_string(),
                revision: revocation.revision,
                of: revocation.of,
                revoked_at: revocation.revoked_at,
            }));
            if is_all {
                self.revocations.learn(told, head.max(last), now);
                return Ok(());
            }
            known = last;
        }
    }
}
