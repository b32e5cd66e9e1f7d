//! What payment remembers: one table per file, but the ledger, whose three tables are written together. Never begins or commits.

pub mod bank_orders;
pub mod bill_ids;
pub mod bills;
pub mod captures;
pub mod credit_lines;
pub mod delegated;
pub mod ledger;
pub mod receipts;

use postgres::Error;
use rust_decimal::Decimal;
use types::money::Money;
use uuid::Uuid;

/// An amount as a row has it.
fn money(table: &'static str, column: &'static str, row: Uuid, amount: Decimal) -> Result<Money, Error> {
    Money::from_decimal(amount).map_err(|_| Error::row_invalid(table, column, row))
}
