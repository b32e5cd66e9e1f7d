//! Enumerations that several contracts share. The zero value means "not said" and is refused on input.

use types::care::CareKind;
use types::identifier::IdentifierKind;
use types::scheme::Scheme;
use types::tier::Tier;

use super::FieldError;
use crate::anjia::common::v1 as wire;

macro_rules! word {
    ($(#[$doc:meta])* $parse:ident, $optional:ident, $encode:ident, $own:ty, $wire:ty, { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        pub fn $parse(field: &str, value: i32) -> Result<$own, FieldError> {
            $optional(field, value)?.ok_or_else(|| FieldError::new(field, "is required"))
        }

        /// The same where it may be left unspecified.
        pub fn $optional(field: &str, value: i32) -> Result<Option<$own>, FieldError> {
            match <$wire>::try_from(value) {
                Ok(<$wire>::Unspecified) => Ok(None),
                $(Ok(<$wire>::$variant) => Ok(Some(<$own>::$variant)),)+
                Err(_) => Err(FieldError::new(field, "is not a value of this enumeration")),
            }
        }

        /// The same word on the wire.
        pub fn $encode(value: $own) -> i32 {
            match value {
                $(<$own>::$variant => <$wire>::$variant.into(),)+
            }
        }
    };
}

word!(
    /// A tier that must be said.
    tier, optional_tier, to_tier, Tier, wire::Tier, { Community, District, Tertiary }
);
word!(
    /// A kind of care that must be said.
    care_kind, optional_care_kind, to_care_kind, CareKind, wire::CareKind,
    { Outpatient, Inpatient, Emergency, Chronic, Pharmacy, Teleconsult, Exam, Checkup, Vaccination }
);
word!(
    /// A scheme that must be said.
    scheme, optional_scheme, to_scheme, Scheme, wire::Scheme, { Employee, Resident }
);
word!(
    /// A kind of document that must be said.
    identifier_kind, optional_identifier_kind, to_identifier_kind, IdentifierKind, wire::IdentifierKind,
    { IdCard, ResidencePermit, PermanentResidentCard, Passport, ElectronicCredential }
);
