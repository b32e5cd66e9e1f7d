//! Organisations and their departments.

use chrono::{DateTime, Utc};
use proto::convert::FieldError;
use types::credit_code::CreditCode;
use types::ids::{DepartmentId, OrganisationId};
use types::place::Place;
use types::region::RegionCode;
use types::tier::Tier;

use super::designation::Designation;
use super::word::words;

words! {
    /// What an organisation is.
    Kind {
        Provider = "PROVIDER",
        Insurer = "INSURER",
        Bank = "BANK",
        Committee = "COMMITTEE",
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Organisation {
    pub id: OrganisationId,
    /// The tenant that registered it.
    pub region: RegionCode,
    pub kind: Kind,
    pub name: String,
    pub credit_code: CreditCode,
    /// Providers have one, nobody else.
    pub tier: Option<Tier>,
    /// Where it stands.
    pub region_code: RegionCode,
    pub place: Option<Place>,
    pub alliance: String,
    /// Those good on the day it was read for.
    pub designations: Vec<Designation>,
    pub departments: Vec<Department>,
    pub registered_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    pub id: DepartmentId,
    pub code: String,
    pub name: String,
    /// ICD-10 prefixes.
    pub capabilities: Vec<String>,
}

/// Which organisations a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub kind: Option<Kind>,
    pub tier: Option<Tier>,
    /// An ICD-10 code that some department covers.
    pub capability: Option<String>,
}

impl Organisation {
    /// Tier, place and departments are a provider's; a provider has a tier and a place.
    pub fn check(&self) -> Result<(), FieldError> {
        let wrong = |field: &str, text: &str| Err(FieldError::new(format!("organisation.{field}"), text));
        if self.kind == Kind::Provider {
            if self.tier.is_none() {
                return wrong("tier", "is required of a provider");
            }
            if self.place.is_none() {
                return wrong("place", "is required of a provider");
            }
        } else {
            if self.tier.is_some() {
                return wrong("tier", "only providers have one");
            }
            if !self.designations.is_empty() {
                return wrong("designated_from", "only providers are designated");
            }
            if !self.departments.is_empty() {
                return wrong("departments", "only providers have them");
            }
        }
        Ok(())
    }
}

/// An ICD-10 chapter, category or code, or the beginning of one: `I`, `I25`, `I25.103`.
pub fn is_icd10_prefix(text: &str) -> bool {
    let mut characters = text.chars();
    text.len() <= 10
        && characters.next().is_some_and(|first| first.is_ascii_uppercase())
        && characters.all(|next| next.is_ascii_digit() || next.is_ascii_uppercase() || next == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clinic() -> Organisation {
        Organisation {
            id: OrganisationId::generate(),
            region: RegionCode::BEIJING,
            kind: Kind::Provider,
            name: "展览路社区卫生服务中心".to_owned(),
            credit_code: CreditCode::parse("91110000600037341L").unwrap(),
            tier: Some(Tier::Community),
            region_code: RegionCode::BEIJING,
            place: Some(Place { latitude: 39.9, longitude: 116.3 }),
            alliance: String::new(),
            designations: vec![],
            departments: vec![],
            registered_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn id_02_only_a_provider_has_a_tier() {
        assert_eq!(clinic().check(), Ok(()));
        let field = |organisation: Organisation| organisation.check().unwrap_err().field;
        assert_eq!(field(Organisation { tier: None, ..clinic() }), "organisation.tier");
        assert_eq!(field(Organisation { place: None, ..clinic() }), "organisation.place");
        assert_eq!(field(Organisation { kind: Kind::Bank, ..clinic() }), "organisation.tier");
        assert_eq!(Organisation { kind: Kind::Bank, tier: None, ..clinic() }.check(), Ok(()));
    }

    #[test]
    fn a_capability_is_the_beginning_of_an_icd_10_code() {
        for text in ["I", "I25", "I25.103"] {
            assert!(is_icd10_prefix(text), "{text}");
        }
        for text in ["", "i25", "25", "I25%", "I25.103.10.7"] {
            assert!(!is_icd10_prefix(text), "{text}");
        }
    }
}
