//! A document of rules on its way into force: one officer proposes it, another releases it, and then it never changes. Policies, terms of
//! payment and rule books are such documents.

mod kinds;
#[cfg(test)]
mod tests;
mod wrong;

use std::fmt::{Debug, Display};
use std::hash::Hash;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use types::caller::Party;
use types::region::RegionCode;
use types::scheme::Scheme;
use uuid::Uuid;

use super::error::AdjudicationError;
use super::provider_payment::Shelf;

pub(in crate::domain) use wrong::in_words;

/// What kind of document. Each has its own words on the wire (`grpc/status.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Policy,
    Terms,
    RuleBook,
}

/// What the text of a document says, complete and checked.
pub trait Document: Clone + Debug + Send + Sync + Sized + 'static {
    type Id: Copy + Eq + Hash + Debug + Display + Into<Uuid> + Serialize + DeserializeOwned + Send + Sync + 'static;
    const KIND: Kind;
    /// It takes over from tomorrow at the earliest: what was settled on the days since was judged by the one before, and stays so.
    const IS_NEVER_BACKDATED: bool = false;

    fn id(uuid: Uuid) -> Self::Id;

    /// Reads and checks a text (JSON).
    fn from_text(text: &str) -> Result<Self, AdjudicationError>;

    fn region(&self) -> RegionCode;

    /// Documents of one region and scheme take over from one another.
    fn scheme(&self) -> Option<Scheme>;

    fn effective_from(&self) -> NaiveDate;

    /// The last day, if there is one.
    fn effective_to(&self) -> Option<NaiveDate>;

    /// The day by which care of these days is judged.
    fn judged_date(&self, from: NaiveDate, to: NaiveDate) -> NaiveDate;

    /// Whether the officers of a region may propose it.
    fn is_for(&self, region: RegionCode) -> bool {
        self.region() == region
    }

    /// What it relies on is there.
    fn check(&self, _at_hand: &Shelf) -> Result<(), AdjudicationError> {
        Ok(())
    }

    /// Two documents of one region and scheme may not be in force on the same day.
    fn overlaps(&self, other: &Self) -> bool {
        let ends_before =
            |first: &Self, second: &Self| first.effective_to().is_some_and(|last| last < second.effective_from());
        (self.region(), self.scheme()) == (other.region(), other.scheme())
            && !ends_before(self, other)
            && !ends_before(other, self)
    }

    fn in_force_on(&self, day: NaiveDate) -> bool {
        self.effective_from() <= day && self.effective_to().is_none_or(|last| day <= last)
    }
}

/// A document with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version<D: Document> {
    pub id: D::Id,
    pub content: D,
    /// The text as proposed; the digest is over these bytes.
    pub text: String,
    /// SHA-256, lower-case hexadecimal.
    pub digest: String,
    pub proposed_by: Party,
    pub proposed_at: DateTime<Utc>,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Proposed,
    Released(Release),
    /// A later document took over from its own first day; earlier days are still judged by this one.
    Superseded(Release),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub by: Party,
    pub at: DateTime<Utc>,
}

impl<D: Document> Version<D> {
    /// Four eyes: whoever proposed may not release.
    pub fn release(self, by: Party, at: DateTime<Utc>) -> Result<Self, AdjudicationError> {
        if self.state != State::Proposed {
            return Err(AdjudicationError::DocumentNotProposed(D::KIND, self.id.into()));
        }
        if self.proposed_by == by {
            return Err(AdjudicationError::SamePerson);
        }
        Ok(Self { state: State::Released(Release { by, at }), ..self })
    }

    /// The released documents that this one takes over from on its first day. One that is in force from the same day or a later one is in
    /// the way; so is the past, where the kind is never backdated.
    pub fn superseded(&self, siblings: &[Self], today: NaiveDate) -> Result<Vec<D::Id>, AdjudicationError> {
        let others = siblings.iter().filter(|sibling| sibling.id != self.id && sibling.released().is_some());
        let overlapping: Vec<&Self> = others.filter(|sibling| sibling.content.overlaps(&self.content)).collect();
        let in_force = |sibling: &&&Self| matches!(sibling.state, State::Released(_));
        let first = self.content.effective_from();
        let later = overlapping.iter().filter(in_force).find(|sibling| sibling.content.effective_from() >= first);
        if let Some(later) = later {
            return Err(AdjudicationError::DocumentOverlaps(D::KIND, later.id.into()));
        }
        if D::IS_NEVER_BACKDATED && !overlapping.is_empty() && first <= today {
            return Err(AdjudicationError::PolicyBackdated(first));
        }
        Ok(overlapping.iter().filter(in_force).map(|sibling| sibling.id).collect())
    }

    pub const fn released(&self) -> Option<&Release> {
        match &self.state {
            State::Proposed => None,
            State::Released(release) | State::Superseded(release) => Some(release),
        }
    }
}

/// Of a released document, what never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released<D: Document> {
    pub id: D::Id,
    /// As [`Version::digest`].
    pub digest: String,
    pub content: D,
}

impl<D: Document> From<Version<D>> for Released<D> {
    fn from(version: Version<D>) -> Self {
        Self { id: version.id, digest: version.digest, content: version.content }
    }
}

/// Where in `released`, latest first, the one stands that judges care of these days: the latest that had begun on its own day of judgement,
/// and only while it is in force. One that was superseded does not come back when what took over from it ends.
pub fn judging<'a, D: Document>(
    released: impl IntoIterator<Item = &'a D>,
    from: NaiveDate,
    to: NaiveDate,
) -> Option<usize> {
    let begun = |document: &D| document.effective_from() <= document.judged_date(from, to);
    let (place, latest) = released.into_iter().enumerate().find(|(_, document)| begun(document))?;
    latest.in_force_on(latest.judged_date(from, to)).then_some(place)
}

impl State {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Released(_) => "RELEASED",
            Self::Superseded(_) => "SUPERSEDED",
        }
    }
}
