//! `accumulators`: a person's year, the one place that says where it stands, whichever region gives the care: read and moved by functions of
//! the database, for its rows are those of the region where it began. Moved with a settlement that comes into force or ceases to be, in its
//! transaction.

use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::money::Money;

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

/// Where the year stands, for a quote or a division: of the person, by every id of theirs.
pub async fn read(conn: &mut PgConnection, account: &Account) -> Result<Standing, Error> {
    select(conn, concat!(standing!(), "FROM year_rows($1, $2, $3)"), account).await
}

/// The same, locked until the end of the transaction, with the year's other kinds of care: the layers above basic insurance count over
/// all of them. Rows are made where they are missing, in one order, so that there is something to lock.
pub async fn lock(conn: &mut PgConnection, account: &Account) -> Result<Standing, Error> {
    select(conn, concat!(standing!(), "FROM lock_year($1, $2, $3)"), account).await
}

async fn select(conn: &mut PgConnection, sql: &'static str, account: &Account) -> Result<Standing, Error> {
    let row: Row = sqlx::query_as(sql)
        .bind(account.resident.uuid())
        .bind(account.year)
        .bind(account.scheme.as_str())
        .bind(account.kind.as_str())
        .fetch_one(conn)
        .await?;
    row.standing(account)
}

/// Locks several, each with the other kinds of care of its year and scheme, in one order everywhere.
pub async fn lock_all(conn: &mut PgConnection, mut accounts: Vec<Account>) -> Result<(), Error> {
    accounts.sort_by_key(|account| (account.year, account.scheme.as_str(), account.resident));
    accounts.dedup_by_key(|account| (account.year, account.scheme.as_str(), account.resident));
    for account in &accounts {
        lock(conn, account).await?;
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
    let is_moved: bool =
        sqlx::query_scalar("SELECT move_year($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)")
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
            .fetch_one(conn)
            .await?;
    if is_moved { Ok(()) } else { Err(Error::row_invalid(TABLE, "version", account.resident)) }
}
