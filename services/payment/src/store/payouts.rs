//! `payouts`: what desks give back. Of a bill one is open at most; the bill's lock is held by whoever changes one.

use chrono::{DateTime, Utc};
use postgres::Error;
use postgres::audit::Entry;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::{BillId, OrganisationId, PayoutId, ReceiptId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use super::{ListKey, Whose, money};
use crate::domain::desk::{Means, Payout, PayoutState, Taken};

const TABLE: &str = "payouts";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    bill_id: Uuid,
    resident_id: Uuid,
    payee_id: Uuid,
    amount: Decimal,
    means: String,
    reference: String,
    state: String,
    opened_by: String,
    opened_at: DateTime<Utc>,
    witnessed_by: Option<String>,
    paid_at: Option<DateTime<Utc>>,
    receipt_id: Option<Uuid>,
    number: Option<i32>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT payouts.id, bill_id, resident_id, payouts.payee_id, amount, means, reference, payouts.state, opened_by, \
             payouts.opened_at, witnessed_by, paid_at, payouts.receipt_id, number FROM payouts JOIN bills ON bills.id = bill_id ",
            $rest
        )
    };
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, payout: &Payout) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO payouts (id, region, bill_id, payee_id, amount, means, reference, state, opened_by, opened_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'OPEN', $8, $9)",
    )
    .bind(payout.id.uuid())
    .bind(region.as_str())
    .bind(payout.bill.uuid())
    .bind(payout.payee.uuid())
    .bind(payout.given.amount.decimal())
    .bind(payout.given.means.as_str())
    .bind(&payout.given.reference)
    .bind(payout.opened_by.to_string())
    .bind(payout.opened_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: PayoutId) -> Result<Option<Payout>, Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE payouts.id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::payout).transpose()
}

/// Payouts, newest first, after the one named.
pub async fn list(
    conn: &mut PgConnection,
    whose: Whose,
    after: Option<ListKey>,
    limit: i64,
) -> Result<Vec<Payout>, Error> {
    // A statement each: one for both would have no index to go by.
    let (sql, id) = match whose {
        Whose::Resident(id) => (
            select!(
                "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) \
                 AND ($2::timestamptz IS NULL OR (payouts.opened_at, payouts.id) < ($2, $3)) \
                 ORDER BY payouts.opened_at DESC, payouts.id DESC LIMIT $4"
            ),
            id.uuid(),
        ),
        Whose::Payee(id) => (
            select!(
                "WHERE payouts.payee_id = $1 AND ($2::timestamptz IS NULL OR (payouts.opened_at, payouts.id) < ($2, $3)) \
                 ORDER BY payouts.opened_at DESC, payouts.id DESC LIMIT $4"
            ),
            id.uuid(),
        ),
    };
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(id)
        .bind(after.map(|(opened_at, _)| opened_at))
        .bind(after.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Row::payout).collect()
}

/// The open one of a bill gives way. Answers which that was.
pub async fn replace_open(conn: &mut PgConnection, bill: BillId) -> Result<Option<PayoutId>, Error> {
    let replaced: Option<Uuid> =
        sqlx::query_scalar("UPDATE payouts SET state = 'REPLACED' WHERE bill_id = $1 AND state = 'OPEN' RETURNING id")
            .bind(bill.uuid())
            .fetch_optional(conn)
            .await?;
    Ok(replaced.map(PayoutId::from_uuid))
}

/// How many of a bill were paid.
pub async fn paid(conn: &mut PgConnection, bill: BillId) -> Result<i32, Error> {
    sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM payouts WHERE bill_id = $1")
        .bind(bill.uuid())
        .fetch_one(conn)
        .await
        .map_err(Into::into)
}

/// Writes that it was witnessed.
pub async fn pay(conn: &mut PgConnection, payout: &Payout) -> Result<(), Error> {
    let PayoutState::Paid { at, witness, receipt, number } = &payout.state else { return Ok(()) };
    sqlx::query("UPDATE payouts SET state = 'PAID', witnessed_by = $2, paid_at = $3, receipt_id = $4, number = $5 WHERE id = $1")
        .bind(payout.id.uuid())
        .bind(witness.to_string())
        .bind(at)
        .bind(receipt.uuid())
        .bind(number)
        .execute(conn)
        .await?;
    Ok(())
}

pub fn audited(entry: Entry, payout: PayoutId) -> Entry {
    entry.row(TABLE, payout)
}

impl Row {
    fn payout(self) -> Result<Payout, Error> {
        let id = self.id;
        let wrong = |column: &'static str| Error::row_invalid(TABLE, column, id);
        let state = match (self.state.as_str(), self.paid_at, self.witnessed_by, self.receipt_id, self.number) {
            ("OPEN", None, None, None, None) => PayoutState::Open,
            ("REPLACED", None, None, None, None) => PayoutState::Replaced,
            ("PAID", Some(at), Some(witness), Some(receipt), Some(number)) => PayoutState::Paid {
                at,
                witness: witness.parse().map_err(|_| wrong("witnessed_by"))?,
                receipt: ReceiptId::from_uuid(receipt),
                number,
            },
            _ => return Err(wrong("state")),
        };
        Ok(Payout {
            id: PayoutId::from_uuid(id),
            bill: BillId::from_uuid(self.bill_id),
            resident: ResidentId::from_uuid(self.resident_id),
            payee: OrganisationId::from_uuid(self.payee_id),
            given: Taken {
                amount: money(TABLE, "amount", id, self.amount)?,
                means: Means::parse(&self.means).ok_or_else(|| wrong("means"))?,
                reference: self.reference,
            },
            opened_by: self.opened_by.parse().map_err(|_| wrong("opened_by"))?,
            opened_at: self.opened_at,
            state,
        })
    }
}
