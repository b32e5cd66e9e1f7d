//! `accumulators`: a person's year. Moved only by confirming a settlement.

use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::money::Money;
use types::region::RegionCode;

use crate::domain::circumstances::YearTotals;
use crate::domain::engine::Adjudication;
use crate::domain::input::Accumulators;
use crate::domain::settlement::Account;

const TABLE: &str = "accumulators";

/// Running totals and the version they stand at; version 0 is a year in which nothing was settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub totals: Accumulators,
    pub version: i64,
}

impl Standing {
    /// No division was ever made on it.
    const NONE: i64 = -1;

    /// The version, for a division that was made on these totals. Whose registrations were merged or taken apart meanwhile may have come
    /// to the same version with other totals.
    pub fn version_for(&self, division: &Adjudication, year: &YearTotals) -> i64 {
        let is_as_found = self.totals == division.before && *year == division.year_before;
        if is_as_found { self.version } else { Self::NONE }
    }
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

/// Where the year stands, for a quote or a division: of the person, by every id of theirs.
pub async fn read(conn: &mut PgConnection, account: &Account) -> Result<Standing, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT in_scope, deductible, pooled_fund, large_amount_fund, stays, version FROM accumulators \
         WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND year = $2 AND scheme = $3 AND kind = $4",
    )
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .bind(account.kind.as_str())
    .fetch_all(conn)
    .await?;
    sum(rows, account)
}

/// The same, locked until the end of the transaction, with the year's other kinds of care: the layers above basic insurance count over
/// all of them. Rows are made where they are missing, in one order, so that there is something to lock.
pub async fn lock(conn: &mut PgConnection, region: RegionCode, account: &Account) -> Result<Standing, Error> {
    sqlx::query(
        "INSERT INTO accumulators (region, resident_id, year, scheme, kind, in_scope, deductible, pooled_fund, large_amount_fund, \
         stays, version) SELECT $1, id, $3, $4, kind, 0, 0, 0, 0, 0, 0 \
         FROM unnest(one_person($2)) AS id, unnest(ARRAY['INPATIENT', 'OUTPATIENT']) AS kind ORDER BY id, kind \
         ON CONFLICT DO NOTHING",
    )
    .bind(region.as_str())
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "SELECT FROM accumulators WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND year = $2 AND scheme = $3 \
         ORDER BY resident_id, kind FOR UPDATE",
    )
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .fetch_all(&mut *conn)
    .await?;
    read(conn, account).await
}

fn sum(rows: Vec<Row>, account: &Account) -> Result<Standing, Error> {
    let too_much = || Error::row_invalid(TABLE, "in_scope", account.resident);
    rows.into_iter().try_fold(Standing::default(), |sum, row| {
        let standing = row.standing(account)?;
        let totals = sum.totals.checked_add(&standing.totals).ok_or_else(too_much)?;
        Ok(Standing { totals, version: sum.version + standing.version })
    })
}

/// Moves the year on, in the row of the id that the claim was made for. The person's rows are locked, and stand at `before` together.
pub async fn advance(
    conn: &mut PgConnection,
    account: &Account,
    before: &Accumulators,
    after: &Accumulators,
) -> Result<(), Error> {
    let more = |before: Money, after: Money| after.decimal() - before.decimal();
    let moved = sqlx::query(
        "UPDATE accumulators SET in_scope = in_scope + $5, deductible = deductible + $6, pooled_fund = pooled_fund + $7, \
         large_amount_fund = large_amount_fund + $8, stays = stays + $9, version = version + 1 \
         WHERE resident_id = $1 AND year = $2 AND scheme = $3 AND kind = $4",
    )
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .bind(account.kind.as_str())
    .bind(more(before.in_scope, after.in_scope))
    .bind(more(before.deductible, after.deductible))
    .bind(more(before.pooled_fund, after.pooled_fund))
    .bind(more(before.large_amount_fund, after.large_amount_fund))
    .bind(i32::try_from(i64::from(after.stays) - i64::from(before.stays)).unwrap_or(i32::MAX))
    .execute(conn)
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(Error::row_invalid(TABLE, "version", account.resident)) }
}
