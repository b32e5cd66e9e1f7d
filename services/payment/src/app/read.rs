//! Reads, each recorded: who looked at whose money.

use chassis::{Context, Guarded, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::caller::Role;
use types::ids::{BillId, CreditLineId, OrganisationId, PayoutId, ReceiptId, ResidentId};

use super::{App, receipts, record};
use crate::domain::bill::Bill;
use crate::domain::credit_line::{CreditLine, State};
use crate::domain::desk::Payout;
use crate::domain::error::PaymentError;
use crate::domain::receipt::Receipt;
use crate::store::{bills, credit_lines, payouts};

pub use crate::store::{ListKey, Whose};

impl Guarded for Whose {
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

impl App {
    pub async fn get_bill(&self, ctx: &Context, id: BillId) -> Result<Permitted<Bill>, PaymentError> {
        self.may_view(ctx).await?;
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
        whose: Whose,
        page: &PageRequest<ListKey>,
    ) -> Result<Page<Permitted<Bill>>, PaymentError> {
        let whose = ctx.permit(whose)?.into_inner();
        self.may_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = bills::list(&mut tx, whose, page.after().copied(), page.limit()).await?;
        let found = page.page(found, |bill| (bill.opened_at, bill.id.uuid()))?;
        let items = ctx.only_permitted(found.items);
        // An entry each: whoever asks who looked at somebody's bills finds them by the resident, also those of a payee's list.
        let entries = items.iter().map(|bill| record::entry(&ctx.caller, "payment.bill.list", bill));
        audit::record_all(&mut tx, entries.collect()).await?;
        tx.commit().await?;
        Ok(Page { items, next_page_token: found.next_page_token })
    }

    pub async fn get_payout(&self, ctx: &Context, id: PayoutId) -> Result<Permitted<Payout>, PaymentError> {
        self.may_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let payout = payouts::find(&mut tx, id).await?.ok_or(PaymentError::PayoutNotFound)?;
        let payout = ctx.permit(payout)?;
        let entry = Entry::new(&ctx.caller, "payment.payout.read").resident(payout.resident);
        audit::record(&mut tx, payouts::audited(entry, payout.id)).await?;
        tx.commit().await?;
        Ok(payout)
    }

    /// Payouts, newest first. Who supervises desks looks through what one of them gave, not through what a person got.
    pub async fn list_payouts(
        &self,
        ctx: &Context,
        whose: Whose,
        page: &PageRequest<ListKey>,
    ) -> Result<Page<Permitted<Payout>>, PaymentError> {
        let whose = ctx.permit(whose)?.into_inner();
        if whose.resident().is_some() && ctx.caller.has(&Role::Auditor) {
            return Err(PaymentError::OutsideScope);
        }
        self.may_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = payouts::list(&mut tx, whose, page.after().copied(), page.limit()).await?;
        let found = page.page(found, |payout| (payout.opened_at, payout.id.uuid()))?;
        let items = ctx.only_permitted(found.items);
        let entry = |payout: &Payout| {
            let entry = Entry::new(&ctx.caller, "payment.payout.list").resident(payout.resident);
            payouts::audited(entry, payout.id)
        };
        audit::record_all(&mut tx, items.iter().map(|payout| entry(payout)).collect()).await?;
        tx.commit().await?;
        Ok(Page { items, next_page_token: found.next_page_token })
    }

    pub async fn get_receipt(&self, ctx: &Context, id: ReceiptId) -> Result<Permitted<Receipt>, PaymentError> {
        self.may_view(ctx).await?;
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
