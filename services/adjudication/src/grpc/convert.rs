//! From the wire: every refusal names its field.

use std::collections::HashSet;
use std::str::FromStr;

use chrono::NaiveDate;
use postgres::paging::PageRequest;
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1 as common;
use proto::convert::{self, FieldError};
use rust_decimal::Decimal;
use types::ids::QuoteId;
use types::money::Ratio;
use uuid::Uuid;

use super::case_record;
use crate::app::{
    CorrectClaim, CreditAccount, DivideClaim, ListClaims, Propose, PutCatalogue, QuoteCare, ShareAccount,
};
use crate::domain::change::Reason;
use crate::domain::claim::{BilledLine, Diagnosis, Item};
use crate::domain::document::Document;
use crate::domain::line::{Class, PriceLimit, Priced, UNIT_PRICE_PLACES_MAX};

const CODE_LENGTH_MAX: usize = 64;
const NAME_LENGTH_MAX: usize = 200;
const DOCUMENT_SIZE_MAX: usize = 256 * 1024;
const LINES_MAX: usize = 2000;
const DIAGNOSES_MAX: usize = 10;
const ITEMS_MAX: usize = 1000;

/// A document to propose; its id is chosen here where the field has none.
pub(super) fn proposal<D>(id_field: &'static str, id: &str, document_json: &str) -> Result<Propose<D>, FieldError>
where
    D: Document<Id: FromStr>,
{
    if document_json.is_empty() {
        return Err(FieldError::new("document_json", "is required"));
    }
    if document_json.len() > DOCUMENT_SIZE_MAX {
        return Err(FieldError::new("document_json", "must be at most 256 KiB"));
    }
    let id = convert::optional_id(id_field, id)?.unwrap_or_else(|| D::id(Uuid::now_v7()));
    Ok(Propose { id, text: document_json.to_owned() })
}

pub(super) fn catalogue(message: &wire::PutCatalogueRequest) -> Result<PutCatalogue, FieldError> {
    counted("items", message.items.len(), ITEMS_MAX)?;
    let mut codes = HashSet::new();
    let mut items = Vec::with_capacity(message.items.len());
    for (index, item) in message.items.iter().enumerate() {
        let within = |error: FieldError| error.within(&format!("items[{index}]"));
        let code = convert::text("item_code", &item.item_code, CODE_LENGTH_MAX).map_err(within)?;
        if !codes.insert(code.clone()) {
            return Err(within(FieldError::new("item_code", "stands twice")));
        }
        let name = convert::text("name", &item.name, NAME_LENGTH_MAX).map_err(within)?;
        let price_limit = item.price_limit.as_ref().map(|limit| price_limit(limit).map_err(within)).transpose()?;
        items.push((code, Item { name, class: class(item).map_err(within)?, price_limit }));
    }
    Ok(PutCatalogue {
        region: convert::region("region_code", &message.region_code)?,
        effective_from: convert::date("effective_from", message.effective_from.as_ref())?,
        items,
    })
}

fn class(item: &wire::CatalogueItem) -> Result<Class, FieldError> {
    use common::CatalogueClass as C;
    let ratio = &item.first_self_pay_ratio;
    match C::try_from(item.catalogue_class) {
        Ok(C::B) => {
            let ratio = convert::decimal("first_self_pay_ratio", ratio, 4)?;
            let first_self_pay = Ratio::from_decimal(ratio)
                .map_err(|_| FieldError::new("first_self_pay_ratio", "must be from 0 to 1"))?;
            Ok(Class::B { first_self_pay })
        }
        Ok(C::A | C::C) if !ratio.is_empty() => {
            Err(FieldError::new("first_self_pay_ratio", "belongs to class B only; leave it empty"))
        }
        Ok(C::A) => Ok(Class::A),
        Ok(C::C) => Ok(Class::C),
        Ok(C::Unspecified) => Err(FieldError::new("catalogue_class", "is required")),
        Err(_) => Err(FieldError::new("catalogue_class", "is not a value of this enumeration")),
    }
}

fn price_limit(limit: &wire::PriceLimit) -> Result<PriceLimit, FieldError> {
    use wire::PricedUnit as U;
    let of = match U::try_from(limit.of) {
        Ok(U::Item) => Priced::Item,
        Ok(U::BedDay) => Priced::BedDay,
        Ok(U::Unspecified) => return Err(FieldError::new("price_limit.of", "is required")),
        Err(_) => return Err(FieldError::new("price_limit.of", "is not a value of this enumeration")),
    };
    let unit_price_max = convert::decimal("price_limit.unit_price_max", &limit.unit_price_max, UNIT_PRICE_PLACES_MAX)?;
    if unit_price_max >= Decimal::from(1_000_000_000_u64) {
        return Err(FieldError::new("price_limit.unit_price_max", "must be less than a billion yuan"));
    }
    Ok(PriceLimit { of, unit_price_max: unit_price_max.normalize() })
}

pub(super) fn credit(message: &wire::CreditAccountRequest) -> Result<CreditAccount, FieldError> {
    let amount = convert::money("amount", message.amount.as_ref())?;
    if !amount.is_positive() {
        return Err(FieldError::new("amount", "must be positive"));
    }
    Ok(CreditAccount {
        holder: convert::id("resident_id", &message.resident_id)?,
        amount,
        reference: convert::text("reference", &message.reference, CODE_LENGTH_MAX)?,
    })
}

pub(super) fn share(message: &wire::ShareAccountRequest) -> Result<ShareAccount, FieldError> {
    Ok(ShareAccount {
        holder: convert::id("resident_id", &message.resident_id)?,
        member: convert::id("member_resident_id", &message.member_resident_id)?,
        until: convert::optional_date("until", message.until.as_ref())?,
    })
}

pub(super) fn quote(message: &wire::QuoteCareRequest) -> Result<QuoteCare, FieldError> {
    let lines = convert::expected_lines("lines", &message.lines)?;
    counted("lines", lines.len(), LINES_MAX)?;
    Ok(QuoteCare {
        id: convert::optional_id("quote_id", &message.quote_id)?.unwrap_or_else(QuoteId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        provider: convert::id("provider_organisation_id", &message.provider_organisation_id)?,
        kind: convert::care_kind("kind", message.kind)?,
        on: convert::date("on", message.on.as_ref())?,
        lines,
        referral: convert::optional_id("referral_id", &message.referral_id)?,
        appointment: convert::optional_id("appointment_id", &message.appointment_id)?,
        journey: convert::optional_id("journey_id", &message.journey_id)?,
    })
}

pub(super) fn claim(message: &wire::DivideClaimRequest) -> Result<DivideClaim, FieldError> {
    counted("lines", message.lines.len(), LINES_MAX)?;
    counted("diagnoses", message.diagnoses.len(), DIAGNOSES_MAX)?;
    let lines = message.lines.iter().enumerate();
    let diagnoses = message.diagnoses.iter().enumerate();
    Ok(DivideClaim {
        claim: convert::optional_id("claim_id", &message.claim_id)?,
        visit: convert::id("visit_id", &message.visit_id)?,
        diagnoses: diagnoses
            .map(|(index, wire)| diagnosis(wire).map_err(|error| error.within(&format!("diagnoses[{index}]"))))
            .collect::<Result<_, _>>()?,
        lines: lines
            .map(|(index, wire)| line(wire).map_err(|error| error.within(&format!("lines[{index}]"))))
            .collect::<Result<_, _>>()?,
        total: convert::money("total", message.total.as_ref())?,
        quote: convert::optional_id("quote_id", &message.quote_id)?,
        record: case_record::record(message.case_record.as_ref())?,
    })
}

pub(super) fn correction(message: &wire::CorrectClaimRequest) -> Result<CorrectClaim, FieldError> {
    let reason = reason(message.reason)?;
    // The same words as a claim's, and the same limits.
    let billed = wire::DivideClaimRequest {
        request_id: message.request_id.clone(),
        claim_id: message.claim_id.clone(),
        // A correction cites the visit that its claim cites.
        visit_id: message.claim_id.clone(),
        diagnoses: message.diagnoses.clone(),
        lines: message.lines.clone(),
        total: message.total.clone(),
        ..wire::DivideClaimRequest::default()
    };
    let id = convert::id("claim_id", &message.claim_id)?;
    let DivideClaim { diagnoses, lines, total, .. } = claim(&billed)?;
    Ok(CorrectClaim { claim: id, reason, diagnoses, lines, total })
}

pub(super) fn reason(reason: i32) -> Result<Reason, FieldError> {
    match wire::ChangeReason::try_from(reason) {
        Ok(wire::ChangeReason::ItemsReturned) => Ok(Reason::ItemsReturned),
        Ok(wire::ChangeReason::CareNotGiven) => Ok(Reason::CareNotGiven),
        Ok(wire::ChangeReason::BilledWrong) => Ok(Reason::BilledWrong),
        Ok(wire::ChangeReason::WrongPerson) => Ok(Reason::WrongPerson),
        Ok(wire::ChangeReason::FindingUpheld) => Ok(Reason::FindingUpheld),
        Ok(wire::ChangeReason::Unspecified) => Err(FieldError::new("reason", "is required")),
        Err(_) => Err(FieldError::new("reason", "is not a value of this enumeration")),
    }
}

/// The first day of a month written `2026-03`.
pub(super) fn month(text: &str) -> Result<NaiveDate, FieldError> {
    let wrong = || FieldError::new("month", "must be a month such as 2026-03");
    let is_shaped = text.len() == 7 && text.bytes().enumerate().all(|(at, byte)| (at == 4) == (byte == b'-'));
    if !is_shaped {
        return Err(wrong());
    }
    format!("{text}-01").parse().map_err(|_| wrong())
}

fn diagnosis(message: &common::Diagnosis) -> Result<Diagnosis, FieldError> {
    let icd10_code = convert::text("icd10_code", &message.icd10_code, 16)?;
    let is_shaped = icd10_code.starts_with(|first: char| first.is_ascii_uppercase())
        && icd10_code.chars().nth(1).is_some_and(|second| second.is_ascii_digit());
    if !is_shaped {
        return Err(FieldError::new("icd10_code", "must be an ICD-10 code such as I25.103"));
    }
    let name = convert::optional_text("name", &message.name, NAME_LENGTH_MAX)?.into();
    Ok(Diagnosis { icd10_code, name })
}

/// A line as billed. Its item is resolved from the catalogue later.
fn line(message: &wire::ClaimLine) -> Result<BilledLine, FieldError> {
    let item_code = convert::text("item_code", &message.item_code, CODE_LENGTH_MAX)?;
    let quantity = convert::positive("quantity", &message.quantity, 4)?;
    let unit_price = convert::decimal("unit_price", &message.unit_price, 4)?;
    if quantity.checked_mul(unit_price).is_none_or(|product| product >= Decimal::from(1_000_000_000_u64)) {
        return Err(FieldError::new("unit_price", "makes a line of a billion yuan or more"));
    }
    Ok(BilledLine {
        item: Item::unresolved(&item_code),
        item_code,
        quantity,
        unit_price,
        amount: convert::money("amount", message.amount.as_ref())?,
        on: convert::date("on", message.on.as_ref())?,
    })
}

pub(super) fn claims(message: &wire::ListClaimsRequest) -> Result<ListClaims, FieldError> {
    let filter = wire::ListClaimsRequest { page: None, ..message.clone() };
    Ok(ListClaims {
        resident: convert::id("resident_id", &message.resident_id)?,
        page: page(message.page.as_ref(), &filter.encode_to_vec())?,
    })
}

pub(super) fn page<K: serde::Serialize + serde::de::DeserializeOwned>(
    page: Option<&common::PageRequest>,
    filter: &[u8],
) -> Result<PageRequest<K>, FieldError> {
    let (size, token) = page.map_or((0, ""), |page| (page.page_size, page.page_token.as_str()));
    PageRequest::parse(size, token, filter).map_err(|error| error.within("page"))
}

fn counted(field: &str, count: usize, max: usize) -> Result<(), FieldError> {
    if (1..=max).contains(&count) {
        Ok(())
    } else {
        Err(FieldError::new(field, format!("must have 1 to {max} entries")))
    }
}
