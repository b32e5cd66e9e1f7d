//! Events: written with the change they tell of, pulled by position once sealed, removed once everybody has passed them.

mod followers;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Row as _, postgres::PgRow};
use tokio::time::{Instant, sleep_until};
use types::{
    ids::{EventId, OrganisationId},
    region::RegionCode,
};

pub(crate) use self::followers::report;
pub use self::followers::{EventsConfig, Lag, check, confirm, forget, lags};
use crate::{Database, Error, Scope, Transaction, statement::Statement};

/// Longest time a pull waits for the first event.
pub const WAIT_MAX: Duration = Duration::from_secs(20);
/// Most events one pull answers with.
pub const BATCH_MAX: u32 = 500;

/// How soon a waiting pull notices what a sealer of another replica has sealed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Where only some types are selected, one statement looks through so many positions at most.
const LOOKED_AT_MAX: i64 = 10_000;

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

/// Which events somebody is told of; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this region alone.
    pub region: Option<RegionCode>,
    /// Of these types: whole ones, or what they begin with, up to a full stop.
    pub kinds: Option<Vec<String>>,
    /// Those whose data names this provider.
    pub provider: Option<OrganisationId>,
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
    let mut statement = Statement::in_region(tx.region()?)?;
    let insert = insert_all(&mut statement, events)?;
    sqlx::query_with(AssertSqlSafe(insert), statement.into_arguments()).execute(&mut **tx).await?;
    tx.unsealed = true;
    Ok(())
}

/// Inserts events in their order.
pub(crate) fn insert_all(statement: &mut Statement, events: Vec<NewEvent>) -> Result<String, Error> {
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
    let lists = [
        statement.typed(ids)?,
        statement.typed(kinds)?,
        statement.typed(subjects)?,
        statement.typed(data)?,
        statement.typed(traceparents)?,
        statement.typed(times)?,
    ];
    Ok(format!(
        "INSERT INTO events (id, region, kind, subject, data, traceparent, occurred_at) \
         SELECT told.id, $1, told.kind, told.subject, told.data, told.traceparent, told.occurred_at \
         FROM unnest({}) WITH ORDINALITY AS told (id, kind, subject, data, traceparent, occurred_at, place) ORDER BY place",
        lists.join(", ")
    ))
}

/// All events after a position: at once if there are any, else the first that come within `wait`.
pub async fn pull(db: &Database, after: i64, max: u32, wait: Duration) -> Result<Batch, Error> {
    pull_of(db, &Selection::default(), after, max, wait).await
}

/// As [`pull`], of the selected events alone.
pub async fn pull_of(
    db: &Database,
    selection: &Selection,
    mut after: i64,
    max: u32,
    wait: Duration,
) -> Result<Batch, Error> {
    let deadline = Instant::now() + wait.min(WAIT_MAX);
    let mut sealed = db.signals.sealed.subscribe();
    loop {
        sealed.mark_unchanged();
        let batch = read(db, selection, after, max.clamp(1, BATCH_MAX)).await?;
        let now = Instant::now();
        if !batch.events.is_empty() || now >= deadline {
            return Ok(batch);
        }
        after = batch.position;
        if after < batch.head_position {
            continue;
        }
        tokio::select! {
            _ = sealed.changed() => {}
            () = sleep_until(deadline.min(now + LOOK_INTERVAL)) => {}
        }
    }
}

async fn read(db: &Database, selection: &Selection, after: i64, max: u32) -> Result<Batch, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let head_position = head_position(&mut tx).await?;
    let is_sparse = selection.kinds.is_some() || selection.provider.is_some();
    let until = if is_sparse { head_position.min(after.saturating_add(LOOKED_AT_MAX)) } else { head_position };
    let mut events: Vec<Event> = Vec::new();
    if until > after {
        events = sqlx::query_as(
            "SELECT id, position, region, kind, subject, data, traceparent, occurred_at FROM events \
             WHERE position > $1 AND position <= $2 AND ($4::text IS NULL OR region = $4) \
                 AND ($5::text[] IS NULL OR EXISTS (SELECT FROM unnest($5::text[]) AS selected \
                     WHERE kind = selected OR selected ~ '\\.$' AND starts_with(kind, selected))) \
                 AND ($6::uuid IS NULL OR data ->> 'provider_organisation_id' = $6::text) \
             ORDER BY position LIMIT $3",
        )
        .bind(after)
        .bind(until)
        .bind(i64::from(max))
        .bind(selection.region.map(|region| region.as_str().to_owned()))
        .bind(&selection.kinds)
        .bind(selection.provider.map(OrganisationId::uuid))
        .fetch_all(&mut *tx)
        .await?;
    }
    // After the events were read: none that was removed meanwhile is missing unsaid.
    check_kept(&mut tx, after).await?;
    tx.finish().await?;
    // Up to there is nothing else that was selected, unless the batch is full.
    let position = match events.last() {
        Some(last) if events.len() >= max as usize => last.position,
        _ => until.max(after),
    };
    Ok(Batch { events, head_position, position })
}

/// The highest position sealed.
async fn head_position(conn: &mut PgConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT position FROM chain_heads WHERE chain = 'events'").fetch_one(conn).await?)
}

/// Refuses to go on from a position after which events were removed.
async fn check_kept(conn: &mut PgConnection, after: i64) -> Result<(), Error> {
    let removed: i64 =
        sqlx::query_scalar("SELECT removed_position FROM chain_heads WHERE chain = 'events'").fetch_one(conn).await?;
    if after < removed { Err(Error::PositionNotKept { lowest_position: removed + 1 }) } else { Ok(()) }
}

/// The first position that is missing, if any: positions are gapless from the first one kept to the head. `conn` must see all regions.
pub async fn first_gap(conn: &mut PgConnection) -> Result<Option<i64>, Error> {
    let gap = sqlx::query_scalar(
        "WITH kept AS (SELECT count(events.position) AS events, removed_position AS before, head.position AS head \
             FROM chain_heads head LEFT JOIN events ON true WHERE chain = 'events' GROUP BY head.chain) \
         SELECT expected FROM ( \
             SELECT position, before + row_number() OVER (ORDER BY position) AS expected \
             FROM events, kept WHERE position IS NOT NULL \
             UNION ALL SELECT NULL, before + events + 1 FROM kept WHERE before + events < head \
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
