//! Credit lines. What is drawn changes by guarded statements alone, each relative to what stands in the row.

use chrono::{DateTime, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::{CreditLineId, OrganisationId, ResidentId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use super::money;
use crate::domain::credit_line::{CreditLine, Standing};

const TABLE: &str = "credit_lines";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    bank_id: Uuid,
    resident_id: Uuid,
    agreement_sha256: String,
    limit_amount: Decimal,
    used: Decimal,
    held: Decimal,
    valid_until: DateTime<Utc>,
    state: String,
    granted_at: DateTime<Utc>,
    version: i64,
}

impl TryFrom<Row> for CreditLine {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: CreditLineId::from_uuid(row.id),
            bank: OrganisationId::from_uuid(row.bank_id),
            resident: ResidentId::from_uuid(row.resident_id),
            agreement_sha256: row.agreement_sha256,
            limit: money(TABLE, "limit_amount", row.id, row.limit_amount)?,
            used: money(TABLE, "used", row.id, row.used)?,
            held: money(TABLE, "held", row.id, row.held)?,
            valid_until: row.valid_until,
            standing: Standing::parse(&row.state).ok_or_else(|| Error::row_invalid(TABLE, "state", row.id))?,
            granted_at: row.granted_at,
            version: row.version,
        })
    }
}

macro_rules! columns {
    () => {
        "id, bank_id, resident_id, agreement_sha256, limit_amount, used, held, valid_until, state, granted_at, version"
    };
}

pub async fn find(conn: &mut PgConnection, id: CreditLineId) -> Result<Option<CreditLine>, Error> {
    let row: Option<Row> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM credit_lines WHERE id = $1"))
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    row.map(CreditLine::try_from).transpose()
}

/// The id of the person by which the bank granted them a line under this agreement, if it did.
pub async fn granted_to(
    conn: &mut PgConnection,
    bank: OrganisationId,
    resident: ResidentId,
    agreement_sha256: &str,
) -> Result<Option<ResidentId>, Error> {
    let found: Option<Uuid> = sqlx::query_scalar(
        "SELECT resident_id FROM credit_lines WHERE region = current_setting('anjia.region') AND bank_id = $1 \
         AND resident_id = ANY ((SELECT one_person($2))::uuid[]) AND agreement_sha256 = $3 ORDER BY granted_at, id LIMIT 1",
    )
    .bind(bank.uuid())
    .bind(resident.uuid())
    .bind(agreement_sha256)
    .fetch_optional(conn)
    .await?;
    Ok(found.map(ResidentId::from_uuid))
}

/// Whether a line has this id.
pub async fn is_known(conn: &mut PgConnection, id: CreditLineId) -> Result<bool, Error> {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT FROM credit_lines WHERE id = $1)");
    Ok(found.bind(id.uuid()).fetch_one(conn).await?)
}

/// Opens the line, or gives the one of the same bank, resident and agreement its new limit and term. What is used and held stays.
pub async fn grant(conn: &mut PgConnection, region: RegionCode, line: &CreditLine) -> Result<CreditLine, Error> {
    let row: Row = sqlx::query_as(concat!(
        "INSERT INTO credit_lines AS line \
         (id, region, bank_id, resident_id, agreement_sha256, limit_amount, valid_until, state, granted_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT ON CONSTRAINT credit_lines_agreement_key DO UPDATE \
         SET limit_amount = excluded.limit_amount, valid_until = excluded.valid_until, version = line.version + 1 \
         RETURNING ",
        columns!()
    ))
    .bind(line.id.uuid())
    .bind(region.as_str())
    .bind(line.bank.uuid())
    .bind(line.resident.uuid())
    .bind(&line.agreement_sha256)
    .bind(line.limit.decimal())
    .bind(line.valid_until)
    .bind(line.standing.as_str())
    .bind(line.granted_at)
    .fetch_one(conn)
    .await?;
    row.try_into()
}

/// Holds `amount` more for the resident, if the line is theirs, active, and has it left. False if not; nothing changed then.
pub async fn hold(
    conn: &mut PgConnection,
    id: CreditLineId,
    resident: ResidentId,
    amount: Money,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let held = sqlx::query(
        "UPDATE credit_lines SET held = held + $3, version = version + 1 \
         WHERE id = $1 AND resident_id = ANY ((SELECT one_person($2))::uuid[]) AND state = 'ACTIVE' AND valid_until > $4 AND used + held + $3 <= limit_amount",
    )
    .bind(id.uuid())
    .bind(resident.uuid())
    .bind(amount.decimal())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// Gives back what an authorisation held. A line that holds less is refused by its floor.
pub async fn release(conn: &mut PgConnection, id: CreditLineId, amount: Money) -> Result<(), Error> {
    let change = sqlx::query("UPDATE credit_lines SET held = held - $2, version = version + 1 WHERE id = $1");
    exactly_one(&change.bind(id.uuid()).bind(amount.decimal()).execute(conn).await?, id)
}

/// What was held is drawn.
pub async fn draw(conn: &mut PgConnection, id: CreditLineId, amount: Money) -> Result<(), Error> {
    let change =
        sqlx::query("UPDATE credit_lines SET held = held - $2, used = used + $2, version = version + 1 WHERE id = $1");
    exactly_one(&change.bind(id.uuid()).bind(amount.decimal()).execute(conn).await?, id)
}

/// What was drawn was not paid by the bank after all.
pub async fn give_back(conn: &mut PgConnection, id: CreditLineId, amount: Money) -> Result<(), Error> {
    let change = sqlx::query("UPDATE credit_lines SET used = used - $2, version = version + 1 WHERE id = $1");
    exactly_one(&change.bind(id.uuid()).bind(amount.decimal()).execute(conn).await?, id)
}

fn exactly_one(done: &sqlx::postgres::PgQueryResult, id: CreditLineId) -> Result<(), Error> {
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::row_invalid(TABLE, "id", id)) }
}
