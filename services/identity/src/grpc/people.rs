//! Persons on the wire, and back.

use chassis::Permitted;
use proto::anjia::common::v1 as common;
use proto::anjia::identity::v1 as wire;
use proto::convert::{self, FieldError, to_date, to_timestamp};
use types::identifier::{Identifier, IdentifierError};
use types::ids::{OrganisationId, ResidentId};
use types::national_id::NationalId;
use types::redacted::Redacted;

use super::communities;
use super::convert::{optional_provisional, optional_sex, to_provisional, to_sex};
use crate::app::{NewResident, ShownChange, ShownPair, Update};
use crate::domain::IdentityError;
use crate::domain::identifier::{ShownDocument, Validity};
use crate::domain::resident::{Correction, Neighbourhood, Said, ShownResident};

pub(super) const NAME_LENGTH_MAX: usize = 100;
const COMMUNITY_LENGTH_MAX: usize = 100;
pub(super) const CELL_LENGTH_MAX: usize = 20;
const EVIDENCE_LENGTH_MAX: usize = 200;

pub(super) fn to_resident(resident: &ShownResident) -> wire::Resident {
    let state = match resident.provisional {
        None => wire::ResidentState::Registered,
        Some(_) => wire::ResidentState::Provisional,
    };
    wire::Resident {
        resident_id: resident.id.to_string(),
        display_name: resident.display_name.expose().clone(),
        masked_national_id: resident.masked_national_id.clone(),
        birth_date: Some(to_date(resident.birth_date)),
        sex: to_sex(resident.sex),
        region_code: resident.region.to_string(),
        community: resident.community.clone(),
        state: state.into(),
        registered_at: Some(to_timestamp(resident.registered_at)),
        provisional: resident.provisional.map(to_provisional).unwrap_or_default(),
        mother_resident_id: resident.mother.as_ref().map(ResidentId::to_string).unwrap_or_default(),
        identifiers: resident.documents.iter().map(to_identifier).collect(),
        language: resident.language.clone(),
        address: resident.address.expose().clone(),
        mobile: resident.mobile.expose().clone(),
        revision: resident.revision,
        community_code: resident.neighbourhood.as_ref().map(|place| place.community.to_string()).unwrap_or_default(),
        grid_cell: resident.neighbourhood.as_ref().and_then(|place| place.cell.clone()).unwrap_or_default(),
    }
}

fn to_identifier(document: &ShownDocument) -> wire::Identifier {
    wire::Identifier {
        identifier_id: document.id.to_string(),
        kind: convert::to_identifier_kind(document.kind),
        masked_number: document.masked_number.clone(),
        country_code: document.country.clone(),
        valid_from: document.validity.from.map(to_date),
        valid_until: document.validity.until.map(to_date),
        added_at: Some(to_timestamp(document.added_at)),
        withdrawn_at: document.withdrawn.as_ref().map(|withdrawn| to_timestamp(withdrawn.at)),
        withdrawal_reason: document.withdrawn.as_ref().map(|withdrawn| withdrawn.reason.clone()).unwrap_or_default(),
    }
}

pub(super) fn to_change(shown: &Permitted<ShownChange>) -> wire::ResidentChange {
    let change = &shown.change;
    wire::ResidentChange {
        change_id: change.id.to_string(),
        resident_id: change.resident.to_string(),
        field: change.field.clone(),
        revision: change.revision,
        changed_by: change.changed_by.to_string(),
        organisation_id: change.organisation.as_ref().map(OrganisationId::to_string).unwrap_or_default(),
        evidence: change.evidence.clone(),
        changed_at: Some(to_timestamp(change.changed_at)),
        old_value: change.old.as_ref().map(|old| old.expose().clone()).unwrap_or_default(),
    }
}

pub(super) fn to_pair(shown: &ShownPair) -> wire::PossibleDuplicate {
    wire::PossibleDuplicate {
        duplicate_id: shown.pair.id.to_string(),
        resident: Some(to_resident(&shown.resident)),
        other: Some(to_resident(&shown.other)),
        same_name_and_birth_date: shown.pair.same_name_and_birth_date,
        same_mobile: shown.pair.same_mobile,
        found_at: Some(to_timestamp(shown.pair.found_at)),
    }
}

pub(super) fn new_resident(message: &wire::RegisterResidentRequest) -> Result<NewResident, IdentityError> {
    let identifier = match (message.national_id.as_str(), &message.credential) {
        ("", None) if message.provisional == 0 => return Err(FieldError::new("national_id", "is required").into()),
        ("", None) => None,
        (number, None) => Some(national_id(number)?),
        ("", Some(shown)) => Some(credential(shown)?),
        (_, Some(_)) => return Err(FieldError::new("credential", "must be left out beside national_id").into()),
    };
    Ok(NewResident {
        id: convert::optional_id("resident_id", &message.resident_id)?.unwrap_or_else(ResidentId::generate),
        identifier,
        validity: validity(message.valid_from.as_ref(), message.valid_until.as_ref())?,
        said: Said {
            birth_date: convert::optional_date("birth_date", message.birth_date.as_ref())?,
            sex: optional_sex("sex", message.sex)?,
            provisional: optional_provisional("provisional", message.provisional)?,
            mother: convert::optional_id("mother_resident_id", &message.mother_resident_id)?,
        },
        name: convert::text("name", &message.name, NAME_LENGTH_MAX)?.into(),
        mobile: mobile(&message.mobile)?,
        region: convert::region("region_code", &message.region_code)?,
        community: community(message)?,
        neighbourhood: neighbourhood(&message.community_code, &message.grid_cell)?,
    })
}

