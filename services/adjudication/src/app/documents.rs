//! Documents on their way into force, reading them, and those at hand: policies, terms of payment and rule books alike.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chassis::Context;
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::paging::{Page, PageRequest};
use postgres::{Begun, Call, Error, Reply, Scope};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use types::clock::local_date;

use super::App;
use crate::domain::document::{self, Document, Kind, Released, State, Version};
use crate::domain::error::AdjudicationError;
use crate::store::documents::{self, Stored};

/// As many documents of a kind as are kept read.
const KEPT: usize = 64;

/// A document to propose.
#[derive(Debug, Clone)]
pub struct Propose<D: Document> {
    pub id: D::Id,
    pub text: String,
}

/// The actions of a kind as the audit names them, and the event of a release with the field that has the id.
struct Words {
    propose: &'static str,
    release: &'static str,
    released: Option<(&'static str, &'static str)>,
}

const fn words(kind: Kind) -> Words {
    match kind {
        Kind::Policy => Words {
            propose: "adjudication.policy.propose",
            release: "adjudication.policy.release",
            released: Some(("anjia.adjudication.policy.released.v1", "policy_id")),
        },
        Kind::Terms => Words {
            propose: "adjudication.terms.propose",
            release: "adjudication.terms.release",
            released: Some(("anjia.adjudication.terms.released.v1", "terms_id")),
        },
        Kind::RuleBook => Words {
            propose: "adjudication.rule_book.propose",
            release: "adjudication.rule_book.release",
            released: None,
        },
    }
}

impl App {
    /// Proposes a document of the caller's own region. Not in force until another officer releases it.
    pub async fn propose<D: Stored>(
        &self,
        ctx: &Context,
        call: &Call<Version<D>>,
        proposal: Propose<D>,
    ) -> Result<Reply<Version<D>>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let content = D::from_text(&proposal.text)?;
        if !content.is_for(ctx.caller.region) {
            return Err(AdjudicationError::ForeignRegion(content.region().to_string()));
        }
        content.check(&self.groupers.shelf())?;
        let version = Version {
            id: proposal.id,
            digest: hex::encode(Sha256::digest(proposal.text.as_bytes())),
            content,
            text: proposal.text,
            proposed_by: ctx.caller.acting().clone(),
            proposed_at: self.clock.now(),
            state: State::Proposed,
        };
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        documents::insert(&mut tx, &version).await.map_err(|error| match error.constraint() {
            Some(constraint) if D::UNIQUE.contains(&constraint) => AdjudicationError::DocumentExists(D::KIND),
            _ => error.into(),
        })?;
        let entry = Entry::new(&ctx.caller, words(D::KIND).propose).row(D::TABLE, version.id);
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, version).await?)
    }

    /// Puts a proposed document into force. From its first day on it takes over from the one before.
    pub async fn release<D: Stored>(
        &self,
        ctx: &Context,
        call: &Call<Version<D>>,
        id: D::Id,
    ) -> Result<Reply<Version<D>>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let proposed: Version<D> = documents::find(&mut tx, id).await?.ok_or_else(|| not_found::<D>(id))?;
        let siblings = documents::lock_siblings(&mut tx, &proposed.content).await?;
        // Read again: it may have been released while its siblings were being locked.
        let proposed = siblings.iter().find(|sibling| sibling.id == id).cloned().ok_or_else(|| not_found::<D>(id))?;
        let now = self.clock.now();
        let version = proposed.release(ctx.caller.acting().clone(), now)?;
        let superseded = version.superseded(&siblings, local_date(now))?;
        if let Some(release) = version.released() {
            documents::release::<D>(&mut tx, id, release, &superseded).await?;
        }
        let words = words(D::KIND);
        if let Some((event, field)) = words.released {
            let told = NewEvent::new(event, id, json!({ field: id }), now);
            events::append(&mut tx, told.traceparent(ctx.traceparent())).await?;
        }
        let entry = Entry::new(&ctx.caller, words.release).row(D::TABLE, id);
        let entry = superseded.iter().fold(entry, |entry, before| entry.row(D::TABLE, before));
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, version).await?)
    }

    /// One document.
    pub async fn document<D: Stored>(&self, ctx: &Context, id: D::Id) -> Result<Version<D>, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let version = documents::find(&mut tx, id).await?.ok_or_else(|| not_found::<D>(id))?;
        tx.commit().await?;
        Ok(version)
    }

    /// A page of the documents of the caller's region, newest first.
    pub async fn documents<D: Stored>(
        &self,
        ctx: &Context,
        page: PageRequest<D::Id>,
    ) -> Result<Page<Version<D>>, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = documents::list(&mut tx, ctx.caller.region, page.after().copied(), page.limit()).await?;
        tx.commit().await?;
        Ok(page.page(rows, |version: &Version<D>| version.id)?)
    }
}

fn not_found<D: Document>(id: D::Id) -> AdjudicationError {
    AdjudicationError::DocumentNotFound(D::KIND, id.into())
}

type ById<D> = HashMap<<D as Document>::Id, Arc<Released<D>>>;

/// Documents as they were read, by their ids. What is here is never stale: of a released document nothing of it changes. Cheap to clone.
#[derive(Debug)]
pub struct AtHand<D: Document>(Arc<RwLock<ById<D>>>);

impl<D: Document> Default for AtHand<D> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<D: Document> Clone for AtHand<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Stored> AtHand<D> {
    /// One that was released, as the caller's transaction has seen.
    pub(super) async fn get(&self, conn: &mut PgConnection, id: D::Id) -> Result<Arc<Released<D>>, Error> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Arc::clone(known));
        }
        let version: Option<Version<D>> = documents::find(conn, id).await?;
        let read = Arc::new(Released::from(version.ok_or_else(|| Error::row_invalid(D::TABLE, "id", id))?));
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(id, Arc::clone(&read));
        Ok(read)
    }

    /// The one of these, latest first, that judges care of these days.
    pub(super) async fn judging(
        &self,
        conn: &mut PgConnection,
        released: &[D::Id],
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<Option<Arc<Released<D>>>, Error> {
        let mut read = Vec::with_capacity(released.len());
        for id in released {
            read.push(self.get(&mut *conn, *id).await?);
        }
        let place = document::judging(read.iter().map(|document| &document.content), from, to);
        Ok(place.and_then(|place| read.into_iter().nth(place)))
    }
}
