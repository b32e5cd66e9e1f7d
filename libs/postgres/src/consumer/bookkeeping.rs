//! The loop's own rows, written as the worker role.

use std::collections::HashSet;

use crate::{Database, Error, Scope, events::Event};

/// Where the cursor of a source stands; at the beginning if it was never read.
pub(super) async fn position(db: &Database, source: &str) -> Result<i64, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let found: Option<i64> = sqlx::query_scalar("SELECT position FROM cursors WHERE source = $1")
        .bind(source)
        .fetch_optional(&mut *tx)
        .await?;
    if found.is_none() {
        sqlx::query("INSERT INTO cursors (source) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(source)
            .execute(&mut *tx)
            .await?;
    }
    tx.finish().await?;
    Ok(found.unwrap_or(0))
}

/// Moves the cursor past events without effect.
pub(super) async fn advance(db: &Database, source: &str, from: i64, to: i64) -> Result<(), Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    advance_in(&mut tx, source, from, to).await?;
    tx.finish().await
}

async fn advance_in(conn: &mut sqlx::PgConnection, source: &str, from: i64, to: i64) -> Result<(), Error> {
    let moved = sqlx::query(
        "UPDATE cursors SET position = $3, failures = 0, moved_at = now() WHERE source = $1 AND position = $2",
    )
    .bind(source)
    .bind(from)
    .bind(to)
    .execute(conn)
    .await?;
    if moved.rows_affected() == 0 { Err(Error::CursorMoved { source_name: source.to_owned() }) } else { Ok(()) }
}

/// Counts a refusal of the event after the cursor and answers how many there were in a row. Kept in the database, so that
/// a restart in between does not begin anew.
pub(super) async fn count_failure(db: &Database, source: &str, from: i64) -> Result<i32, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let failures = sqlx::query_scalar(
        "UPDATE cursors SET failures = failures + 1 WHERE source = $1 AND position = $2 RETURNING failures",
    )
    .bind(source)
    .bind(from)
    .fetch_optional(&mut *tx)
    .await?;
    tx.finish().await?;
    failures.ok_or_else(|| Error::CursorMoved { source_name: source.to_owned() })
}

/// Which of these events' subjects have parked events.
pub(super) async fn parked_subjects(db: &Database, source: &str, events: &[Event]) -> Result<HashSet<String>, Error> {
    let subjects: Vec<&str> = events.iter().map(|event| event.subject.as_str()).collect();
    let mut tx = db.begin(Scope::Worker).await?;
    let parked: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT subject FROM parked_events WHERE source = $1 AND subject = ANY ($2)")
            .bind(source)
            .bind(subjects)
            .fetch_all(&mut *tx)
            .await?;
    tx.finish().await?;
    Ok(parked.into_iter().collect())
}

/// Puts an event aside and moves the cursor past it.
pub(super) async fn park(db: &Database, source: &str, from: i64, event: &Event, cause: &str) -> Result<(), Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    advance_in(&mut tx, source, from, event.position).await?;
    sqlx::query(
        "INSERT INTO parked_events (source, position, region, subject, event, cause) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(source)
    .bind(event.position)
    .bind(event.region.as_str())
    .bind(&event.subject)
    .bind(sqlx::types::Json(event))
    .bind(cause)
    .execute(&mut *tx)
    .await?;
    tx.finish().await
}
