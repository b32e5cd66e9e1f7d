//! Instruments that every service has, made at their first use by the process's meter; where telemetry was not started they measure
//! nothing. What there is, and what each attribute may say, is declared in chassis' `signals.toml`. No attribute names a person.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram, Meter},
};
use sqlx::PgPool;

/// Upper ends of the buckets of a duration, in seconds, as the semantic conventions advise.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

static METER: LazyLock<Meter> = LazyLock::new(|| global::meter("anjia"));

/// Of the whole process, from its first use on.
pub fn meter() -> &'static Meter {
    &METER
}

/// A duration in seconds.
pub fn seconds(name: &'static str, description: &'static str) -> Histogram<f64> {
    let histogram = meter().f64_histogram(name).with_unit("s").with_description(description);
    histogram.with_boundaries(SECONDS.to_vec()).build()
}

static WAIT_TIME: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    seconds("db.client.connection.wait_time", "From asking for a connection until a transaction on it")
});
static USE_TIME: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    seconds("db.client.connection.use_time", "From the begin of a transaction until its connection is given back")
});
static COMMIT_TIME: LazyLock<Histogram<f64>> =
    LazyLock::new(|| seconds("db.client.operation.duration", "Of each COMMIT: what durability takes"));
static TIMEOUTS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let counter = meter().u64_counter("db.client.connection.timeouts").with_unit("{timeout}");
    counter.with_description("Waits for a connection that were given up").build()
});

/// One pool, as it is seen from outside.
#[derive(Debug, Clone)]
pub(crate) struct PoolMeter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    attributes: [KeyValue; 2],
    pending: Arc<AtomicI64>,
}

impl PoolMeter {
    /// Observes a pool whenever somebody reads; `name` is the role that it connects as.
    pub(crate) fn observing(pool: &PgPool, name: &str) -> Self {
        let named = KeyValue::new("db.client.connection.pool.name", name.to_owned());
        let inner =
            Inner { attributes: [KeyValue::new("db.system.name", "postgresql"), named], pending: Arc::default() };
        let of_state = |state: &'static str| {
            [inner.attributes.as_slice(), &[KeyValue::new("db.client.connection.state", state)]].concat()
        };
        let (used, idle, observed) = (of_state("used"), of_state("idle"), pool.clone());
        let count = meter().i64_observable_up_down_counter("db.client.connection.count").with_unit("{connection}");
        count
            .with_description("Connections by state")
            .with_callback(move |observer| {
                let idle_count = i64::try_from(observed.num_idle()).unwrap_or(i64::MAX);
                observer.observe(idle_count, &idle);
                observer.observe((i64::from(observed.size()) - idle_count).max(0), &used);
            })
            .build();
        let (attributes, connections_max) = (inner.attributes.clone(), i64::from(pool.options().get_max_connections()));
        let max = meter().i64_observable_up_down_counter("db.client.connection.max").with_unit("{connection}");
        max.with_description("Connections that may be open")
            .with_callback(move |observer| observer.observe(connections_max, &attributes))
            .build();
        let (attributes, pending) = (inner.attributes.clone(), Arc::clone(&inner.pending));
        let waiting =
            meter().i64_observable_up_down_counter("db.client.connection.pending_requests").with_unit("{request}");
        waiting
            .with_description("Transactions that wait for a connection")
            .with_callback(move |observer| observer.observe(pending.load(Ordering::Relaxed), &attributes))
            .build();
        Self(Arc::new(inner))
    }

    /// Awaits a transaction of the pool.
    pub(crate) async fn waited<T>(
        &self,
        begin: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<(T, InUse), sqlx::Error> {
        let (begun_at, waiting) = (Instant::now(), Waiting::new(&self.0.pending));
        let transaction = begin.await;
        drop(waiting);
        WAIT_TIME.record(begun_at.elapsed().as_secs_f64(), &self.0.attributes);
        if matches!(transaction, Err(sqlx::Error::PoolTimedOut)) {
            TIMEOUTS.add(1, &self.0.attributes);
        }
        Ok((transaction?, InUse { pool: self.clone(), since: Instant::now() }))
    }
}

/// Counted as long as it lives: whoever gives up waiting is no longer counted either.
struct Waiting<'a>(&'a AtomicI64);

impl<'a> Waiting<'a> {
    fn new(pending: &'a AtomicI64) -> Self {
        pending.fetch_add(1, Ordering::Relaxed);
        Self(pending)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection in use; dropped when it is given back.
#[derive(Debug)]
pub(crate) struct InUse {
    pool: PoolMeter,
    since: Instant,
}

impl InUse {
    pub(crate) fn committed(&self, took: Duration) {
        let operation = KeyValue::new("db.operation.name", "COMMIT");
        let [system, name] = self.pool.0.attributes.clone();
        COMMIT_TIME.record(took.as_secs_f64(), &[system, name, operation]);
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        USE_TIME.record(self.since.elapsed().as_secs_f64(), &self.pool.0.attributes);
    }
}
