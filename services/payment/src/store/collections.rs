//! `collections`: arrears that desks took, each beside the correction of its bill. Never changed.

use postgres::Error;
use postgres::audit::{self, Entry};
use sqlx::PgConnection;
use types::caller::Party;
use types::ids::BillId;
use types::region::RegionCode;

use crate::domain::correction::Correction;
use crate::domain::desk::Taken;

const TABLE: &str = "collections";

/// Writes what was taken, by whom. The correction is written before.
pub async fn insert(
    conn: &mut PgConnection,
    region: RegionCode,
    bill: BillId,
    correction: &Correction,
    (taken, by): (&Taken, &Party),
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO collections (bill_id, number, region, amount, means, reference, collected_by, collected_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(bill.uuid())
    .bind(correction.number)
    .bind(region.as_str())
    .bind(taken.amount.decimal())
    .bind(taken.means.as_str())
    .bind(&taken.reference)
    .bind(by.to_string())
    .bind(correction.at)
    .execute(conn)
    .await?;
    Ok(())
}

pub fn audited(entry: Entry, bill: BillId, number: i32) -> Entry {
    entry.row(TABLE, audit::id(&[&bill, &number]))
}
