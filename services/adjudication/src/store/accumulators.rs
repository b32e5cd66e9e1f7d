//! `accumulators`: a person's year, the one place that says where it stands. Moved with a settlement that comes into force or ceases to be,
//! in its transaction.

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
    /// Over all kinds of care.
    pub year: YearTotals,
    /// Of the kind of care.
    pub version: i64,
}

impl Standing {
    /// No division was ever made on it.
    const NONE: i64 = -1;

    /// The version, for a division that was made on these totals. Whose registrations were merged or taken apart meanwhile may have come
    /// to the same version with other totals; other kinds of care move the year alone.
    pub fn version_for(&self, division: &Adjudication) -> i64 {
        let is_as_found = self.totals == division.before && self.year == division.year_before;
        if is_as_found { self.version } else { Self::NONE }
    }
}

#[derive(FromRow)]
struct Row {
    in_scope: Decimal,
    deductible: Decimal,
    pooled_fund: Decimal,
    large_amount_fund: Decimal,
    stays: i64,
    version: i64,
    own_in_scope: Decimal,
    critical_illness_fund: Decimal,
    assistance_base: Decimal,
    assistance_fund: Decimal,
    top_up_base: Decimal,
    top_up: Decimal,
    voucher: Decimal,
    is_whole: bool,
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
            year: YearTotals {
                own_in_scope: money("own_in_scope", self.own_in_scope)?,
                critical_illness_fund: money("critical_illness_fund", self.critical_illness_fund)?,
                assistance_base: money("assistance_base", self.assistance_base)?,
                assistance_fund: money("assistance_fund", self.assistance_fund)?,
                top_up_base: money("top_up_base", self.top_up_base)?,
                top_up: money("top_up", self.top_up)?,
                voucher: money("voucher", self.voucher)?,
            },
            version: self.version,
        })
    }
}

/// SQL: sums over the rows of a person's year; `$4` is the kind of care.
macro_rules! standing {
    () => {
        "SELECT coalesce(sum(in_scope) FILTER (WHERE kind = $4), 0) AS in_scope, \
             coalesce(sum(deductible) FILTER (WHERE kind = $4), 0) AS deductible, \
             coalesce(sum(pooled_fund) FILTER (WHERE kind = $4), 0) AS pooled_fund, \
             coalesce(sum(large_amount_fund) FILTER (WHERE kind = $4), 0) AS large_amount_fund, \
             coalesce(sum(stays) FILTER (WHERE kind = $4), 0) AS stays, \
             coalesce(sum(version) FILTER (WHERE kind = $4), 0)::bigint AS version, \
             coalesce(sum(own_in_scope), 0) AS own_in_scope, coalesce(sum(critical_illness_fund), 0) AS critical_illness_fund, \
             coalesce(sum(assistance_base), 0) AS assistance_base, coalesce(sum(assistance_fund), 0) AS assistance_fund, \
             coalesce(sum(top_up_base), 0) AS top_up_base, coalesce(sum(top_up), 0) AS top_up, coalesce(sum(voucher), 0) AS voucher "
    };
}

/// SQL: the rows of a person's year, by every id of theirs.
macro_rules! rows {
    () => {
        "accumulators WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND year = $2 AND scheme = $3"
    };
}

/// Where the year stands, for a quote or a division: of the person, by every id of theirs.
pub async fn read(conn: &mut PgConnection, account: &Account) -> Result<Standing, Error> {
    Ok(select(conn, concat!(standing!(), ", true AS is_whole FROM ", rows!()), account).await?.0)
}

/// The same, locked until the end of the transaction, with the year's other kinds of care: the layers above basic insurance count over
/// all of them. Rows are made where they are missing, in one order, so that there is something to lock.
pub async fn lock(conn: &mut PgConnection, region: RegionCode, account: &Account) -> Result<Standing, Error> {
    const LOCK: &str = concat!(
        "WITH locked AS MATERIALIZED (SELECT * FROM ",
        rows!(),
        " ORDER BY resident_id, kind FOR UPDATE) ",
        standing!(),
        ", count(*) = 2 * cardinality(one_person($1)) AS is_whole FROM locked"
    );
    let (standing, is_whole) = select(conn, LOCK, account).await?;
    if is_whole {
        return Ok(standing);
    }
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
    Ok(select(conn, LOCK, account).await?.0)
}

