//! Events: written with the change they tell of, pulled by position once sealed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use tokio::time::{Instant, sleep_until};
use types::{ids::EventId, region::RegionCode};

use crate::{Database, Error, Scope, Transaction};

/// Longest time a pull waits for the first event.
pub const WAIT_MAX: Duration = Duration::from_secs(20);
/// Most events one pull answers with.
pub const BATCH_MAX: u32 = 500;

/// How soon a waiting pull notices what a sealer of another replica has sealed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// A state change about to be told.
#[derive(Debug, Clone)]
pub struct NewEvent {
    kind: &'static str,
    subject: String,
    data: Value,
    traceparent: Option<String>,
    occurred_at: DateTime<Utc>,
}

impl NewEvent {
    /// `kind` is `anjia.<service>.<resource>.<past tense>.v1`, `subject` the id of the resource, `data` a JSON object of ids,
    /// states and times.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass ids, which are Copy")]
    pub fn new(kind: &'static str, subject: impl ToString, data: Value, occurred_at: DateTime<Utc>) -> Self {
        Self { kind, subject: subject.to_string(), data, traceparent: None, occurred_at }
    }

    /// The W3C trace context of the change.
    #[must_use]
    pub fn traceparent(self, traceparent: Option<impl Into<String>>) -> Self {
        Self { traceparent: traceparent.map(Into::into), ..self }
    }
}

/// A sealed event, our own or another service's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub id: EventId,
    pub position: i64,
    pub region: RegionCode,
    pub kind: String,
    pub subject: String,
    pub data: Value,
    pub traceparent: Option<String>,
    pub occurred_at: DateTime<Utc>,
}

/// Events in order of position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Empty if none came within the wait.
    pub events: Vec<Event>,
    /// The highest position sealed, of all regions; what is missing to it is the consumer's lag.
    pub head_position: i64,
    /// Where to go on from: nothing that was asked for lies before it and is not in `events`.
    pub position: i64,
}

/// Writes an event in the transaction of the change. It becomes visible to consumers after the commit.
pub async fn append(tx: &mut Transaction, event: NewEvent) -> Result<EventId, Error> {
    let id = EventId::generate();
    let region = tx.region()?;
    sqlx::query(
        "INSERT INTO events (id, region, kind, subject, data, traceparent, occurred_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id.uuid())
    .bind(region.as_str())
    .bind(event.kind)
    .bind(event.subject)
    .bind(event.data)
    .bind(event.traceparent)
    .bind(event.occurred_at)
    .execute(&mut **tx)
    .await?;
    tx.unsealed = true;
    Ok(id)
}

/// Writes many events in one statement, in their order.
pub async fn append_all(tx: &mut Transaction, events: Vec<NewEvent>) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let region = tx.region()?;
    let count = events.len();
    let mut ids = Vec::with_capacity(count);
    let mut kinds = Vec::with_capacity(count);
    let mut subjects = Vec::with_capacity(count);
    let mut data = Vec::with_capacity(count);
    let mut traceparents = Vec::with_capacity(count);
    let mut times = Vec::with_capacity(count);
    for event in events {
        ids.push(EventId::generate().uuid());
        kinds.push(event.kind);
        subjects.push(event.subject);
        data.push(event.data);
        traceparents.push(event.traceparent);
        times.push(event.occurred_at);
    }
    sqlx::query(
        "INSERT INTO events (id, region, kind, subject, data, traceparent, occurred_at) \
         SELECT told.id, $1, told.kind, told.subject, told.data, told.traceparent, told.occurred_at \
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::timestamptz[]) WITH ORDINALITY \
             AS told (id, kind, subject, data, traceparent, occurred_at, place) ORDER BY place",
    )
    .bind(region.as_str())
    .bind(ids)
    .bind(kinds)
    .bind(subjects)
    .bind(data)
    .bind(traceparents)
    .bind(times)
    .execute(&mut **tx)
    .await?;
    tx.unsealed = true;
    Ok(())
}

/// Events of all regions after a position: at once if there are any, else the first that come within `wait`.
pub async fn pull(db: &Database, after: i64, max: u32, wait: Duration) -> Result<Batch, Error> {
    pull_of(db, None, after, max, wait).await
}

/// As [`pull`], of one region alone; none: of all.
pub async fn pull_of(
    db: &Database,
    region: Option<RegionCode>,
    mut after: i64,
    max: u32,
    wait: Duration,
) -> Result<Batch, Error> {
    let deadline = Instant::now() + wait.min(WAIT_MAX);
    let mut sealed = db.signals.sealed.subscribe();
    loop {
        sealed.mark_unchanged();
        let batch = read(db, region, after, max.clamp(1, BATCH_MAX)).await?;
        let now = Instant::now();
        if !batch.events.is_empty() || now >= deadline {
            return Ok(batch);
        }
        after = batch.position;
        tokio::select! {
            _ = sealed.changed() => {}
            () = sleep_until(deadline.min(now + LOOK_INTERVAL)) => {}
        }
    }
}

async fn read(db: &Database, region: Option<RegionCode>, after: i64, max: u32) -> Result<Batch, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let head_position: i64 =
        sqlx::query_scalar("SELECT position FROM chain_heads WHERE chain = 'events'").fetch_one(&mut *tx).await?;
    let mut events: Vec<Event> = Vec::new();
    if head_position > after {
        events = sqlx::query_as(
            "SELECT id, position, region, kind, subject, data, traceparent, occurred_at FROM events \
             WHERE position > $1 AND ($3::text IS NULL OR region = $3) ORDER BY position LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(max))
        .bind(region.map(|region| region.as_str().to_owned()))
        .fetch_all(&mut *tx)
        .await?;
    }
    tx.finish().await?;
    let last_position = events.last().map_or(after, |event| event.position);
    // Up to the head there is nothing else, unless the batch is full.
    let is_full = events.len() >= max as usize;
    let position = if is_full { last_position } else { last_position.max(head_position) };
    Ok(Batch { events, head_position: head_position.max(last_position), position })
}

/// The first position that is missing, if any: positions are gapless up to the head. `conn` must see all regions.
pub async fn first_gap(conn: &mut PgConnection) -> Result<Option<i64>, Error> {
    let gap = sqlx::query_scalar(
        "SELECT expected FROM ( \
             SELECT position, row_number() OVER (ORDER BY position) AS expected FROM events WHERE position IS NOT NULL \
             UNION ALL SELECT NULL, (SELECT count(position) FROM events) + 1 \
             WHERE (SELECT count(position) FROM events) < (SELECT position FROM chain_heads WHERE chain = 'events') \
         ) numbered WHERE position IS DISTINCT FROM expected ORDER BY expected LIMIT 1",
    )
    .fetch_optional(conn)
    .await?;
    Ok(gap)
}

impl FromRow<'_, PgRow> for Event {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let region: String = row.try_get("region")?;
        Ok(Self {
            id: EventId::from_uuid(row.try_get("id")?),
            position: row.try_get("position")?,
            region: region.parse().map_err(|error| sqlx::Error::ColumnDecode {
                index: "events.region".to_owned(),
                source: Box::new(error),
            })?,
            kind: row.try_get("kind")?,
            subject: row.try_get("subject")?,
            data: row.try_get("data")?,
            traceparent: row.try_get("traceparent")?,
            occurred_at: row.try_get("occurred_at")?,
        })
    }
}
