use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::{CreditLineId, DelegationId, MandateId, ResidentId};
use types::mandate::{Credit, Work};
use types::money::Money;
use uuid::Uuid;

use super::column;
use crate::domain::mandate::{End, Mandate};

const TABLE: &str = "mandates";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    given_by: String,
    delegation_id: Option<Uuid>,
    work: String,
    credit_line_id: Option<Uuid>,
    own_share_max: Option<Decimal>,
    given_at: DateTime<Utc>,
    until: DateTime<Utc>,
    ended_as: Option<String>,
    ended_at: Option<DateTime<Utc>>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, region, resident_id, given_by, delegation_id, work, credit_line_id, own_share_max, given_at, until, ",
            "ended_as, ended_at FROM mandates ",
            $rest
        )
    };
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, mandate: &Mandate) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO mandates (id, region, resident_id, given_by, delegation_id, service, work, credit_line_id, own_share_max, \
         given_at, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(mandate.id.uuid())
    .bind(mandate.region.as_str())
    .bind(mandate.resident.uuid())
    .bind(mandate.given_by.to_string())
    .bind(mandate.delegation.map(DelegationId::uuid))
    .bind(mandate.service())
    .bind(mandate.work.to_string())
    .bind(mandate.credit.map(|credit| credit.line.uuid()))
    .bind(mandate.credit.map(|credit| credit.own_share_max.decimal()))
    .bind(mandate.given_at)
    .bind(mandate.until)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: MandateId) -> Result<Option<Mandate>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::mandate).transpose()
}

/// False if it had ended before.
pub async fn end(conn: &mut PgConnection, id: MandateId, end: End, at: DateTime<Utc>) -> Result<bool, postgres::Error> {
    let done = sqlx::query("UPDATE mandates SET ended_as = $2, ended_at = $3 WHERE id = $1 AND ended_at IS NULL")
        .bind(id.uuid())
        .bind(end.as_str())
        .bind(at)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends those that were given for this work and have not ended; answers them as they are now.
pub async fn end_work(conn: &mut PgConnection, work: Work, at: DateTime<Utc>) -> Result<Vec<Mandate>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "UPDATE mandates SET ended_as = 'DONE', ended_at = $2 WHERE work = $1 AND ended_at IS NULL \
         RETURNING id, region, resident_id, given_by, delegation_id, work, credit_line_id, own_share_max, given_at, until, \
         ended_as, ended_at",
    )
    .bind(work.to_string())
    .bind(at)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::mandate).collect()
}

pub fn audited(entry: Entry, mandate: &Mandate) -> Entry {
    entry.resident(mandate.resident).row(TABLE, mandate.id)
}

impl Row {
    fn mandate(self) -> Result<Mandate, postgres::Error> {
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let credit = match (self.credit_line_id, self.own_share_max) {
            (Some(line), Some(max)) => Some(Credit {
                line: CreditLineId::from_uuid(line),
                own_share_max: Money::from_decimal(max).map_err(|_| invalid("own_share_max"))?,
            }),
            _ => None,
        };
        let ended = match (self.ended_as.as_deref(), self.ended_at) {
            (Some(word), Some(at)) => Some((End::parse(word).ok_or_else(|| invalid("ended_as"))?, at)),
            _ => None,
        };
        Ok(Mandate {
            id: MandateId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            given_by: column(TABLE, "given_by", self.id, &self.given_by)?,
            delegation: self.delegation_id.map(DelegationId::from_uuid),
            work: column(TABLE, "work", self.id, &self.work)?,
            credit,
            given_at: self.given_at,
            until: self.until,
            ended,
        })
    }
}
