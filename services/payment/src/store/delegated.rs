//! What is committed of the resident's money under a delegation: the own shares of its bills that are not cancelled.

use postgres::Error;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use types::ids::{BillId, DelegationId};
use types::money::Money;
use types::region::RegionCode;

use super::money;

/// Keeps others from committing under the same delegation until the end of the transaction. Comes after the lock of the bill and
/// before those of credit lines.
pub async fn lock(conn: &mut PgConnection, region: RegionCode, delegation: DelegationId) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO spending_delegations (delegation_id, region) VALUES ($1, $2) \
         ON CONFLICT (delegation_id) DO UPDATE SET delegation_id = excluded.delegation_id",
    )
    .bind(delegation.uuid())
    .bind(region.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// What other bills than this one commit.
pub async fn committed_besides(
    conn: &mut PgConnection,
    delegation: DelegationId,
    bill: BillId,
) -> Result<Money, Error> {
    let committed: Decimal = sqlx::query_scalar(
        "SELECT coalesce(sum(bill_shares.amount), 0) FROM bills JOIN bill_shares ON bill_shares.bill_id = bills.id \
         WHERE bills.delegation_id = $1 AND bills.state <> 'CANCELLED' AND bills.id <> $2 \
           AND bill_shares.payer IN ('CREDIT', 'DESK', 'ARREARS')",
    )
    .bind(delegation.uuid())
    .bind(bill.uuid())
    .fetch_one(conn)
    .await?;
    money("bill_shares", "amount", bill.uuid(), committed)
}
