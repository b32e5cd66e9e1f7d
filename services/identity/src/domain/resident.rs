//! Residents, and how much of them is shown to whom.

use chrono::{DateTime, NaiveDate, Utc};
use proto::convert::FieldError;
use types::caller::Caller;
use types::clock::local_date;
use types::identifier::Identifier;
use types::ids::{OrganisationId, ResidentId};
use types::national_id::Sex;
use types::redacted::Redacted;
use types::region::RegionCode;

use super::IdentityError;
use super::community::CommunityCode;
use super::identifier::{Document, ShownDocument};
use super::word::words;

words! {
    /// Why the real name is not proven.
    Provisional {
        /// A patient nobody can name.
        Unknown = "UNKNOWN",
        /// Known with its mother.
        Newborn = "NEWBORN",
        /// Has a passport.
        Foreign = "FOREIGN",
    }
}

/// A person. What names them cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    pub id: ResidentId,
    pub region: RegionCode,
    /// Rises with each change.
    pub revision: i32,
    pub name: Redacted<String>,
    pub birth_date: Redacted<NaiveDate>,
    pub sex: Redacted<Sex>,
    pub mobile: Option<Redacted<String>>,
    pub address: Option<Redacted<String>>,
    pub language: Option<String>,
    pub community: String,
    pub neighbourhood: Option<Neighbourhood>,
    /// None: registered under a proven name.
    pub provisional: Option<Provisional>,
    pub mother: Option<ResidentId>,
    /// Organisation that registered the person.
    pub registrar: Option<OrganisationId>,
    pub registered_at: DateTime<Utc>,
}

/// Where somebody lives, as of the region's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbourhood {
    pub community: CommunityCode,
    /// Cell of the community's grid.
    pub cell: Option<String>,
}

/// A resident with what proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub resident: Resident,
    /// Oldest first, the withdrawn ones too.
    pub documents: Vec<Document>,
}

/// What one caller is shown of a resident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownResident {
    pub id: ResidentId,
    pub region: RegionCode,
    pub revision: i32,
    pub display_name: Redacted<String>,
    /// Empty for who has no number by GB 11643.
    pub masked_national_id: String,
    pub birth_date: NaiveDate,
    pub sex: Sex,
    pub mobile: Redacted<String>,
    pub address: Redacted<String>,
    pub language: String,
    pub community: String,
    pub neighbourhood: Option<Neighbourhood>,
    pub provisional: Option<Provisional>,
    pub mother: Option<ResidentId>,
    pub documents: Vec<ShownDocument>,
    pub registrar: Option<OrganisationId>,
    /// The caller's organisation, where it cares for the person at this moment and that was looked up.
    pub carer: Option<OrganisationId>,
    pub registered_at: DateTime<Utc>,
}

/// What is said of a person beside the document: each must agree with it or be left out.
#[derive(Debug, Clone, Default)]
pub struct Said {
    pub birth_date: Option<NaiveDate>,
    pub sex: Option<Sex>,
    pub provisional: Option<Provisional>,
    pub mother: Option<ResidentId>,
}

/// Who a person is by their document and by what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nature {
    pub birth_date: NaiveDate,
    pub sex: Sex,
    pub provisional: Option<Provisional>,
    pub mother: Option<ResidentId>,
}

impl Said {
    /// A number by GB 11643 says who somebody is and proves their name. Everybody else is provisional, for a reason that must fit.
    pub fn nature(self, document: Option<&Identifier>) -> Result<Nature, IdentityError> {
        if let Some((birth_date, sex)) = document.and_then(Identifier::says) {
            agrees("birth_date", self.birth_date, &birth_date)?;
            agrees("sex", self.sex, &sex)?;
            absent("provisional", self.provisional.is_some())?;
            absent("mother_resident_id", self.mother.is_some())?;
            return Ok(Nature { birth_date, sex, provisional: None, mother: None });
        }
        let provisional = required("provisional", self.provisional)?;
        match provisional {
            Provisional::Unknown => absent("credential", document.is_some())?,
            Provisional::Newborn => drop(required("mother_resident_id", self.mother)?),
            Provisional::Foreign => match document.map(Identifier::country) {
                Some(Some(_)) => {}
                _ => return Err(FieldError::new("credential", "must be a passport").into()),
            },
        }
        if provisional != Provisional::Newborn {
            absent("mother_resident_id", self.mother.is_some())?;
        }
        Ok(Nature {
            birth_date: required("birth_date", self.birth_date)?,
            sex: required("sex", self.sex)?,
            provisional: Some(provisional),
            mother: self.mother,
        })
    }
}

fn required<T>(field: &str, said: Option<T>) -> Result<T, FieldError> {
    said.ok_or_else(|| FieldError::new(field, "is required without a number by GB 11643"))
}

fn absent(field: &str, is_said: bool) -> Result<(), FieldError> {
    if is_said { Err(FieldError::new(field, "must be left out here")) } else { Ok(()) }
}

fn agrees<T: PartialEq + Copy>(field: &str, said: Option<T>, known: &T) -> Result<(), FieldError> {
    if said.is_none_or(|said| said == *known) {
        Ok(())
    } else {
        Err(FieldError::new(field, "must be the number's, or left out"))
    }
}

impl Resident {
    /// The day of birth must have come.
    pub fn check_born(&self, now: DateTime<Utc>) -> Result<(), IdentityError> {
        match self.provisional {
            _ if *self.birth_date.expose() <= local_date(now) => Ok(()),
            None => Err(IdentityError::BornAhead),
            Some(_) => Err(FieldError::new("birth_date", "must not lie ahead").into()),
        }
    }

    /// The name as others see it.
    pub fn masked_name(&self) -> String {
        masked_name(self.name.expose())
    }

