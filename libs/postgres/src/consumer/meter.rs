//! What is measured of a consumer, by the semantic conventions for messaging (1.45, where they are still in development), and how far
//! it is behind.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram},
};

use super::Failure;
use crate::{
    events::Event,
    metrics::{meter, seconds},
};

static CONSUMED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let counter = meter().u64_counter("messaging.client.consumed.messages").with_unit("{message}");
    counter.with_description("Events pulled").build()
});
static PROCESSED: LazyLock<Histogram<f64>> =
    LazyLock::new(|| seconds("messaging.process.duration", "Of taking in one event"));

const CAUGHT_UP: i64 = 0;

pub(super) struct ConsumerMeter {
    attributes: [KeyValue; 4],
    /// Since when, in microseconds since 1970, there is something that has not been taken in.
    behind_since: Arc<AtomicI64>,
}

impl ConsumerMeter {
    /// `source` as [`super::Source::name`] has it.
    pub(super) fn observed(source: &'static str) -> Self {
        let service = source.split_once('/').map_or(source, |(service, _)| service);
        let group = KeyValue::new("messaging.consumer.group.name", source);
        let behind_since = Arc::new(AtomicI64::new(CAUGHT_UP));
        let (seen, named) = (Arc::clone(&behind_since), [group.clone()]);
        let lag = meter().f64_observable_gauge("anjia.event.lag").with_unit("s");
        lag.with_description("Age of the oldest event that a consumer has not taken in; 0 if it has all")
            .with_callback(move |observer| observer.observe(age(seen.load(Ordering::Relaxed)).as_secs_f64(), &named))
            .build();
        let attributes = [
            KeyValue::new("messaging.system", "anjia"),
            KeyValue::new("messaging.operation.name", "process"),
            KeyValue::new("messaging.destination.name", service),
            group,
        ];
        Self { attributes, behind_since }
    }

    pub(super) fn pulled(&self, events: &[Event]) {
        CONSUMED.add(u64::try_from(events.len()).unwrap_or(u64::MAX), &self.attributes);
    }

    /// This one is next.
    pub(super) fn reached(&self, event: &Event) {
        self.behind_since.store(event.occurred_at.timestamp_micros(), Ordering::Relaxed);
    }

    /// Nothing is known to be left.
    pub(super) fn caught_up(&self) {
        self.behind_since.store(CAUGHT_UP, Ordering::Relaxed);
    }

    /// Whatever happens from now on is not learned of.
    pub(super) fn held_up(&self) {
        let _ = self.behind_since.compare_exchange(CAUGHT_UP, now(), Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn processed<T>(&self, begun_at: Instant, outcome: &Result<T, Failure>) {
        let error = outcome.as_ref().err().map(|failure| match failure {
            Failure::NotNow(_) => "not_now",
            Failure::Refused(_) => "refused",
        });
        let error: Vec<KeyValue> = error.map(|error| KeyValue::new("error.type", error)).into_iter().collect();
        PROCESSED.record(begun_at.elapsed().as_secs_f64(), &[&self.attributes[..], &error].concat());
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn age(behind_since: i64) -> Duration {
    if behind_since == CAUGHT_UP {
        return Duration::ZERO;
    }
    Duration::from_micros(u64::try_from(now() - behind_since).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use types::{ids::EventId, region::RegionCode};

    use super::*;

    #[test]
    fn pl_02_a_consumer_is_behind_since_its_oldest_event_and_while_it_cannot_learn_of_any() {
        let meter = ConsumerMeter::observed("identity/erasures");
        let lag = || age(meter.behind_since.load(Ordering::Relaxed));
        assert_eq!(lag(), Duration::ZERO);
        let event = Event {
            id: EventId::generate(),
            position: 1,
            region: RegionCode::BEIJING,
            kind: "anjia.notes.note.added.v1".to_owned(),
            subject: "note".to_owned(),
            data: json!({}),
            traceparent: None,
            occurred_at: DateTime::from_timestamp_micros(now() - 90_000_000).unwrap(),
        };
        meter.reached(&event);
        assert!(lag() >= Duration::from_secs(90) && lag() < Duration::from_secs(100), "{:?}", lag());
        // What it is held up with stays the oldest.
        meter.held_up();
        assert!(lag() >= Duration::from_secs(90), "{:?}", lag());
        meter.caught_up();
        assert_eq!(lag(), Duration::ZERO);
        meter.held_up();
        std::thread::sleep(Duration::from_millis(5));
        assert!(lag() >= Duration::from_millis(5) && lag() < Duration::from_secs(5), "{:?}", lag());
    }
}
