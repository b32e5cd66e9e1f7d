//! Shares as rows have them, of bills and of their corrections.

use postgres::Error;
use rust_decimal::Decimal;
use types::ids::CreditLineId;
use uuid::Uuid;

use super::money;
use crate::domain::shares::{Payer, Share};

/// Payers, amounts and credit lines, in the order of their lines.
pub(super) type Columns<T> = (Vec<T>, Vec<Decimal>, Vec<Option<Uuid>>);

pub(super) fn read(
    table: &'static str,
    bill: Uuid,
    (payers, amounts, lines): Columns<String>,
) -> Result<Vec<Share>, Error> {
    let rows = payers.iter().zip(amounts).zip(lines);
    rows.map(|((payer, amount), line)| {
        let payer = payer_of(payer, line).ok_or_else(|| Error::row_invalid(table, "payer", bill))?;
        Ok(Share { payer, amount: money(table, "amount", bill, amount)? })
    })
    .collect()
}

pub(super) fn columns(shares: &[Share]) -> Columns<&'static str> {
    let payers = shares.iter().map(|share| share.payer.as_str()).collect();
    let amounts = shares.iter().map(|share| share.amount.decimal()).collect();
    (payers, amounts, shares.iter().map(|share| share.payer.credit_line().map(CreditLineId::uuid)).collect())
}

pub(super) fn payer_of(word: &str, line: Option<Uuid>) -> Option<Payer> {
    match (word, line) {
        ("POOLED_FUND", None) => Some(Payer::PooledFund),
        ("LARGE_AMOUNT_FUND", None) => Some(Payer::LargeAmountFund),
        ("CRITICAL_ILLNESS_FUND", None) => Some(Payer::CriticalIllnessFund),
        ("ASSISTANCE_FUND", None) => Some(Payer::AssistanceFund),
        ("TOP_UP", None) => Some(Payer::TopUp),
        ("VOUCHER", None) => Some(Payer::Voucher),
        ("PERSONAL_ACCOUNT", None) => Some(Payer::PersonalAccount),
        ("MUTUAL_AID", None) => Some(Payer::MutualAid),
        ("CREDIT", Some(line)) => Some(Payer::Credit(CreditLineId::from_uuid(line))),
        ("DESK", None) => Some(Payer::Desk),
        ("ARREARS", None) => Some(Payer::Arrears),
        _ => None,
    }
}