pub(super) fn update(message: &wire::UpdateResidentRequest) -> Result<Update, FieldError> {
    let mask = convert::required("update_mask", message.update_mask.as_ref())?;
    let mut correction = Correction::default();
    for path in &mask.paths {
        match path.as_str() {
            "name" => correction.name = Some(convert::text("name", &message.name, NAME_LENGTH_MAX)?.into()),
            "mobile" => correction.mobile = Some(mobile(&message.mobile)?),
            "community" => {
                correction.community = Some(convert::text("community", &message.community, COMMUNITY_LENGTH_MAX)?);
                correction.neighbourhood = Some(None);
            }
            "community_code" => {
                correction.neighbourhood = Some(neighbourhood(&message.community_code, &message.grid_cell)?);
            }
            "language" => correction.language = Some(language(&message.language)?),
            "address" => {
                let address = convert::optional_text("address", &message.address, 200)?;
                correction.address = Some(Some(address).filter(|address| !address.is_empty()).map(Redacted::new));
            }
            _ => {
                return Err(FieldError::new(
                    "update_mask",
                    "names name, mobile, community, community_code, language or address",
                ));
            }
        }
    }
    if mask.paths.is_empty() {
        return Err(FieldError::new("update_mask", "must name at least one field"));
    }
    Ok(Update {
        resident: convert::id("resident_id", &message.resident_id)?,
        revision: message.revision,
        correction,
        evidence: convert::optional_text("evidence", &message.evidence, EVIDENCE_LENGTH_MAX)?,
    })
}

/// A name may be left out where the list knows it.
fn community(message: &wire::RegisterResidentRequest) -> Result<String, FieldError> {
    let read = if message.community_code.is_empty() { convert::text } else { convert::optional_text };
    read("community", &message.community, COMMUNITY_LENGTH_MAX)
}

/// A community of the region's list and the cell of its grid; a cell alone is nowhere.
fn neighbourhood(code: &str, cell: &str) -> Result<Option<Neighbourhood>, FieldError> {
    let cell = convert::optional_text("grid_cell", cell, CELL_LENGTH_MAX)?;
    match (code, cell.is_empty()) {
        ("", true) => Ok(None),
        ("", false) => Err(FieldError::new("community_code", "is required beside grid_cell")),
        (code, _) => Ok(Some(Neighbourhood {
            community: communities::code("community_code", code)?,
            cell: Some(cell).filter(|cell| !cell.is_empty()),
        })),
    }
}

/// What a document rests on, in words that must be said.
pub(super) fn evidence(field: &str, text: &str) -> Result<String, FieldError> {
    convert::text(field, text, EVIDENCE_LENGTH_MAX)
}

/// `national_id` or `credential`, one of which must be given.
pub(super) fn identifier(number: &str, shown: Option<&common::Credential>) -> Result<Identifier, IdentityError> {
    match (number, shown) {
        ("", None) => Err(FieldError::new("national_id", "is required").into()),
        (number, None) => national_id(number),
        ("", Some(shown)) => credential(shown),
        (_, Some(_)) => Err(FieldError::new("credential", "must be left out beside national_id").into()),
    }
}

fn national_id(number: &str) -> Result<Identifier, IdentityError> {
    let number = NationalId::parse(number)
        .map_err(|cause| IdentityError::InvalidIdentifier { field: "national_id", cause: cause.into() })?;
    Ok(number.into())
}

/// One that cannot be is refused by its own reason.
pub(super) fn credential(shown: &common::Credential) -> Result<Identifier, IdentityError> {
    let kind = convert::identifier_kind("credential.kind", shown.kind)?;
    Identifier::parse(kind, &shown.number, &shown.country_code).map_err(|cause| {
        let field = match cause {
            IdentifierError::PassportCountry | IdentifierError::CountryUnexpected => "credential.country_code",
            _ => "credential.number",
        };
        IdentityError::InvalidIdentifier { field, cause }
    })
}

pub(super) fn validity(
    from: Option<&proto::google::r#type::Date>,
    until: Option<&proto::google::r#type::Date>,
) -> Result<Validity, FieldError> {
    let from = convert::optional_date("valid_from", from)?;
    let until = convert::optional_date("valid_until", until)?;
    Validity { from, until }.check()
}

fn mobile(value: &str) -> Result<Option<Redacted<String>>, FieldError> {
    if value.is_empty() {
        return Ok(None);
    }
    let digits = value.strip_prefix('+').unwrap_or(value);
    if !(5..=15).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(FieldError::new("mobile", "must have 5 to 15 digits, with or without + before them"));
    }
    Ok(Some(Redacted::new(value.to_owned())))
}

/// Letters and digits in groups joined by hyphens, as BCP 47 has them.
fn language(value: &str) -> Result<Option<String>, FieldError> {
    let is_group =
        |group: &str| (1..=8).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match value {
        "" => Ok(None),
        tag if (2..=35).contains(&tag.len()) && tag.split('-').all(is_group) => Ok(Some(tag.to_owned())),
        _ => Err(FieldError::new("language", "must be a BCP 47 tag, such as zh or en-GB")),
    }
}
