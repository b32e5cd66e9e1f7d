use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::PgConnection;
use types::ids::DelegationId;
use uuid::Uuid;

use crate::domain::mandate::Mandate;

/// One use of a mandate.
#[derive(Debug)]
pub struct Record<'a> {
    pub token: Uuid,
    pub mandate: &'a Mandate,
    pub methods: &'a [String],
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(conn: &mut PgConnection, record: &Record<'_>) -> Result<(), postgres::Error> {
    let mandate = record.mandate;
    sqlx::query(
        "INSERT INTO continuations (token_id, region, service, resident_id, delegation_id, methods, evidence, issued_at, \
         expires_at, mandate_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(record.token)
    .bind(mandate.region.as_str())
    .bind(mandate.service())
    .bind(mandate.resident.uuid())
    .bind(mandate.delegation.map(DelegationId::uuid))
    .bind(record.methods)
    .bind(mandate.work.to_string())
    .bind(record.issued_at)
    .bind(record.expires_at)
    .bind(mandate.id.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

pub fn audited(entry: Entry, record: &Record<'_>) -> Entry {
    entry.resident(record.mandate.resident).row("continuations", record.token)
}
