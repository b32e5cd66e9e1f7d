//! `accumulators`: a person's year. Moved only by confirming a settlement.

use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::money::Money;
use types::region::RegionCode;

use crate::domain::input::Accumulators;
use crate::domain::settlement::Account;

const TABLE: &str = "accumulators";

/// Running totals and the version they stand at; version 0 is a year in which nothing was settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub totals: Accumulators,
    pub version: i64,
}

#[derive(FromRow)]
struct Row {
    in_scope: Decimal,
    deductible: Decimal,
    pooled_fund: Decimal,
    large_amount_fund: Decimal,
    stays: i32,
    version: i64,
}

impl Row {
    fn standing(self, account: &Account) -> Result<Standing, Error> {
        let invalid = |column| Error::row_invalid(TABLE, column, account.resident);
        let money = |column, amount| Money::from_decimal(amount).map_err(|_| invalid(column));
        Ok(Standing {
            totals: Accumulators {
                in_scope: money("in_scope", self.in_scope)?,
                deductible: money("deductible", self.deductible)?,
                pooled_fund: money("pooled_fund", self.pooled_fund)?,
                large_amount_fund: money("large_amount_fund", self.large_amount_fund)?,
                stays: u32::try_from(self.stays).map_err(|_| invalid("stays"))?,
            },
            version: self.version,
        })
    }
}

/// Where the year stands, for a quote or a division.
pub async fn read(conn: &mut PgConnection, account: &Account) -> Result<Standing, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT in_scope, deductible, pooled_fund, large_amount_fund, stays, version FROM accumulators \
         WHERE resident_id = $1 AND year = $2 AND scheme = $3 AND kind = $4",
    )
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .bind(account.kind.as_str())
    .fetch_optional(conn)
    .await?;
    row.map_or(Ok(Standing::default()), |row| row.standing(account))
}

/// The same, locked until the end of the transaction; the row is made where it is missing, so that there is something to lock.
pub async fn lock(conn: &mut PgConnection, region: RegionCode, account: &Account) -> Result<Standing, Error> {
    sqlx::query(
        "INSERT INTO accumulators (region, resident_id, year, scheme, kind, in_scope, deductible, pooled_fund, large_amount_fund, \
         stays, version) VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
    )
    .bind(region.as_str())
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .bind(account.kind.as_str())
    .execute(&mut *conn)
    .await?;
    let row: Row = sqlx::query_as(
        "SELECT in_scope, deductible, pooled_fund, large_amount_fund, stays, version FROM accumulators \
         WHERE resident_id = $1 AND year = $2 AND scheme = $3 AND kind = $4 FOR UPDATE",
    )
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .bind(account.kind.as_str())
    .fetch_one(conn)
    .await?;
    row.standing(account)
}

/// Moves the year on. The row is locked, and stands at `from_version`.
pub async fn advance(
    conn: &mut PgConnection,
    account: &Account,
    after: &Accumulators,
    from_version: i64,
) -> Result<(), Error> {
    let moved = sqlx::query(
        "UPDATE accumulators SET in_scope = $5, deductible = $6, pooled_fund = $7, large_amount_fund = $8, stays = $9, \
         version = version + 1 WHERE resident_id = $1 AND year = $2 AND scheme = $3 AND kind = $4 AND version = $10",
    )
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .bind(account.kind.as_str())
    .bind(after.in_scope.decimal())
    .bind(after.deductible.decimal())
    .bind(after.pooled_fund.decimal())
    .bind(after.large_amount_fund.decimal())
    .bind(i32::try_from(after.stays).unwrap_or(i32::MAX))
    .bind(from_version)
    .execute(conn)
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(Error::row_invalid(TABLE, "version", account.resident)) }
}
