//! Audit rules on their way into force.

use chassis::Context;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use sha2::{Digest as _, Sha256};
use types::ids::RuleBookId;

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::RuleBook;
use crate::domain::rule_book::{RuleBookVersion, State};
use crate::store::rule_books;

/// A document to propose.
#[derive(Debug, Clone)]
pub struct ProposeRuleBook {
    pub id: RuleBookId,
    pub document: String,
}

impl App {
    /// Proposes the audit rules of the caller's own region. Not in force until another officer releases them.
    pub async fn propose_rule_book(
        &self,
        ctx: &Context,
        call: &Call<RuleBookVersion>,
        proposal: ProposeRuleBook,
    ) -> Result<Reply<RuleBookVersion>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let book = RuleBook::read(&proposal.document)?;
        if book.region != ctx.caller.region {
            return Err(AdjudicationError::ForeignRegion(book.region.to_string()));
        }
        let version = RuleBookVersion {
            id: proposal.id,
            digest: hex::encode(Sha256::digest(proposal.document.as_bytes())),
            book,
            document: proposal.document,
            proposed_by: ctx.caller.acting().clone(),
            proposed_at: self.clock.now(),
            state: State::Proposed,
        };
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        rule_books::insert(&mut tx, &version).await.map_err(|error| match error.constraint() {
            Some("rule_books_pkey" | "rule_books_same_document") => AdjudicationError::RuleBookExists,
            _ => error.into(),
        })?;
        let entry = Entry::new(&ctx.caller, "adjudication.rule_book.propose").row("rule_books", version.id);
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, version).await?)
    }

    /// Puts proposed rules into force from their first day on.
    pub async fn release_rule_book(
        &self,
        ctx: &Context,
        call: &Call<RuleBookVersion>,
        id: RuleBookId,
    ) -> Result<Reply<RuleBookVersion>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let proposed = rule_books::lock(&mut tx, id).await?.ok_or(AdjudicationError::RuleBookNotFound(id))?;
        let (by, now) = (ctx.caller.acting().clone(), self.clock.now());
        let version = proposed.release(by.clone(), now)?;
        rule_books::release(&mut tx, id, &by, now).await.map_err(|error| match error.constraint() {
            Some("rule_books_in_force") => AdjudicationError::RuleBookOverlaps(id),
            _ => error.into(),
        })?;
        let entry = Entry::new(&ctx.caller, "adjudication.rule_book.release").row("rule_books", id);
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, version).await?)
    }
}