/// With whether there is a row of every id and kind of care.
async fn select(conn: &mut PgConnection, sql: &'static str, account: &Account) -> Result<(Standing, bool), Error> {
    let row: Row = sqlx::query_as(sql)
        .bind(account.resident.uuid())
        .bind(account.year)
        .bind(account.scheme.as_str())
        .bind(account.kind.as_str())
        .fetch_one(conn)
        .await?;
    let is_whole = row.is_whole;
    Ok((row.standing(account)?, is_whole))
}

/// Locks several, each with the other kinds of care of its year and scheme, in one order everywhere.
pub async fn lock_all(conn: &mut PgConnection, region: RegionCode, mut accounts: Vec<Account>) -> Result<(), Error> {
    accounts.sort_by_key(|account| (account.year, account.scheme.as_str(), account.resident));
    accounts.dedup_by_key(|account| (account.year, account.scheme.as_str(), account.resident));
    for account in &accounts {
        lock(conn, region, account).await?;
    }
    Ok(())
}

/// Moves the year on by a settlement, in the row of the id that its claim was made for. The person's rows are locked.
pub async fn advance(conn: &mut PgConnection, account: &Account, judged: &Adjudication) -> Result<(), Error> {
    shift(conn, account, (&judged.before, &judged.year_before), (&judged.after, &judged.year_after)).await
}

/// Moves it back by one that was in force.
pub async fn take_back(conn: &mut PgConnection, account: &Account, judged: &Adjudication) -> Result<(), Error> {
    shift(conn, account, (&judged.after, &judged.year_after), (&judged.before, &judged.year_before)).await
}

async fn shift(
    conn: &mut PgConnection,
    account: &Account,
    (from, year_from): (&Accumulators, &YearTotals),
    (to, year_to): (&Accumulators, &YearTotals),
) -> Result<(), Error> {
    let more = |from: Money, to: Money| to.decimal() - from.decimal();
    let moved = sqlx::query(
        "UPDATE accumulators SET in_scope = in_scope + $5, deductible = deductible + $6, pooled_fund = pooled_fund + $7, \
         large_amount_fund = large_amount_fund + $8, stays = stays + $9, own_in_scope = own_in_scope + $10, \
         critical_illness_fund = critical_illness_fund + $11, assistance_base = assistance_base + $12, \
         assistance_fund = assistance_fund + $13, top_up_base = top_up_base + $14, top_up = top_up + $15, voucher = voucher + $16, \
         version = version + 1 \
         WHERE resident_id = $1 AND year = $2 AND scheme = $3 AND kind = $4",
    )
    .bind(account.resident.uuid())
    .bind(account.year)
    .bind(account.scheme.as_str())
    .bind(account.kind.as_str())
    .bind(more(from.in_scope, to.in_scope))
    .bind(more(from.deductible, to.deductible))
    .bind(more(from.pooled_fund, to.pooled_fund))
    .bind(more(from.large_amount_fund, to.large_amount_fund))
    .bind(i32::try_from(i64::from(to.stays) - i64::from(from.stays)).unwrap_or(i32::MAX))
    .bind(more(year_from.own_in_scope, year_to.own_in_scope))
    .bind(more(year_from.critical_illness_fund, year_to.critical_illness_fund))
    .bind(more(year_from.assistance_base, year_to.assistance_base))
    .bind(more(year_from.assistance_fund, year_to.assistance_fund))
    .bind(more(year_from.top_up_base, year_to.top_up_base))
    .bind(more(year_from.top_up, year_to.top_up))
    .bind(more(year_from.voucher, year_to.voucher))
    .execute(conn)
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(Error::row_invalid(TABLE, "version", account.resident)) }
}
