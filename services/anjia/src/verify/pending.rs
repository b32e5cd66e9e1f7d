//! What was committed when this began and has not come through in time: rows without a position, consumers behind their sources (I8).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::check::{Check, Invariant::I8, Look, Violation};
use super::databases::Databases;

/// The sealer is at most a second behind.
const SEALED_WITHIN: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 5 });
/// Consumers have caught up half a minute after everything is well.
const TAKEN_IN_WITHIN: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 30 });
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// In this order: what is pending is waited for before anything else is looked at.
pub(super) const PENDING: &[Check] = &[
    Check { invariant: I8, name: "what is committed is sealed within 5 s", look: Look::Sealed },
    Check { invariant: I8, name: "what is told is taken in within 30 s", look: Look::TakenIn },
];

/// Rows that were committed when this began and are not sealed in time.
pub(super) async fn unsealed(databases: &mut Databases) -> Result<Vec<Violation>> {
    const PENDING: &str = "SELECT 'events', sequence FROM events WHERE position IS NULL \
         UNION ALL SELECT 'audit_entries', sequence FROM audit_entries WHERE position IS NULL ORDER BY 1, 2";
    let asked_at = Instant::now();
    let mut violations = vec![];
    for (service, connection) in databases.each() {
        let at_first: Vec<(String, i64)> = sqlx::query_as(PENDING).fetch_all(&mut *connection).await?;
        let mut still = at_first.clone();
        while !still.is_empty() && asked_at.elapsed() < SEALED_WITHIN {
            sleep(LOOK_INTERVAL).await;
            still = sqlx::query_as(PENDING).fetch_all(&mut *connection).await?;
            still.retain(|row| at_first.contains(row));
        }
        let violation = |(table, sequence): (String, i64)| Violation {
            service: service.clone(),
            id: format!("{table}/{sequence}"),
            what: format!("not sealed after {} s", SEALED_WITHIN.as_secs()),
        };
        violations.extend(still.into_iter().map(violation));
    }
    Ok(violations)
}

/// Consumers that have not reached, in time, where their sources stood when this began; and such as are ahead of theirs.
pub(super) async fn not_taken_in(databases: &mut Databases) -> Result<Vec<Violation>> {
    let asked_at = Instant::now();
    let mut cursors = cursors(databases).await?;
    let heads = heads(databases).await?;
    loop {
        let is_behind = |((_, source), position): &(&(String, String), &i64)| {
            heads.get(origin(source)).is_some_and(|head| *position < head)
        };
        let behind: Vec<_> = cursors.iter().filter(is_behind).collect();
        if behind.is_empty() || asked_at.elapsed() >= TAKEN_IN_WITHIN {
            let late = behind.into_iter().map(|((service, source), position)| Violation {
                service: service.clone(),
                id: source.clone(),
                what: format!("at {position} of {}", heads.get(origin(source)).copied().unwrap_or_default()),
            });
            return Ok(late.collect());
        }
        sleep(LOOK_INTERVAL).await;
        cursors = self::cursors(databases).await?;
    }
}

/// A consumer is named after the service it pulls from, and maybe what for.
fn origin(source: &str) -> &str {
    source.split('/').next().unwrap_or(source)
}

async fn cursors(databases: &mut Databases) -> Result<BTreeMap<(String, String), i64>> {
    let mut cursors = BTreeMap::new();
    for (service, connection) in databases.each() {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT source, position FROM cursors").fetch_all(connection).await?;
        cursors.extend(rows.into_iter().map(|(source, position)| ((service.clone(), source), position)));
    }
    Ok(cursors)
}

async fn heads(databases: &mut Databases) -> Result<BTreeMap<String, i64>> {
    let mut heads = BTreeMap::new();
    for (service, connection) in databases.each() {
        let head =
            sqlx::query_scalar("SELECT position FROM chain_heads WHERE chain = 'events'").fetch_one(connection).await?;
        heads.insert(service.clone(), head);
    }
    Ok(heads)
}
