//! Withholds of what the funds pay a provider what audit rules question, until a reviewer has decided: then it is paid, or the funds
//! have it back. The patient's settlement is never touched.

use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::consumer::{Advanced, Failure, Inbox};
use postgres::{Scope, Transaction};
use types::ids::BillId;
use types::region::RegionCode;

use super::follow_settlement::{captured, failure, post};
use super::{App, record};
use crate::domain::bill::Bill;
use crate::domain::error::PaymentError;
use crate::domain::journal::{self, Parties, Purpose};
use crate::domain::withholding::{Withheld, Withholding};
use crate::store::ledger::{self, Posted};
use crate::store::withholdings;

impl App {
    /// Follows a finding: what is withheld of its bill becomes what all of them say. Told again, or too late, it has no effect.
    pub async fn follow_finding(
        &self,
        inbox: Inbox,
        region: RegionCode,
        (bill, told): (BillId, Withholding),
        (position, told_at): (i64, DateTime<Utc>),
    ) -> Result<Advanced, Failure> {
        let mut tx = inbox.begin(Scope::Region(region)).await?;
        let Some(bill) = captured(&mut tx, bill).await? else {
            tracing::warn!(finding = %told.finding, "a finding about no bill of ours");
            return Ok(inbox.commit(tx).await?);
        };
        if withholdings::put(&mut tx, region, bill.id, &told, (position, told_at)).await? {
            let posted = follow(&mut tx, &bill, self.now()).await.map_err(failure)?;
            let entry = Entry::by_service(record::SERVICE, "payment.provider.withhold").resident(bill.resident);
            let entry = withholdings::audited(entry, told.finding);
            audit::record(&mut tx, posted.iter().fold(entry, ledger::audited)).await?;
        }
        Ok(inbox.commit(tx).await?)
    }
}

/// Posts the difference between what is withheld of a locked bill and what its findings come to on its present shares.
pub(super) async fn follow(
    tx: &mut Transaction,
    bill: &Bill,
    now: DateTime<Utc>,
) -> Result<Option<Posted>, PaymentError> {
    let (withheld, cut) = withholdings::told(tx, bill.id).await?;
    let (before, times) = withholdings::posted(tx, bill.id).await?;
    let after = Withheld::of(bill.present_shares(), withheld, cut);
    let parties = Parties { region: tx.region()?, resident: bill.resident, payee: bill.payee };
    match journal::provider_withheld(parties, &before, &after)? {
        Some(entry) => Ok(Some(post(tx, None, bill, (Purpose::ProviderWithheld, times + 1), &entry, now).await?)),
        None => Ok(None),
    }
}
