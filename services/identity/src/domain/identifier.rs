//! Documents of residents: which hold, which find their holder.

use chrono::{DateTime, NaiveDate, Utc};
use proto::convert::FieldError;
use types::identifier::{Identifier, IdentifierKind};
use types::ids::{IdentifierId, OrganisationId, ResidentId};
use types::region::RegionCode;

use super::resident::Resident;

/// A document as it was added to a resident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub id: IdentifierId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub identifier: Identifier,
    pub validity: Validity,
    /// How it was verified.
    pub evidence: String,
    /// Organisation that saw it.
    pub adder: Option<OrganisationId>,
    pub added_at: DateTime<Utc>,
    pub withdrawn: Option<Withdrawal>,
}

/// What anybody is shown of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownDocument {
    pub id: IdentifierId,
    pub kind: IdentifierKind,
    pub masked_number: String,
    pub country: String,
    pub validity: Validity,
    pub added_at: DateTime<Utc>,
    pub withdrawn: Option<Withdrawal>,
}

/// Days on which a document is valid, both included; open where none is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    pub from: Option<NaiveDate>,
    pub until: Option<NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    pub at: DateTime<Utc>,
    pub reason: String,
}

impl Validity {
    pub fn check(self) -> Result<Self, FieldError> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if until < from => {
                Err(FieldError::new("valid_until", "must not be before valid_from"))
            }
            _ => Ok(self),
        }
    }

    pub fn covers(self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

impl Document {
    /// The document a resident is registered with.
    pub fn first(id: IdentifierId, identifier: Identifier, validity: Validity, resident: &Resident) -> Self {
        Self {
            id,
            region: resident.region,
            resident: resident.id,
            identifier,
            validity,
            evidence: "REGISTRATION".to_owned(),
            adder: resident.registrar,
            added_at: resident.registered_at,
            withdrawn: None,
        }
    }

    pub fn holds(&self) -> bool {
        self.withdrawn.is_none()
    }

    /// Numbered by GB 11643.
    pub fn is_national(&self) -> bool {
        matches!(self.identifier, Identifier::National(_))
    }

    /// Takes it back. The first time counts.
    #[must_use]
    pub fn withdraw(self, withdrawal: Withdrawal) -> Self {
        Self { withdrawn: self.withdrawn.or(Some(withdrawal)), ..self }
    }

    pub fn shown(&self) -> ShownDocument {
        ShownDocument {
            id: self.id,
            kind: self.identifier.kind(),
            masked_number: self.identifier.masked(),
            country: self.identifier.country().unwrap_or_default().to_owned(),
            validity: self.validity,
            added_at: self.added_at,
            withdrawn: self.withdrawn.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(2026, 1, day)
    }

    #[test]
    fn id_01_a_document_is_valid_on_its_first_and_last_day() {
        let validity = Validity { from: day(2), until: day(3) };
        let covered: Vec<bool> = (1..=4).filter_map(day).map(|day| validity.covers(day)).collect();
        assert_eq!(covered, [false, true, true, false]);
        assert!(Validity::default().covers(NaiveDate::MIN));
        assert_eq!(Validity { from: day(3), until: day(2) }.check().unwrap_err().field, "valid_until");
    }
}
