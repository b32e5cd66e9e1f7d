//! Gauges that are read from the database: one cheap query each, on an interval, never by a call. Every replica reads them, because a
//! loop that only one of them runs would fall silent with what it should tell of.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::KeyValue;
use tokio_util::sync::CancellationToken;

use crate::{Database, Error, Scope, metrics::meter};

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What could not be read for so long is not told any more.
const STALE_AFTER: Duration = Duration::from_secs(15);

/// What is read, and how it is told.
#[derive(Debug)]
pub struct Gauge {
    pub name: &'static str,
    pub unit: &'static str,
    pub description: &'static str,
    /// By what the rows are told apart: few, and no persons.
    pub attribute: &'static str,
    /// Answers rows of that attribute (`text`) and the value (`float8`), by an index, as the worker role.
    pub sql: &'static str,
}

/// SQL of a gauge over the rows of a table that have not come to their end, state by state: `$value` is an aggregate over `found`,
/// `$states` the array of the states, those of the table's partial index. A state without a row is told too.
#[macro_export]
macro_rules! by_state {
    ($value:literal, $table:literal, $states:literal) => {
        concat!(
            "SELECT known.state, (",
            $value,
            ")::float8 FROM unnest('",
            $states,
            "'::text[]) AS known (state) LEFT JOIN ",
            $table,
            " found ON found.state = known.state AND found.state = ANY ('",
            $states,
            "'::text[]) GROUP BY known.state"
        )
    };
}

/// Of every service.
pub const COMMON: &[Gauge] = &[
    Gauge {
        name: "anjia.sealer.waiting",
        unit: "{row}",
        description: "Committed events and audit entries that wait for the sealer; counted up to 100 000",
        attribute: "anjia.chain",
        sql: "SELECT 'events', count(*)::float8 FROM (SELECT FROM events WHERE position IS NULL LIMIT 100000) waiting \
              UNION ALL SELECT 'audit_entries', count(*)::float8 \
              FROM (SELECT FROM audit_entries WHERE position IS NULL LIMIT 100000) waiting",
    },
    Gauge {
        name: "anjia.sealer.lag",
        unit: "s",
        description: "Age of the oldest row that waits for the sealer; 0 if none does",
        attribute: "anjia.chain",
        sql: "SELECT 'events', greatest(extract(epoch FROM clock_timestamp() - \
                  (SELECT occurred_at FROM events WHERE position IS NULL ORDER BY sequence LIMIT 1)), 0)::float8 \
              UNION ALL SELECT 'audit_entries', greatest(extract(epoch FROM clock_timestamp() - \
                  (SELECT occurred_at FROM audit_entries WHERE position IS NULL ORDER BY sequence LIMIT 1)), 0)::float8",
    },
    Gauge {
        name: "anjia.audit.unsigned",
        unit: "{entry}",
        description: "Sealed audit entries that no checkpoint covers yet",
        attribute: "anjia.chain",
        sql: "SELECT chain, (position - coalesce((SELECT max(size) FROM audit_checkpoints), 0))::float8 \
              FROM chain_heads WHERE chain = 'audit_entries'",
    },
    Gauge {
        name: "anjia.audit.checkpoint.age",
        unit: "s",
        description: "Since the last checkpoint of the audit was signed; nothing before the first",
        attribute: "anjia.chain",
        sql: "SELECT 'audit_entries', extract(epoch FROM clock_timestamp() - signed_at)::float8 \
              FROM audit_checkpoints ORDER BY size DESC LIMIT 1",
    },
    Gauge {
        name: "anjia.event.parked",
        unit: "{event}",
        description: "Events that a consumer put aside for a person to look at",
        attribute: "messaging.consumer.group.name",
        sql: "SELECT source, (SELECT count(*) FROM parked_events parked WHERE parked.source = cursors.source)::float8 FROM cursors",
    },
    Gauge {
        name: "anjia.event.follower.lag",
        unit: "{event}",
        description: "Events told here that a registered consumer has not confirmed",
        attribute: "messaging.consumer.group.name",
        sql: "SELECT consumer, greatest(head.position - known.position, 0)::float8 \
              FROM event_cursors known, chain_heads head WHERE head.chain = 'events'",
    },
    Gauge {
        name: "anjia.event.follower.silence",
        unit: "s",
        description: "Since a registered consumer last pulled, to the minute",
        attribute: "messaging.consumer.group.name",
        sql: "SELECT consumer, extract(epoch FROM now() - pulled_at)::float8 FROM event_cursors",
    },
];

/// Reads them again and again until told to stop.
pub async fn run(db: Database, gauges: &'static [Gauge], shutdown: CancellationToken) {
    let mut boards: Vec<(Board, Readable)> =
        gauges.iter().map(|gauge| (Board::observed(gauge), Readable::Yes)).collect();
    let reading = async {
        loop {
            for (board, readable) in &mut boards {
                let gauge = board.gauge.name;
                match read(&db, board.gauge).await {
                    Ok(rows) => {
                        board.put(rows);
                        if readable.becomes(Readable::Yes) {
                            tracing::info!(gauge, "a gauge can be read again");
                        }
                    }
                    Err(error) if readable.becomes(Readable::No) => {
                        tracing::warn!(%error, gauge, "a gauge cannot be read");
                    }
                    Err(error) => tracing::debug!(%error, gauge, "a gauge still cannot be read"),
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(Box::pin(reading)).await;
}

/// Whether a gauge could be read last. A change is told once, not every five seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readable {
    Yes,
    No,
}

impl Readable {
    /// Whether that is a change.
    fn becomes(&mut self, now: Self) -> bool {
        std::mem::replace(self, now) != now
    }
}

/// What a gauge shows now.
pub async fn read(db: &Database, gauge: &Gauge) -> Result<Vec<(String, f64)>, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let rows = sqlx::query_as(gauge.sql).fetch_all(&mut *tx).await?;
    tx.finish().await?;
    Ok(rows)
}

type Shown = Option<(Instant, Vec<([KeyValue; 1], f64)>)>;

/// What was read last, for whoever looks.
struct Board {
    gauge: &'static Gauge,
    shown: Arc<Mutex<Shown>>,
}

impl Board {
    fn observed(gauge: &'static Gauge) -> Self {
        let shown = Arc::<Mutex<Shown>>::default();
        let seen = Arc::clone(&shown);
        let instrument = meter().f64_observable_gauge(gauge.name).with_unit(gauge.unit);
        instrument
            .with_description(gauge.description)
            .with_callback(move |observer| {
                let shown = seen.lock().unwrap_or_else(PoisonError::into_inner);
                let fresh = shown.as_ref().filter(|(read_at, _)| read_at.elapsed() < STALE_AFTER);
                for (attributes, value) in fresh.into_iter().flat_map(|(_, rows)| rows) {
                    observer.observe(*value, attributes);
                }
            })
            .build();
        Self { gauge, shown }
    }

    fn put(&self, rows: Vec<(String, f64)>) {
        let attribute = |named: String| [KeyValue::new(self.gauge.attribute, named)];
        let rows = rows.into_iter().map(|(named, value)| (attribute(named), value)).collect();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), rows));
    }
}

#[cfg(test)]
mod tests {
    use super::Readable;

    #[test]
    fn a_gauge_that_cannot_be_read_is_told_once_and_so_is_its_return() {
        let mut readable = Readable::Yes;
        let told = [Readable::Yes, Readable::No, Readable::No, Readable::Yes, Readable::Yes, Readable::No]
            .map(|now| readable.becomes(now));
        assert_eq!(told, [false, true, false, true, false, true]);
    }
}