    /// Whether a name is this person's, however it is written.
    pub fn is_named(&self, name: &str) -> bool {
        folded(self.name.expose()) == folded(name)
    }

    /// What persons who may be one have in common: blind indexes are made of it.
    pub fn name_and_birth_date(&self) -> String {
        format!("{}|{}", folded(self.name.expose()), self.birth_date.expose())
    }
}

/// What is to be changed; `Some(None)` removes.
#[derive(Debug, Clone, Default)]
pub struct Correction {
    pub name: Option<Redacted<String>>,
    pub mobile: Option<Option<Redacted<String>>>,
    pub community: Option<String>,
    pub neighbourhood: Option<Option<Neighbourhood>>,
    pub language: Option<Option<String>>,
    pub address: Option<Option<Redacted<String>>>,
}

/// A value that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    pub field: &'static str,
    pub old: Option<Redacted<String>>,
}

impl Correction {
    /// Where a resident lives, and how to reach and address them, the resident may say; who they are, a desk.
    pub fn check_by(&self, is_desk: bool, evidence: &str) -> Result<(), FieldError> {
        if !is_desk && (self.name.is_some() || self.community.is_some() || self.neighbourhood.is_some()) {
            return Err(FieldError::new("update_mask", "name and community are corrected by a desk"));
        }
        if self.name.is_some() && evidence.is_empty() {
            return Err(FieldError::new("evidence", "is required for a name"));
        }
        Ok(())
    }
}

impl Resident {
    /// The resident after a correction, with what it replaced: nothing, if all was so already.
    pub fn corrected(&self, correction: Correction) -> (Self, Vec<Replaced>) {
        let mut new = self.clone();
        if let Some(name) = correction.name {
            new.name = name;
        }
        if let Some(mobile) = correction.mobile {
            new.mobile = mobile;
        }
        if let Some(community) = correction.community {
            new.community = community;
        }
        if let Some(neighbourhood) = correction.neighbourhood {
            new.neighbourhood = neighbourhood;
        }
        if let Some(language) = correction.language {
            new.language = language;
        }
        if let Some(address) = correction.address {
            new.address = address;
        }
        new.replacing(self)
    }

    /// The resident with a first number by GB 11643, which proves who they are.
    pub fn proven(&self, birth_date: NaiveDate, sex: Sex) -> (Self, Vec<Replaced>) {
        let new =
            Self { birth_date: Redacted::new(birth_date), sex: Redacted::new(sex), provisional: None, ..self.clone() };
        new.replacing(self)
    }

    fn replacing(self, old: &Self) -> (Self, Vec<Replaced>) {
        let text = |value: &dyn ToString| Some(Redacted::new(value.to_string()));
        let values = |resident: &Self| {
            [
                ("name", Some(resident.name.clone())),
                ("birth_date", text(resident.birth_date.expose())),
                ("sex", text(resident.sex.expose())),
                ("mobile", resident.mobile.clone()),
                ("address", resident.address.clone()),
                ("language", resident.language.clone().map(Redacted::new)),
                ("community", text(&resident.community)),
                ("community_code", resident.neighbourhood.as_ref().and_then(|place| text(&place.community))),
                ("grid_cell", resident.neighbourhood.as_ref().and_then(|place| place.cell.clone()).map(Redacted::new)),
                ("provisional", resident.provisional.map(|kind| Redacted::new(kind.to_string()))),
            ]
        };
        let replaced: Vec<Replaced> = std::iter::zip(values(old), values(&self))
            .filter(|(old, new)| old != new)
            .map(|((field, old), _)| Replaced { field, old })
            .collect();
        let revision = if replaced.is_empty() { old.revision } else { old.revision + 1 };
        (Self { revision, ..self }, replaced)
    }
}

impl Person {
    /// Name, address and mobile are for the resident's own eyes: whoever acts for them sees them masked, too.
    pub fn shown_to(&self, caller: &Caller) -> ShownResident {
        let resident = &self.resident;
        let is_self = caller.actor.is_none() && caller.is(resident.id);
        let shown = |value: Option<&String>, mask: fn(&str) -> String| {
            Redacted::new(value.map(|value| if is_self { value.clone() } else { mask(value) }).unwrap_or_default())
        };
        let national = self.documents.iter().find(|document| document.is_national() && document.holds());
        ShownResident {
            id: resident.id,
            region: resident.region,
            revision: resident.revision,
            display_name: shown(Some(resident.name.expose()), masked_name),
            masked_national_id: national.map(|document| document.identifier.masked()).unwrap_or_default(),
            birth_date: *resident.birth_date.expose(),
            sex: *resident.sex.expose(),
            mobile: shown(resident.mobile.as_ref().map(Redacted::expose), masked_mobile),
            address: shown(resident.address.as_ref().map(Redacted::expose), |_| "**".to_owned()),
            language: resident.language.clone().unwrap_or_default(),
            community: resident.community.clone(),
            neighbourhood: resident.neighbourhood.clone(),
            provisional: resident.provisional,
            mother: resident.mother,
            documents: self.documents.iter().map(Document::shown).collect(),
            registrar: resident.registrar,
            carer: None,
            registered_at: resident.registered_at,
        }
    }
}

/// The first character; neither the rest nor its length.
fn masked_name(name: &str) -> String {
    name.chars().next().into_iter().chain("**".chars()).collect()
}

/// The last two digits.
fn masked_mobile(mobile: &str) -> String {
    let tail = mobile.len().saturating_sub(2);
    format!("**{}", mobile.get(tail..).unwrap_or_default())
}

/// A name without what two desks write differently: case, spaces, the dot within minorities' and foreign names, full-width letters.
fn folded(name: &str) -> String {
    let narrow = |c: char| match u32::from(c) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    name.chars().map(narrow).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
#[path = "resident_tests.rs"]
mod tests;
