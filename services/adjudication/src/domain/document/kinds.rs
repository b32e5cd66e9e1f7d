//! What policies, terms of payment and rule books are as documents.

use chrono::NaiveDate;
use types::ids::{PaymentTermsId, PolicyId, RuleBookId};
use types::region::RegionCode;
use types::scheme::Scheme;
use uuid::Uuid;

use super::{Document, Kind};
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::RuleBook;
use crate::domain::policy::Policy;
use crate::domain::provider_payment::{PaymentTerms, Shelf};

fn incomplete(kind: Kind, path: String, problem: &impl ToString) -> AdjudicationError {
    AdjudicationError::DocumentIncomplete { kind, path, problem: problem.to_string() }
}

impl Document for Policy {
    type Id = PolicyId;
    const KIND: Kind = Kind::Policy;
    const IS_NEVER_BACKDATED: bool = true;

    fn id(uuid: Uuid) -> PolicyId {
        PolicyId::from_uuid(uuid)
    }

    fn from_text(text: &str) -> Result<Self, AdjudicationError> {
        Self::read(text).map_err(|error| incomplete(Kind::Policy, error.path, &error.problem))
    }

    fn region(&self) -> RegionCode {
        self.region
    }

    fn scheme(&self) -> Option<Scheme> {
        Some(self.scheme)
    }

    fn effective_from(&self) -> NaiveDate {
        self.effective_from
    }

    fn effective_to(&self) -> Option<NaiveDate> {
        self.effective_to
    }

    fn judged_date(&self, from: NaiveDate, to: NaiveDate) -> NaiveDate {
        Self::judged_date(self, from, to)
    }

    /// A demonstration may be of no real region, where it judges nobody: elsewhere it would take over from what is in force.
    fn is_for(&self, region: RegionCode) -> bool {
        self.region == region || self.demonstration && self.region == RegionCode::DEMONSTRATION
    }
}

impl Document for PaymentTerms {
    type Id = PaymentTermsId;
    const KIND: Kind = Kind::Terms;

    fn id(uuid: Uuid) -> PaymentTermsId {
        PaymentTermsId::from_uuid(uuid)
    }

    fn from_text(text: &str) -> Result<Self, AdjudicationError> {
        Self::read(text).map_err(|error| incomplete(Kind::Terms, error.path, &error.problem))
    }

    fn region(&self) -> RegionCode {
        self.region
    }

    fn scheme(&self) -> Option<Scheme> {
        Some(self.scheme)
    }

    fn effective_from(&self) -> NaiveDate {
        self.effective_from
    }

    fn effective_to(&self) -> Option<NaiveDate> {
        self.effective_to
    }

    fn judged_date(&self, from: NaiveDate, to: NaiveDate) -> NaiveDate {
        Self::judged_date(self, from, to)
    }

    /// The tables it groups by are loaded, and every group of theirs has its weight.
    fn check(&self, at_hand: &Shelf) -> Result<(), AdjudicationError> {
        let missing = self.groupers().into_iter().find(|(_, version)| !at_hand.contains_key(*version));
        if let Some((_, version)) = missing {
            return Err(AdjudicationError::TablesNotLoaded(version.to_owned()));
        }
        self.check_against(at_hand).map_err(|error| incomplete(Kind::Terms, error.path, &error.problem))
    }
}

impl Document for RuleBook {
    type Id = RuleBookId;
    const KIND: Kind = Kind::RuleBook;

    fn id(uuid: Uuid) -> RuleBookId {
        RuleBookId::from_uuid(uuid)
    }

    fn from_text(text: &str) -> Result<Self, AdjudicationError> {
        Self::read(text).map_err(|error| incomplete(Kind::RuleBook, error.path, &error.problem))
    }

    fn region(&self) -> RegionCode {
        self.region
    }

    fn scheme(&self) -> Option<Scheme> {
        None
    }

    fn effective_from(&self) -> NaiveDate {
        self.effective_from
    }

    fn effective_to(&self) -> Option<NaiveDate> {
        None
    }

    fn judged_date(&self, _from: NaiveDate, to: NaiveDate) -> NaiveDate {
        to
    }

    /// Each is in force until the next begins: only the first day must be its own.
    fn overlaps(&self, other: &Self) -> bool {
        (self.region, self.effective_from) == (other.region, other.effective_from)
    }
}
