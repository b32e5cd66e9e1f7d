use std::collections::BTreeSet;
use std::time::Duration;

use chassis::auth::Revocation;
use tokio::time::{Instant, timeout_at};

use super::App;
use super::signer::PublishedKey;

/// Most revocations in one answer.
const BATCH_MAX: usize = 1_000;

/// What a verifier did not know.
#[derive(Debug)]
pub struct News {
    pub revocations: Vec<Revocation>,
    /// Up to which everything is told.
    pub revision: i64,
    pub keys: Vec<PublishedKey>,
    /// There are more after `revision`.
    pub more: bool,
}

impl App {
    /// Answers from memory as soon as something was revoked after `revision` or other keys stand than those named, or when the wait is over.
    pub async fn pull_revocations(&self, after: i64, key_ids: &BTreeSet<String>, wait: Duration) -> News {
        let until = Instant::now() + wait;
        let (mut known, mut ring) = (self.revocations.known(), self.signer.changes());
        loop {
            ring.mark_unchanged();
            let head = known.borrow_and_update().unwrap_or_default();
            let keys = self.signer.published();
            let has_other_keys = keys.len() != key_ids.len() || !keys.iter().all(|key| key_ids.contains(&key.key_id));
            if head > after || has_other_keys || Instant::now() >= until {
                let revocations = self.revocations.after(after, BATCH_MAX);
                let is_all = revocations.len() < BATCH_MAX;
                let last = revocations.last().map_or(after, |last| last.revision);
                return News { revision: if is_all { head.max(last) } else { last }, revocations, keys, more: !is_all };
            }
            let news = async {
                tokio::select! {
                    _ = known.changed() => {}
                    _ = ring.changed() => {}
                }
            };
            // Over is over: the next look answers.
            let _ = timeout_at(until, news).await;
        }
    }
}
