//! What decides how a provider is paid, from the wire.

use drg::{Record, Sex};
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;
use proto::convert::{self, FieldError};

use super::convert::page;
use crate::app::{ExpectCapitation, GroupRecord, ListProviderPayments};
use crate::domain::provider_payment::CaseRecord;
use crate::domain::provider_payment::capitation::Heads;

const CODE_LENGTH_MAX: usize = 32;
const CODES_MAX: usize = 40;
const AUXILIARY_MAX: usize = 10;
const CELLS_MAX: usize = 1000;
const HEADS_MAX: i32 = 10_000_000;
const WEIGHT_G_MAX: i32 = 20_000;
const AGE_YEARS_MAX: i32 = 150;
const AGE_DAYS_MAX: i32 = 366;

pub(super) fn record(message: Option<&wire::CaseRecord>) -> Result<CaseRecord, FieldError> {
    message.map_or_else(
        || Ok(CaseRecord::default()),
        |message| stated(message).map_err(|error| error.within("case_record")),
    )
}

fn stated(message: &wire::CaseRecord) -> Result<CaseRecord, FieldError> {
    let sex = match message.sex_code {
        0 => None,
        1 | 2 => Some(message.sex_code),
        _ => return Err(FieldError::new("sex_code", "must be 1 (male), 2 (female) or 0 (not stated)")),
    };
    Ok(CaseRecord {
        sex,
        weight_g: number("weight_g", message.weight_g, WEIGHT_G_MAX)?.filter(|weight| *weight > 0),
        procedures: codes("procedure_codes", &message.procedure_codes, CODES_MAX)?,
        drg: optional("drg_code", &message.drg_code)?,
        dip: optional("dip_code", &message.dip_code)?,
        auxiliary: codes("auxiliary_codes", &message.auxiliary_codes, AUXILIARY_MAX)?,
    })
}

pub(super) fn group(message: &wire::GroupRecordRequest) -> Result<GroupRecord, FieldError> {
    if message.icd10_codes.is_empty() {
        return Err(FieldError::new("icd10_codes", "must have 1 to 40 entries"));
    }
    let case = message.record.as_ref().map_or_else(|| Ok(CaseRecord::default()), stated);
    let case = case.map_err(|error| error.within("record"))?;
    let age_days = number("age_days", message.age_days, AGE_DAYS_MAX)?;
    let age_years = number("age_years", message.age_years, AGE_YEARS_MAX)?;
    Ok(GroupRecord {
        version: convert::text("tables_version", &message.tables_version, CODE_LENGTH_MAX)?,
        record: Record {
            sex: case.sex.and_then(|code| Sex::from_code(code.into())),
            age_years,
            age_days: age_days.filter(|days| *days > 0),
            weight_g: case.weight_g,
            diagnoses: codes("icd10_codes", &message.icd10_codes, CODES_MAX)?,
            procedures: case.procedures,
        },
    })
}

fn number(field: &'static str, number: i32, most: i32) -> Result<Option<u32>, FieldError> {
    match u32::try_from(number) {
        Ok(read) if number <= most => Ok(Some(read)),
        _ => Err(FieldError::new(field, format!("must be from 0 to {most}"))),
    }
}

fn optional(field: &str, text: &str) -> Result<Option<String>, FieldError> {
    let text = convert::optional_text(field, text, CODE_LENGTH_MAX)?;
    Ok((!text.is_empty()).then_some(text))
}

fn codes(field: &str, codes: &[String], most: usize) -> Result<Vec<String>, FieldError> {
    if codes.len() > most {
        return Err(FieldError::new(field, format!("must have at most {most} entries")));
    }
    let codes = codes.iter().enumerate();
    codes.map(|(index, code)| convert::text(&format!("{field}[{index}]"), code, CODE_LENGTH_MAX)).collect()
}

pub(super) fn heads(message: &wire::ExpectCapitationRequest) -> Result<ExpectCapitation, FieldError> {
    if !(1..=CELLS_MAX).contains(&message.heads.len()) {
        return Err(FieldError::new("heads", format!("must have 1 to {CELLS_MAX} entries")));
    }
    let cells = message.heads.iter().enumerate();
    Ok(ExpectCapitation {
        terms: convert::id("terms_id", &message.terms_id)?,
        kind: convert::care_kind("kind", message.kind)?,
        tier: convert::tier("tier", message.tier)?,
        heads: cells
            .map(|(index, cell)| alike(cell).map_err(|error| error.within(&format!("heads[{index}]"))))
            .collect::<Result<_, _>>()?,
    })
}

fn alike(message: &wire::Heads) -> Result<Heads, FieldError> {
    Ok(Heads {
        age: number("age_years", message.age_years, AGE_YEARS_MAX)?.unwrap_or_default(),
        conditions: codes("condition_codes", &message.condition_codes, AUXILIARY_MAX)?,
        count: number("count", message.count, HEADS_MAX)?.unwrap_or_default(),
    })
}

pub(super) fn payments(message: &wire::ListProviderPaymentsRequest) -> Result<ListProviderPayments, FieldError> {
    let filter = wire::ListProviderPaymentsRequest { page: None, ..message.clone() };
    Ok(ListProviderPayments {
        provider: convert::id("provider_organisation_id", &message.provider_organisation_id)?,
        page: page(message.page.as_ref(), &filter.encode_to_vec())?,
    })
}
