//! The ledger: accounts are opened as they are needed, transfers and their legs only ever added.

use chrono::{DateTime, Utc};
use postgres::Error;
use postgres::audit::{self, Entry};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use types::caller::Caller;
use types::ids::{AccountId, BillId, DelegationId, OrderId, TransferId};
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::journal::{JournalEntry, Purpose};

/// What a transfer belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Posting<'a> {
    pub id: TransferId,
    pub region: RegionCode,
    pub purpose: Purpose,
    /// Which of the bill's postings of this purpose, where there may be several.
    pub number: i32,
    pub bill: BillId,
    /// For what a bank said.
    pub order: Option<OrderId>,
    /// Who ordered it, and for whom; none where a bank's word moves it.
    pub mandate: Option<&'a Caller>,
    pub posted_at: DateTime<Utc>,
}

/// The rows that a posting wrote.
#[derive(Debug, Clone)]
pub struct Posted {
    transfer: TransferId,
    legs: usize,
    /// Accounts that there were not before.
    opened: Vec<Uuid>,
}

/// Names the rows of a posting.
pub fn audited(entry: Entry, posted: &Posted) -> Entry {
    let entry = posted.opened.iter().fold(entry, |entry, account| entry.row("accounts", account));
    let entry = entry.row("transfers", posted.transfer);
    (1..=posted.legs).fold(entry, |entry, line| entry.row("entries", audit::id(&[&posted.transfer, &line])))
}

/// Posts an entry. The database refuses a second one of the same bill, purpose and number, or of the same order.
pub async fn post(conn: &mut PgConnection, posting: Posting<'_>, entry: &JournalEntry) -> Result<Posted, Error> {
    let kinds: Vec<&str> = entry.legs().iter().map(|leg| leg.account.kind.as_str()).collect();
    let holders: Vec<&str> = entry.legs().iter().map(|leg| leg.account.holder.as_str()).collect();
    let amounts: Vec<Decimal> = entry.legs().iter().map(|leg| leg.amount.decimal()).collect();
    let new_ids: Vec<Uuid> = entry.legs().iter().map(|_| AccountId::generate().uuid()).collect();

    // Legs are in account order, so two transactions that open the same accounts do so in the same order.
    let opened = sqlx::query_scalar(
        "INSERT INTO accounts (id, region, kind, holder) \
         SELECT id, $1, kind, holder FROM unnest($2::uuid[], $3::text[], $4::text[]) AS leg (id, kind, holder) \
         ON CONFLICT ON CONSTRAINT accounts_holder_key DO NOTHING RETURNING id",
    )
    .bind(posting.region.as_str())
    .bind(new_ids)
    .bind(&kinds)
    .bind(&holders)
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO transfers (id, region, purpose, bill_id, order_id, posted_at, ordered_by, on_behalf_of, delegation_id, number) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(posting.id.uuid())
    .bind(posting.region.as_str())
    .bind(posting.purpose.as_str())
    .bind(posting.bill.uuid())
    .bind(posting.order.map(OrderId::uuid))
    .bind(posting.posted_at)
    .bind(posting.mandate.map(|mandate| mandate.acting().to_string()))
    .bind(posting.mandate.map(|mandate| mandate.subject.to_string()))
    .bind(posting.mandate.and_then(|mandate| mandate.delegation).map(DelegationId::uuid))
    .bind(posting.number)
    .execute(&mut *conn)
    .await?;
    // A leg whose account could not be found would be missing here, and the sum not zero.
    sqlx::query(
        "INSERT INTO entries (transfer_id, line, region, account_id, amount) \
         SELECT $1, leg.line, $2, account.id, leg.amount \
         FROM unnest($3::text[], $4::text[], $5::numeric[]) WITH ORDINALITY AS leg (kind, holder, amount, line) \
         JOIN accounts account ON account.region = $2 AND account.kind = leg.kind AND account.holder = leg.holder",
    )
    .bind(posting.id.uuid())
    .bind(posting.region.as_str())
    .bind(&kinds)
    .bind(&holders)
    .bind(amounts)
    .execute(conn)
    .await?;
    Ok(Posted { transfer: posting.id, legs: entry.legs().len(), opened })
}
