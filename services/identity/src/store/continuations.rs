use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::PgConnection;
use types::ids::DelegationId;
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::token::Continuation;

/// One use of a mandate.
#[derive(Debug)]
pub struct Record<'a> {
    pub token: Uuid,
    pub region: RegionCode,
    pub service: &'a str,
    pub continuation: &'a Continuation,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(conn: &mut PgConnection, record: &Record<'_>) -> Result<(), postgres::Error> {
    let continuation = record.continuation;
    sqlx::query(
        "INSERT INTO continuations (token_id, region, service, resident_id, delegation_id, methods, evidence, issued_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(record.token)
    .bind(record.region.as_str())
    .bind(record.service)
    .bind(continuation.resident.uuid())
    .bind(continuation.delegation.map(DelegationId::uuid))
    .bind(&continuation.methods)
    .bind(&continuation.evidence)
    .bind(record.issued_at)
    .bind(record.expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub fn audited(entry: Entry, record: &Record<'_>) -> Entry {
    entry.resident(record.continuation.resident).row("continuations", record.token)
}
