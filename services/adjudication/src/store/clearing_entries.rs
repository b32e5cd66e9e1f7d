//! `clearing_entries`: what one region's funds owe another's. Append-only.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::clock::local_date;
use types::ids::SettlementId;
use types::money::Money;
use uuid::Uuid;

use super::word;
use crate::domain::clearing::Owed;

const TABLE: &str = "clearing_entries";

/// SQL: another region's funds are to pay a claim. A district belongs to its municipality, and still is another region than it: care there
/// is no care away from home, and the fund that insures owes it all the same.
macro_rules! is_owed {
    () => {
        "coalesce(claim.insured_region <> claim.region, false)"
    };
}
pub(super) use is_owed;

/// Books what the funds pay of a settlement of the present version of its claim, in the month of `at`. Nothing where its claim was made
/// at home, or where the funds pay nothing. Answers what it booked.
pub async fn settle(
    conn: &mut PgConnection,
    settlement: SettlementId,
    fund: Money,
    at: DateTime<Utc>,
) -> Result<Option<Uuid>, Error> {
    if fund.is_zero() {
        return Ok(None);
    }
    let booked = sqlx::query_scalar(concat!(
        "INSERT INTO clearing_entries (id, region, insured_region, month, settlement_id, booking, amount, scheme, large_amount_fund, \
         critical_illness_fund, assistance_fund, booked_at) \
         SELECT $1, claim.region, claim.insured_region, $3, $2, 'SETTLED', $4, settlement.scheme, settlement.large_amount_fund, \
             settlement.critical_illness_fund, settlement.assistance_fund, $5 \
         FROM settlements settlement JOIN claims claim ON claim.id = settlement.claim_id \
         WHERE settlement.id = $2 AND ",
        is_owed!(),
        " RETURNING id",
    ))
    .bind(Uuid::now_v7())
    .bind(settlement.uuid())
    .bind(month_of(at))
    .bind(fund.decimal())
    .bind(at)
    .fetch_optional(conn)
    .await?;
    Ok(booked)
}

/// Books back what was booked of a settlement, in the month of `at`. Answers what it booked.
pub async fn take_back(
    conn: &mut PgConnection,
    settlement: SettlementId,
    at: DateTime<Utc>,
) -> Result<Option<Uuid>, Error> {
    let booked = sqlx::query_scalar(
        "INSERT INTO clearing_entries (id, region, insured_region, month, settlement_id, booking, amount, scheme, large_amount_fund, \
         critical_illness_fund, assistance_fund, booked_at) \
         SELECT $1, region, insured_region, $3, settlement_id, 'TAKEN_BACK', -amount, scheme, -large_amount_fund, \
             -critical_illness_fund, -assistance_fund, $4 \
         FROM clearing_entries WHERE settlement_id = $2 AND booking = 'SETTLED' \
         RETURNING id",
    )
    .bind(Uuid::now_v7())
    .bind(settlement.uuid())
    .bind(month_of(at))
    .bind(at)
    .fetch_optional(conn)
    .await?;
    Ok(booked)
}

/// Books what of a settlement's claim on another region's funds is cut by now, or cut no more, in the month of `at`: as `withheld_by_claim` has
/// it, and never more than the funds pay; nothing stays cut of what was taken back. Nothing where its books say so already. Whoever changes what
/// is cut holds the claim. Answers what it booked.
pub async fn book_cut(
    conn: &mut PgConnection,
    settlement: SettlementId,
    at: DateTime<Utc>,
) -> Result<Option<Uuid>, Error> {
    let booked = sqlx::query_scalar(
        "WITH entries AS (SELECT * FROM clearing_entries WHERE settlement_id = $2), \
         due AS (SELECT CASE WHEN EXISTS (SELECT FROM entries WHERE booking = 'TAKEN_BACK') THEN 0 \
             ELSE coalesce((SELECT cut FROM withheld_by_claim WHERE settlement_id = $2), 0) END AS cut), \
         booked AS (SELECT coalesce(-sum(amount), 0) AS cut FROM entries WHERE booking IN ('CUT', 'CUT_LIFTED')) \
         INSERT INTO clearing_entries (id, region, insured_region, month, settlement_id, booking, amount, scheme, booked_at) \
         SELECT $1, owed.region, owed.insured_region, $3, $2, \
             CASE WHEN booked.cut < least(due.cut, owed.amount) THEN 'CUT' ELSE 'CUT_LIFTED' END, \
             booked.cut - least(due.cut, owed.amount), owed.scheme, $4 \
         FROM entries owed, due, booked \
         WHERE owed.booking = 'SETTLED' AND booked.cut <> least(due.cut, owed.amount) \
         RETURNING id",
    )
    .bind(Uuid::now_v7())
    .bind(settlement.uuid())
    .bind(month_of(at))
    .bind(at)
    .fetch_optional(conn)
    .await?;
    Ok(booked)
}

/// The first day of the local month.
fn month_of(at: DateTime<Utc>) -> NaiveDate {
    let on = local_date(at);
    on.with_day(1).unwrap_or(on)
}

#[derive(FromRow)]
struct Row {
    region: String,
    insured_region: String,
    amount: Decimal,
    bookings: i64,
}

/// What is owed for a month by and to the region of the transaction.
pub async fn owed(conn: &mut PgConnection, month: NaiveDate) -> Result<Vec<Owed>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT region, insured_region, sum(amount) AS amount, count(*) AS bookings FROM clearing_entries WHERE month = $1 \
         GROUP BY region, insured_region ORDER BY region, insured_region",
    )
    .bind(month)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Owed {
                care_region: word(TABLE, "region", month, &row.region)?,
                insured_region: word(TABLE, "insured_region", month, &row.insured_region)?,
                amount: Money::from_decimal(row.amount).map_err(|_| Error::row_invalid(TABLE, "amount", month))?,
                bookings: row.bookings,
            })
        })
        .collect()
}
