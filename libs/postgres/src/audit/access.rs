//! Who looked at a resident's data, as the audit knows: the resident's own log.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::ResidentId;
use uuid::Uuid;

use crate::Error;

/// One access, whether it read or changed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Access {
    pub sequence: i64,
    /// Place in the sealed audit; none until sealed.
    pub position: Option<i64>,
    /// Who held the credential.
    pub actor: String,
    /// On whose behalf.
    pub subject: String,
    pub organisation_id: Option<Uuid>,
    pub delegation_id: Option<Uuid>,
    pub action: String,
    pub occurred_at: DateTime<Utc>,
}

/// What is listed before: its time and place in the order.
pub type AccessKey = (DateTime<Utc>, i64);

/// Accesses to a resident's data, newest first, after the one listed last.
pub async fn accesses(
    conn: &mut PgConnection,
    resident: ResidentId,
    after: Option<AccessKey>,
    limit: i64,
) -> Result<Vec<Access>, Error> {
    Ok(sqlx::query_as(
        "SELECT sequence, position, actor, subject, organisation_id, delegation_id, action, occurred_at FROM audit_entries \
         WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::timestamptz IS NULL OR (occurred_at, sequence) < ($2, $3)) \
         ORDER BY occurred_at DESC, sequence DESC LIMIT $4",
    )
    .bind(resident.uuid())
    .bind(after.map(|(at, _)| at))
    .bind(after.map(|(_, sequence)| sequence))
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
