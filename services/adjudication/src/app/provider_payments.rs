//! What providers may expect to be paid, read by those whom it concerns; and grouping without remembering.

use std::sync::Arc;

use chassis::{Context, Guarded, Permitted};
use drg::{Record, Tables};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::ids::{OrganisationId, ResidentId, SettlementId};

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::provider_payment::payment::ProviderPayment;
use crate::store::provider_payments;

/// A provider's payments, newest first.
#[derive(Debug)]
pub struct ListProviderPayments {
    pub provider: OrganisationId,
    pub page: PageRequest<SettlementId>,
}

/// A record to be grouped by one version of the tables.
#[derive(Debug, Clone)]
pub struct GroupRecord {
    pub version: String,
    pub record: Record,
}

/// Whose payments are listed: as a whole it is permitted, or not.
#[derive(Debug, Clone, Copy)]
struct Whose(OrganisationId);

impl Guarded for Whose {
    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.0]
    }
}

impl App {
    /// The payment expected for a settlement.
    pub async fn provider_payment(
        &self,
        ctx: &Context,
        id: SettlementId,
    ) -> Result<Permitted<ProviderPayment>, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = provider_payments::find(&mut tx, id).await?;
        let found = found.ok_or(AdjudicationError::ProviderPaymentNotFound(id))?;
        let payment = ctx.permit(found.at(self.clock.now()))?;
        let entry = Entry::new(&ctx.caller, "adjudication.payment.read").resident(payment.resident);
        audit::record(&mut tx, provider_payments::audited(entry, &payment)?).await?;
        tx.commit().await?;
        Ok(payment)
    }

    /// A page of what a provider may expect.
    pub async fn provider_payments(
        &self,
        ctx: &Context,
        list: ListProviderPayments,
    ) -> Result<Page<Permitted<ProviderPayment>>, AdjudicationError> {
        ctx.permit(Whose(list.provider))?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows =
            provider_payments::list(&mut tx, list.provider, list.page.after().copied(), list.page.limit()).await?;
        let page = list.page.page(rows, |payment| payment.settlement)?;
        let now = self.clock.now();
        let payments = ctx.permit_all(page.items.into_iter().map(|payment| payment.at(now)).collect())?;
        // Each row is about another person: an entry for each of them.
        for payment in &payments {
            let entry = Entry::new(&ctx.caller, "adjudication.payment.read").resident(payment.resident);
            audit::record(&mut tx, provider_payments::audited(entry, payment)?).await?;
        }
        tx.commit().await?;
        Ok(Page { items: payments, next_page_token: page.next_page_token })
    }

    /// The tables of a version, as they are at hand now.
    pub fn tables(&self, version: &str) -> Result<Arc<Tables>, AdjudicationError> {
        let at_hand = self.groupers.shelf();
        at_hand.get(version).cloned().ok_or_else(|| AdjudicationError::TablesNotLoaded(version.to_owned()))
    }
}
