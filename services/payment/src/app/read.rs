//! Reads, each recorded: who looked at whose money.

use chassis::{Context, Guarded, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use serde::{Deserialize, Serialize};
use types::ids::{BillId, CreditLineId, OrganisationId, ReceiptId, ResidentId};
use uuid::Uuid;

use super::{App, receipts, record};
use crate::domain::bill::Bill;
use crate::domain::credit_line::{CreditLine, State};
use crate::domain::error::PaymentError;
use crate::domain::receipt::Receipt;
use crate::store::{bills, credit_lines};

/// Whose bills are listed.
#[derive(Debug, Clone, Copy)]
pub enum BillFilter {
    Resident(ResidentId),
    Payee(OrganisationId),
}

impl Guarded for BillFilter {
    fn resident(&self) -> Option<ResidentId> {
        match self {
            Self::Resident(resident) => Some(*resident),
            Self::Payee(_) => None,
        }
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        match self {
            Self::Resident(_) => Vec::new(),
            Self::Payee(payee) => vec![*payee],
        }
    }
}

/// The last bill of a page.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct BillKey(pub Uuid);

impl App {
    pub async fn get_bill(&self, ctx: &Context, id: BillId) -> Result<Permitted<Bill>, PaymentError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let bill = bills::find(&mut tx, id).await?.ok_or(PaymentError::BillNotFound)?;
        let bill = ctx.permit(bill)?;
        audit::record(&mut tx, record::entry(&ctx.caller, "payment.bill.read", &bill)).await?;
        tx.commit().await?;
        Ok(bill)
    }

    /// Bills, newest first.
    pub async fn list_bills(
        &self,
        ctx: &Context,
        filter: BillFilter,
        page: &PageRequest<BillKey>,
    ) -> Result<Page<Permitted<Bill>>, PaymentError> {
        let filter = ctx.permit(filter)?;
        let (resident, payee) = match *filter {
            BillFilter::Resident(resident) => (Some(resident), None),
            BillFilter::Payee(payee) => (None, Some(payee)),
        };
        let after = page.after().map(|key| key.0);
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = bills::list(&mut tx, resident, payee, after, page.limit()).await?;
        let found = page.page(found, |bill| BillKey(bill.id.uuid()))?;
        if !found.items.is_empty() {
            let entry = Entry::new(&ctx.caller, "payment.bill.list");
            let entry = resident.into_iter().fold(entry, Entry::resident);
            audit::record(&mut tx, found.items.iter().fold(entry, record::with_bill)).await?;
        }
        tx.commit().await?;
        Ok(Page { items: ctx.only_permitted(found.items), next_page_token: found.next_page_token })
    }

    pub async fn get_receipt(&self, ctx: &Context, id: ReceiptId) -> Result<Permitted<Receipt>, PaymentError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let receipt = receipts::load(&mut tx, id).await?;
        let receipt = ctx.permit(receipt)?;
        let entry = Entry::new(&ctx.caller, "payment.receipt.read").resident(receipt.resident);
        audit::record(&mut tx, receipts::with_hash(entry, &receipt)).await?;
        tx.commit().await?;
        Ok(receipt)
    }

    /// The line, and how it can be used now.
    pub async fn get_credit_line(
        &self,
        ctx: &Context,
        id: CreditLineId,
    ) -> Result<(Permitted<CreditLine>, State), PaymentError> {
        self.may_act(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let line = credit_lines::find(&mut tx, id).await?.ok_or(PaymentError::CreditLineNotFound)?;
        let line = ctx.permit(line)?;
        let entry = Entry::new(&ctx.caller, "payment.credit_line.read").resident(line.resident);
        audit::record(&mut tx, record::with_line(entry, &line)).await?;
        tx.commit().await?;
        let state = line.state(self.now());
        Ok((line, state))
    }
}
