//! How far a replay has come, on standard error, once a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(1);

/// Counts what is done; every thread adds to it now and then.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    claims: AtomicU64,
    /// Of what there is, households or bytes.
    done: AtomicU64,
    all: AtomicU64,
}

impl Progress {
    pub(super) fn expect_bytes(&self, all: u64) {
        self.all.store(all, Ordering::Relaxed);
    }

    pub(super) fn expect_households(&self, all: u64) {
        self.all.store(all, Ordering::Relaxed);
    }

    pub(super) fn bytes_done(&self, bytes: usize) {
        self.done.fetch_add(u64::try_from(bytes).unwrap_or_default(), Ordering::Relaxed);
    }

    pub(super) fn households_done(&self, households: u64) {
        self.done.fetch_add(households, Ordering::Relaxed);
    }

    pub(super) fn claims_done(&self, claims: u64) {
        self.claims.fetch_add(claims, Ordering::Relaxed);
    }

    /// Tells while `work` runs, and once more when it is done.
    pub(crate) fn told<T>(&self, work: impl FnOnce() -> T) -> T {
        let began_at = Instant::now();
        let (finished, waits) = channel::<()>();
        thread::scope(|scope| {
            let teller = scope.spawn(move || {
                while waits.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    eprintln!("  {}", self.line(began_at.elapsed()));
                }
                eprintln!("  {}", self.line(began_at.elapsed()));
            });
            let result = work();
            drop(finished);
            // It only prints; a replay is not lost for it.
            let _ = teller.join();
            result
        })
    }

    fn line(&self, elapsed: Duration) -> String {
        let claims = self.claims.load(Ordering::Relaxed);
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        let (done, all) = (self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed));
        let percent = done.saturating_mul(100).checked_div(all).unwrap_or(100).min(100);
        format!("{claims} claims, {percent} %, {} claims/s", claims.saturating_mul(1000) / millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_10_progress_says_how_much_of_how_much_and_how_fast() {
        let progress = Progress::default();
        progress.expect_households(200);
        progress.households_done(50);
        progress.claims_done(3000);
        assert_eq!(progress.line(Duration::from_secs(2)), "3000 claims, 25 %, 1500 claims/s");
        assert_eq!(Progress::default().line(Duration::ZERO), "0 claims, 100 %, 0 claims/s");
    }
}
