//! Organisations and their departments.

use chrono::{DateTime, Utc};
use proto::convert::FieldError;
use serde::{Deserialize, Serialize};
use types::credit_code::CreditCode;
use types::ids::{AllianceId, DepartmentId, OrganisationId};
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
    /// Name of the alliance it is in on the day it was read for; empty for none.
    pub alliance: String,
    /// Those good on the day it was read for.
    pub designations: Vec<Designation>,
    pub departments: Vec<Department>,
    /// Further places.
    pub campuses: Vec<Campus>,
    /// Rises with each change.
    pub revision: i32,
    pub registered_at: DateTime<Utc>,
}

/// A further place of a provider (院区).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Campus {
    pub name: String,
    pub region_code: RegionCode,
    pub latitude: f64,
    pub longitude: f64,
}

/// What is to be changed; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    pub name: Option<String>,
    pub tier: Option<Option<Tier>>,
    pub region_code: Option<RegionCode>,
    pub place: Option<Option<Place>>,
    pub campuses: Option<Vec<Campus>>,
    /// Those with a known id are changed, others added.
    pub departments: Option<Vec<Department>>,
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
    /// Where it stands; a code that ends in zeros is the whole province or city.
    pub region_code: Option<RegionCode>,
    pub alliance: Option<AllianceId>,
}

impl Filter {
    /// What the region codes of those asked for begin with: zeros at the end stand for any.
    pub fn region_prefix(&self) -> Option<&str> {
        let code = self.region_code.as_ref()?.as_str();
        // By twos: province, city, county.
        let significant = code.trim_end_matches('0').len().next_multiple_of(2);
        code.get(..significant)
    }
}

impl Organisation {
    /// The next revision, with what is changed.
    #[must_use]
    pub fn changed(self, change: Change) -> Self {
        let mut departments = self.departments;
        for department in change.departments.unwrap_or_default() {
            match departments.iter_mut().find(|known| known.id == department.id) {
                Some(known) => *known = department,
                None => departments.push(department),
            }
        }
        Self {
            name: change.name.unwrap_or(self.name),
            tier: change.tier.unwrap_or(self.tier),
            region_code: change.region_code.unwrap_or(self.region_code),
            place: change.place.unwrap_or(self.place),
            campuses: change.campuses.unwrap_or(self.campuses),
            departments,
            revision: self.revision.saturating_add(1),
            ..self
        }
    }

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
            if !self.campuses.is_empty() {
                return wrong("campuses", "only providers have them");
            }
            if !self.departments.is_empty() {
                return wrong("departments", "only providers have them");
            }
        }
        Ok(())
    }
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
            campuses: vec![],
            revision: 1,
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
    fn id_02_what_a_change_does_not_name_stays() {
        let department = |name: &str| Department {
            id: DepartmentId::from_uuid(uuid::Uuid::from_u128(7)),
            code: "0302".to_owned(),
            name: name.to_owned(),
            capabilities: vec![],
        };
        let before = Organisation { departments: vec![department("心内科")], ..clinic() };
        let renamed = before.clone().changed(Change { name: Some("新名".to_owned()), ..Change::default() });
        assert_eq!(renamed, Organisation { name: "新名".to_owned(), revision: 2, ..before.clone() });
        let other = Department { id: DepartmentId::from_uuid(uuid::Uuid::from_u128(8)), ..department("骨科") };
        let departments = Some(vec![department("心血管内科"), other.clone()]);
        let after = before.changed(Change { departments, ..Change::default() });
        assert_eq!(after.departments, [department("心血管内科"), other]);
    }

    #[test]
    fn id_02_a_region_that_ends_in_zeros_is_all_of_it() {
        let prefix = |code: &str| {
            let filter = Filter { region_code: code.parse().ok(), ..Filter::default() };
            filter.region_prefix().map(str::to_owned)
        };
        assert_eq!(prefix("110000").as_deref(), Some("11"));
        assert_eq!(prefix("110102").as_deref(), Some("110102"));
        assert_eq!(prefix("130100").as_deref(), Some("1301"));
        assert_eq!(prefix("100000").as_deref(), Some("10"));
        assert_eq!(Filter::default().region_prefix(), None);
    }
}
