//! Who follows the events told here, how far they are, and when events are removed.

use std::time::Duration;

use crate::{Database, Error, Scope, Transaction};

/// How long events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct EventsConfig {
    /// How long an event is kept, in days. It is kept longer while a consumer has not passed it.
    #[arg(long, env, default_value_t = Self::default().events_kept_days, value_parser = clap::value_parser!(i32).range(180..=36_500))]
    pub events_kept_days: i32,
    /// A consumer that has not pulled for so many days is alerted.
    #[arg(long, env, default_value_t = Self::default().events_silent_days_max, value_parser = clap::value_parser!(i32).range(1..=3650))]
    pub events_silent_days_max: i32,
    /// Keep events for a silent consumer, too, for as long as it takes. Where false, one that is alerted no longer keeps events from being
    /// removed, and what it has not passed is lost to it.
    #[arg(long, env, default_value_t = Self::default().events_wait_for_silent, action = clap::ArgAction::Set)]
    pub events_wait_for_silent: bool,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self { events_kept_days: 180, events_silent_days_max: 30, events_wait_for_silent: true }
    }
}

/// How far a consumer of the events told here is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// `client:<name>`, `service:<name>` or `service:<name>/<purpose>`.
    pub consumer: String,
    /// What it said last that it has dealt with.
    pub position: i64,
    /// How many events are sealed after that, of any type and region.
    pub events: i64,
    /// Since it last pulled, to the minute.
    pub silent: Duration,
}

/// Notes that a consumer has dealt with everything up to a position, which it says by pulling what comes after. A consumer is registered
/// by its first pull; one that goes back to hear again is again where it says. Refuses a position that was never given out, and one
/// after which events were removed.
pub async fn confirm(db: &Database, consumer: &str, position: i64) -> Result<(), Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    check_reached(&mut tx, position).await?;
    // A crash may take back how far a consumer has come, never put it further: its next pull says it again. So nothing waits for the disk.
    sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx).await?;
    // Whoever waits for events comes back three times a minute, and need not be written down as often.
    sqlx::query(
        "INSERT INTO event_cursors AS known (consumer, position) VALUES ($1, $2) \
         ON CONFLICT (consumer) DO UPDATE SET position = excluded.position, pulled_at = now() \
         WHERE known.position <> excluded.position OR known.pulled_at < now() - interval '1 minute'",
    )
    .bind(consumer)
    .bind(position)
    .execute(&mut *tx)
    .await?;
    tx.finish().await
}

/// As [`confirm`] refuses, without noting anything.
pub async fn check(db: &Database, position: i64) -> Result<(), Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    check_reached(&mut tx, position).await?;
    tx.finish().await
}

/// A position that was given out, and after which nothing was removed.
async fn check_reached(tx: &mut Transaction, position: i64) -> Result<(), Error> {
    let head_position = super::head_position(tx).await?;
    if position > head_position {
        return Err(Error::PositionNotReached { head_position });
    }
    super::check_kept(tx, position).await
}

/// How far each consumer is.
pub async fn lags(db: &Database) -> Result<Vec<Lag>, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT consumer, known.position, head.position - known.position, floor(extract(epoch FROM now() - pulled_at))::bigint \
         FROM event_cursors known, chain_heads head WHERE head.chain = 'events' ORDER BY consumer",
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.finish().await?;
    let lag = |(consumer, position, events, silent_s): (String, i64, i64, i64)| Lag {
        consumer,
        position,
        events: events.max(0),
        silent: Duration::from_secs(u64::try_from(silent_s).unwrap_or(0)),
    };
    Ok(rows.into_iter().map(lag).collect())
}

/// Removes events that have had their time and that every consumer has passed; answers how many.
pub async fn forget(db: &Database) -> Result<u64, Error> {
    let EventsConfig { events_kept_days, events_silent_days_max, events_wait_for_silent } = db.events;
    let patience_days = (!events_wait_for_silent).then_some(events_silent_days_max);
    let mut total = 0;
    loop {
        let mut tx = db.begin(Scope::Worker).await?;
        let removed: i64 =
            sqlx::query_scalar("SELECT forget_events(make_interval(days => $1), make_interval(days => $2))")
                .bind(events_kept_days)
                .bind(patience_days)
                .fetch_one(&mut *tx)
                .await?;
        tx.finish().await?;
        total += removed.unsigned_abs();
        if removed == 0 {
            return Ok(total);
        }
    }
}

/// Says in the log how far each consumer is, and alerts of those that have been silent for too long.
pub(crate) async fn report(db: &Database) -> Result<(), Error> {
    let days = u64::from(db.events.events_silent_days_max.unsigned_abs());
    for lag in lags(db).await? {
        let Lag { consumer, position, events, silent } = &lag;
        let silent_s = silent.as_secs();
        if *silent > Duration::from_hours(24 * days) {
            let is_waited_for = db.events.events_wait_for_silent;
            tracing::error!(
                consumer,
                position,
                events,
                silent_s,
                is_waited_for,
                "a consumer of events has fallen silent"
            );
        } else {
            tracing::info!(consumer, position, events, silent_s, "how far a consumer of events is");
        }
    }
    Ok(())
}
