use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{ConsentId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::consent::{Consent, DataKind, Purpose, Recipient, RecipientClass};

const TABLE: &str = "consents";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    recipient_organisation_id: Option<Uuid>,
    recipient_class: Option<String>,
    purpose: String,
    kinds: Vec<String>,
    valid_from: DateTime<Utc>,
    until: DateTime<Utc>,
    granted_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, region, resident_id, recipient_organisation_id, recipient_class, purpose, kinds, valid_from, until, ",
            "granted_at, revoked_at FROM consents ",
            $rest
        )
    };
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, consent: &Consent) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO consents (id, region, resident_id, recipient_organisation_id, recipient_class, purpose, kinds, valid_from, \
         until, granted_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(consent.id.uuid())
    .bind(consent.region.as_str())
    .bind(consent.resident.uuid())
    .bind(consent.recipient.organisation().map(OrganisationId::uuid))
    .bind(consent.recipient.class().map(RecipientClass::as_str))
    .bind(consent.purpose.as_str())
    .bind(kinds(consent))
    .bind(consent.from)
    .bind(consent.until)
    .bind(consent.granted_at)
    .bind(consent.revoked_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: ConsentId) -> Result<Option<Consent>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::consent).transpose()
}

/// Those of a resident, the newest first, after the one named last.
pub async fn list(
    conn: &mut PgConnection,
    resident: ResidentId,
    after: Option<&(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Consent>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::timestamptz IS NULL OR (granted_at, id) < ($2, $3)) \
         ORDER BY granted_at DESC, id DESC LIMIT $4"
    ))
    .bind(resident.uuid())
    .bind(after.map(|(granted_at, _)| *granted_at))
    .bind(after.map(|(_, id)| *id))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::consent).collect()
}

/// Consents that let the organisation, by itself or as one of its classes, see data at this moment; the longest first.
pub async fn in_force(
    conn: &mut PgConnection,
    resident: ResidentId,
    (recipient, classes): (OrganisationId, &[RecipientClass]),
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Vec<Consent>, postgres::Error> {
    let classes: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND (recipient_organisation_id = $2 OR recipient_class = ANY ($3)) AND purpose = $4 \
         AND valid_from <= $5 AND until > $5 AND revoked_at IS NULL ORDER BY until DESC, id"
    ))
    .bind(resident.uuid())
    .bind(recipient.uuid())
    .bind(classes)
    .bind(purpose.as_str())
    .bind(now)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::consent).collect()
}

/// False if it was revoked before.
pub async fn revoke(conn: &mut PgConnection, id: ConsentId, at: DateTime<Utc>) -> Result<bool, postgres::Error> {
    let done = sqlx::query("UPDATE consents SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
        .bind(id.uuid())
        .bind(at)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub fn audited(entry: Entry, consent: &Consent) -> Entry {
    entry.resident(consent.resident).row(TABLE, consent.id)
}

fn kinds(consent: &Consent) -> Vec<&'static str> {
    consent.kinds.iter().map(|kind| kind.as_str()).collect()
}

impl Row {
    fn consent(self) -> Result<Consent, postgres::Error> {
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let kinds: Option<BTreeSet<DataKind>> = self.kinds.iter().map(|kind| DataKind::parse(kind)).collect();
        let recipient = match (self.recipient_organisation_id, &self.recipient_class) {
            (Some(id), None) => Some(Recipient::Organisation(OrganisationId::from_uuid(id))),
            (None, Some(class)) => RecipientClass::parse(class).map(Recipient::Class),
            _ => None,
        };
        Ok(Consent {
            id: ConsentId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            recipient: recipient.ok_or_else(|| invalid("recipient_class"))?,
            purpose: Purpose::parse(&self.purpose).ok_or_else(|| invalid("purpose"))?,
            kinds: kinds.ok_or_else(|| invalid("kinds"))?,
            from: self.valid_from,
            until: self.until,
            granted_at: self.granted_at,
            revoked_at: self.revoked_at,
        })
    }
}
