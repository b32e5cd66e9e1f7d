//! Terms of payment on their way into force, and reading them.

use chassis::Context;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::paging::{Page, PageRequest};
use postgres::{Begun, Call, Reply, Scope};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use types::ids::PaymentTermsId;
use types::{care::CareKind, money::Money, tier::Tier};

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::provider_payment::PaymentTerms;
use crate::domain::provider_payment::capitation::Heads;
use crate::domain::provider_payment::release::TermsVersion;
use crate::domain::release::State;
use crate::store::payment_terms;

/// A document to propose.
#[derive(Debug, Clone)]
pub struct ProposeTerms {
    pub id: PaymentTermsId,
    pub document: String,
}

/// Heads that a provider is to be paid for.
#[derive(Debug, Clone)]
pub struct ExpectCapitation {
    pub terms: PaymentTermsId,
    pub kind: CareKind,
    pub tier: Tier,
    pub heads: Vec<Heads>,
}

/// The terms of the caller's region, newest first.
#[derive(Debug)]
pub struct ListTerms {
    pub page: PageRequest<PaymentTermsId>,
}

impl App {
    /// Proposes terms of the caller's own region. Not in force until another officer releases them.
    pub async fn propose_terms(
        &self,
        ctx: &Context,
        call: &Call<TermsVersion>,
        proposal: ProposeTerms,
    ) -> Result<Reply<TermsVersion>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let terms = PaymentTerms::read(&proposal.document)?;
        if terms.region != ctx.caller.region {
            return Err(AdjudicationError::ForeignRegion(terms.region.to_string()));
        }
        let at_hand = self.groupers.shelf();
        let missing = terms.groupers().into_iter().find(|(_, version)| !at_hand.contains_key(*version));
        if let Some((_, version)) = missing {
            return Err(AdjudicationError::TablesNotLoaded(version.to_owned()));
        }
        terms.check_against(&at_hand)?;
        let version = TermsVersion {
            id: proposal.id,
            digest: hex::encode(Sha256::digest(proposal.document.as_bytes())),
            terms,
            document: proposal.document,
            proposed_by: ctx.caller.acting().clone(),
            proposed_at: self.clock.now(),
            state: State::Proposed,
        };

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        payment_terms::insert(&mut tx, &version).await.map_err(|error| match error.constraint() {
            Some("payment_terms_pkey" | "payment_terms_same_document") => AdjudicationError::TermsExist,
            _ => error.into(),
        })?;
        let entry = Entry::new(&ctx.caller, "adjudication.terms.propose").row("payment_terms", version.id);
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, version).await?)
    }

    /// Puts proposed terms into force. From their first day on they take over from those before.
    pub async fn release_terms(
        &self,
        ctx: &Context,
        call: &Call<TermsVersion>,
        id: PaymentTermsId,
    ) -> Result<Reply<TermsVersion>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let proposed = payment_terms::find(&mut tx, id).await?.ok_or(AdjudicationError::TermsNotFound(id))?;
        let siblings = payment_terms::lock_siblings(&mut tx, proposed.terms.region, proposed.terms.scheme).await?;
        // Read again: they may have been released while their siblings were being locked.
        let proposed =
            siblings.iter().find(|sibling| sibling.id == id).cloned().ok_or(AdjudicationError::TermsNotFound(id))?;
        let version = proposed.release(ctx.caller.acting().clone(), self.clock.now())?;
        let superseded = version.superseded(siblings.iter())?;

        if let Some(release) = version.released() {
            payment_terms::release(&mut tx, id, release, &superseded).await?;
        }
        let data = json!({ "terms_id": id });
        let released = NewEvent::new("anjia.adjudication.terms.released.v1", id, data, self.clock.now());
        events::append(&mut tx, released.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "adjudication.terms.release").row("payment_terms", id);
        let entry = superseded.iter().fold(entry, |entry, before| entry.row("payment_terms", before));
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, version).await?)
    }

    /// What is due for heads in a year by these terms, of their share of a mixture.
    pub async fn expect_capitation(&self, ctx: &Context, asked: ExpectCapitation) -> Result<Money, AdjudicationError> {
        let version = self.terms(ctx, asked.terms).await?;
        let found = version.terms.capitation(asked.kind, asked.tier);
        let (share, terms, path) = found.ok_or(AdjudicationError::NotCapitated(asked.terms))?;
        Ok(share.of_half_up(terms.due_for_year(&asked.heads, &path)?))
    }

    /// One document of terms.
    pub async fn terms(&self, ctx: &Context, id: PaymentTermsId) -> Result<TermsVersion, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let version = payment_terms::find(&mut tx, id).await?.ok_or(AdjudicationError::TermsNotFound(id))?;
        tx.commit().await?;
        Ok(version)
    }

    pub async fn list_terms(&self, ctx: &Context, list: ListTerms) -> Result<Page<TermsVersion>, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows =
            payment_terms::list(&mut tx, ctx.caller.region, list.page.after().copied(), list.page.limit()).await?;
        tx.commit().await?;
        Ok(list.page.page(rows, |version| version.id)?)
    }
}
