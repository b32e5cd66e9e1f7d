use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{ConsentId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::consent::{Consent, Purpose};

const TABLE: &str = "consents";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    recipient_organisation_id: Uuid,
    purpose: String,
    until: DateTime<Utc>,
    granted_at: DateTime<Utc>,
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, consent: &Consent) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO consents (id, region, resident_id, recipient_organisation_id, purpose, until, granted_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(consent.id.uuid())
    .bind(consent.region.as_str())
    .bind(consent.resident.uuid())
    .bind(consent.recipient.uuid())
    .bind(consent.purpose.as_str())
    .bind(consent.until)
    .bind(consent.granted_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: ConsentId) -> Result<Option<Consent>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, recipient_organisation_id, purpose, until, granted_at FROM consents WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::consent).transpose()
}

/// The consent that lets the organisation see the data at this moment; of several, the one that lasts longest.
pub async fn in_force(
    conn: &mut PgConnection,
    resident: ResidentId,
    recipient: OrganisationId,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Option<Consent>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, recipient_organisation_id, purpose, until, granted_at FROM consents \
         WHERE resident_id = $1 AND recipient_organisation_id = $2 AND purpose = $3 AND until > $4 \
         ORDER BY until DESC, id LIMIT 1",
    )
    .bind(resident.uuid())
    .bind(recipient.uuid())
    .bind(purpose.as_str())
    .bind(now)
    .fetch_optional(conn)
    .await?;
    row.map(Row::consent).transpose()
}

pub fn audited(entry: Entry, consent: &Consent) -> Entry {
    entry.resident(consent.resident).row(TABLE, consent.id)
}

impl Row {
    fn consent(self) -> Result<Consent, postgres::Error> {
        let purpose = Purpose::parse(&self.purpose);
        Ok(Consent {
            id: ConsentId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            recipient: OrganisationId::from_uuid(self.recipient_organisation_id),
            purpose: purpose.ok_or_else(|| postgres::Error::row_invalid(TABLE, "purpose", self.id))?,
            until: self.until,
            granted_at: self.granted_at,
        })
    }
}
