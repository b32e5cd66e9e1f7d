//! What a process has just read, kept for a moment for everybody who asks for the same. Of many who ask at once one goes and looks; and what is
//! asked for again and again is renewed before it is too old, while those who ask go on with what there is: a crowd at one door does not
//! make those at another wait.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use moka::future::Cache;

use crate::domain::error::SchedulingError;

const COPIES_MAX: u64 = 10_000;

pub(super) struct Copies<K, V> {
    kept: Cache<K, Arc<Kept<V>>>,
    /// Nothing older is told.
    life: Duration,
}

struct Kept<V> {
    value: V,
    read_at: Instant,
    is_renewed: AtomicBool,
}

impl<K, V> Clone for Copies<K, V> {
    fn clone(&self) -> Self {
        Self { kept: self.kept.clone(), life: self.life }
    }
}

impl<K, V> Copies<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(life: Duration) -> Self {
        Self { kept: Cache::builder().max_capacity(COPIES_MAX).time_to_live(life).build(), life }
    }

    /// What is known of it; `read` looks where nothing is, or nothing young.
    pub(super) async fn get<F>(&self, key: K, read: impl Fn() -> F) -> Result<V, SchedulingError>
    where
        F: Future<Output = Result<V, SchedulingError>> + Send + 'static,
    {
        if let Some(value) = self.at_hand(&key, &read).await {
            return Ok(value);
        }
        let read = Box::pin(read());
        let found = self.kept.try_get_with(key, async { Kept::of(read).await.map(Arc::new) }).await;
        found.map(|copy| copy.value.clone()).map_err(unshared)
    }

    /// What is known of it, without waiting for anything; `read` renews it in time.
    pub(super) async fn at_hand<F>(&self, key: &K, read: impl Fn() -> F) -> Option<V>
    where
        F: Future<Output = Result<V, SchedulingError>> + Send + 'static,
    {
        let copy = self.kept.get(key).await?;
        let age = copy.read_at.elapsed();
        if age >= self.life {
            self.kept.invalidate(key).await;
            return None;
        }
        // One that is in use is renewed when half of its life is over.
        if age > self.life / 2 && !copy.is_renewed.swap(true, Ordering::Relaxed) {
            self.renew(key.clone(), read());
        }
        Some(copy.value.clone())
    }

    /// What cannot be read now is asked for again by whoever finds it too old.
    fn renew(&self, key: K, read: impl Future<Output = Result<V, SchedulingError>> + Send + 'static) {
        let kept = self.kept.clone();
        tokio::spawn(async move {
            if let Ok(copy) = Kept::of(read).await {
                kept.insert(key, Arc::new(copy)).await;
            }
        });
    }
}

impl<V> Kept<V> {
    async fn of(read: impl Future<Output = Result<V, SchedulingError>>) -> Result<Self, SchedulingError> {
        let read_at = Instant::now();
        Ok(Self { value: read.await?, read_at, is_renewed: AtomicBool::new(false) })
    }
}

/// The error of whoever went to look, for everybody who waited.
fn unshared(error: Arc<SchedulingError>) -> SchedulingError {
    Arc::try_unwrap(error).unwrap_or_else(SchedulingError::Shared)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;

    const LIFE: Duration = Duration::from_millis(400);

    fn reading(reads: &Arc<AtomicUsize>) -> impl Future<Output = Result<usize, SchedulingError>> + Send + use<> {
        let reads = Arc::clone(reads);
        async move {
            let number = reads.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(20)).await;
            Ok(number)
        }
    }

    #[tokio::test]
    async fn sc_03_of_many_who_ask_at_once_one_looks() {
        let (copies, reads) = (Copies::new(LIFE), Arc::new(AtomicUsize::new(0)));
        let all = join_all((0..50).map(|_| copies.get(1, || reading(&reads)))).await;
        assert!(all.into_iter().all(|found| found.unwrap() == 0));
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn sc_09_what_is_in_use_is_renewed_while_nobody_waits() {
        let (copies, reads) = (Copies::new(LIFE), Arc::new(AtomicUsize::new(0)));
        copies.get(1, || reading(&reads)).await.unwrap();
        sleep(LIFE * 3 / 4).await;
        let asked_at = Instant::now();
        assert_eq!(copies.get(1, || reading(&reads)).await.unwrap(), 0);
        assert!(asked_at.elapsed() < Duration::from_millis(15), "nobody waits for a renewal");
        sleep(LIFE / 2).await;
        assert_eq!(copies.get(1, || reading(&reads)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn sc_03_what_is_too_old_is_told_to_nobody() {
        let (copies, reads) = (Copies::new(LIFE), Arc::new(AtomicUsize::new(0)));
        copies.get(1, || reading(&reads)).await.unwrap();
        sleep(LIFE + Duration::from_millis(50)).await;
        assert_eq!(copies.get(1, || reading(&reads)).await.unwrap(), 1);
    }
}
