use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{FlagId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::vulnerability::{Ended, Flag, Kind};

const TABLE: &str = "vulnerability_flags";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    kind: String,
    document_reference: String,
    from_day: NaiveDate,
    until_day: Option<NaiveDate>,
    setter_organisation_id: Option<Uuid>,
    set_at: DateTime<Utc>,
    ended_with: Option<NaiveDate>,
    ended_at: Option<DateTime<Utc>>,
    end_reason: Option<String>,
}

/// False if there is one with this id. The caller holds the resident's lock and has asked [`overlaps`].
pub async fn insert(conn: &mut PgConnection, flag: &Flag) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO vulnerability_flags (id, region, resident_id, kind, document_reference, from_day, until_day, \
         setter_organisation_id, set_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(flag.id.uuid())
    .bind(flag.region.as_str())
    .bind(flag.resident.uuid())
    .bind(flag.kind.as_str())
    .bind(&flag.document_reference)
    .bind(flag.from)
    .bind(flag.until)
    .bind(flag.setter.map(OrganisationId::uuid))
    .bind(flag.set_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the resident has a flag of the kind on some day of it. One that was taken back holds on no day.
pub async fn overlaps(conn: &mut PgConnection, flag: &Flag) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM vulnerability_flags WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND kind = $2 \
         AND COALESCE(ended_with, until_day, 'infinity') >= from_day \
         AND COALESCE(ended_with, until_day, 'infinity') >= $3 AND from_day <= COALESCE($4, 'infinity'))",
    )
    .bind(flag.resident.uuid())
    .bind(flag.kind.as_str())
    .bind(flag.from)
    .bind(flag.until)
    .fetch_one(conn)
    .await?)
}

pub async fn get(conn: &mut PgConnection, id: FlagId) -> Result<Option<Flag>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, kind, document_reference, from_day, until_day, setter_organisation_id, set_at, \
         ended_with, ended_at, end_reason FROM vulnerability_flags WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::flag).transpose()
}

/// Flags of a resident, newest first, after the one named last.
pub async fn list(
    conn: &mut PgConnection,
    resident: ResidentId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Flag>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, kind, document_reference, from_day, until_day, setter_organisation_id, set_at, \
         ended_with, ended_at, end_reason FROM vulnerability_flags \
         WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
    )
    .bind(resident.uuid())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::flag).collect()
}

/// All that hold on a day.
pub async fn in_force(
    conn: &mut PgConnection,
    resident: ResidentId,
    on: NaiveDate,
) -> Result<Vec<Flag>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, kind, document_reference, from_day, until_day, setter_organisation_id, set_at, \
         ended_with, ended_at, end_reason FROM vulnerability_flags WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND from_day <= $2 \
         AND COALESCE(ended_with, until_day, 'infinity') >= $2 ORDER BY kind, from_day",
    )
    .bind(resident.uuid())
    .bind(on)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::flag).collect()
}

/// False if it was ended before.
pub async fn end(conn: &mut PgConnection, id: FlagId, ended: &Ended) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "UPDATE vulnerability_flags SET ended_with = $2, ended_at = $3, end_reason = $4 WHERE id = $1 AND ended_at IS NULL",
    )
    .bind(id.uuid())
    .bind(ended.with)
    .bind(ended.at)
    .bind(&ended.reason)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub fn audited(entry: Entry, flag: &Flag) -> Entry {
    entry.resident(flag.resident).row(TABLE, flag.id)
}

impl Row {
    fn flag(self) -> Result<Flag, postgres::Error> {
        let kind = Kind::parse(&self.kind).filter(|kind| *kind != Kind::Elderly);
        let ended = match (self.ended_with, self.ended_at, self.end_reason) {
            (Some(with), Some(at), Some(reason)) => Some(Ended { with, at, reason }),
            _ => None,
        };
        Ok(Flag {
            id: FlagId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            kind: kind.ok_or_else(|| postgres::Error::row_invalid(TABLE, "kind", self.id))?,
            document_reference: self.document_reference,
            from: self.from_day,
            until: self.until_day,
            setter: self.setter_organisation_id.map(OrganisationId::from_uuid),
            set_at: self.set_at,
            ended,
        })
    }
}
