//! Requests of the wire as commands. Every refusal names the field.

use postgres::paging::PageRequest;
use prost::Message as _;
use proto::{
    anjia::{common::v1::Diagnosis as WireDiagnosis, referral::v1 as wire},
    convert::{self, FieldError},
};
use types::{icd10::is_icd10_code, redacted::Redacted};

use crate::{
    app::{Accept, Asked, ListReferrals, Submission, Whose},
    domain::{
        care::Diagnosis,
        direction::Direction,
        mandate::Payment,
        referral::{Kind, ReturnReason, Returned, StateName, Urgency},
    },
};

const DIAGNOSES_MAX: usize = 10;
const SUMMARY_LENGTH_MAX: usize = 4_000;
const ADVICE_LENGTH_MAX: usize = 1_000;
const NAME_LENGTH_MAX: usize = 200;
const TARGETS_DEFAULT: usize = 5;
const TARGETS_MAX: usize = 20;

pub(super) fn submission(message: &wire::SubmitReferralRequest) -> Result<Submission, FieldError> {
    let submission = Submission {
        id: convert::optional_id("referral_id", &message.referral_id)?,
        resident: convert::id("resident_id", &message.resident_id)?,
        direction: direction("direction", message.direction)?,
        kind: kind("kind", message.kind)?,
        from: convert::id("from_organisation_id", &message.from_organisation_id)?,
        to: convert::id("to_organisation_id", &message.to_organisation_id)?,
        diagnoses: diagnoses("diagnoses", &message.diagnoses)?,
        urgency: urgency("urgency", message.urgency)?,
        clinical_summary: prose("clinical_summary", &message.clinical_summary, SUMMARY_LENGTH_MAX)?,
        payment: payment(convert::required("mandate", message.mandate.as_ref())?)
            .map_err(|error| error.within("mandate"))?,
        previous: convert::optional_id("previous_referral_id", &message.previous_referral_id)?,
        journey: convert::optional_id("journey_id", &message.journey_id)?,
        visit: convert::optional_id("visit_id", &message.visit_id)?,
    };
    if submission.from == submission.to {
        return Err(FieldError::new("to_organisation_id", "must be another provider"));
    }
    if submission.previous.is_some() && submission.previous == submission.id {
        return Err(FieldError::new("previous_referral_id", "must be another referral"));
    }
    Ok(submission)
}

fn payment(mandate: &wire::Mandate) -> Result<Payment, FieldError> {
    match wire::PaymentArrangement::try_from(mandate.payment) {
        Ok(wire::PaymentArrangement::Desk) => {
            if !mandate.credit_line_id.is_empty() {
                return Err(FieldError::new("credit_line_id", "must be empty unless payment is CREDIT"));
            }
            Ok(Payment::Desk)
        }
        Ok(wire::PaymentArrangement::Credit) => Ok(Payment::Credit {
            line: convert::id("credit_line_id", &mandate.credit_line_id)?,
            own_share_max: convert::money("own_share_max", mandate.own_share_max.as_ref())?,
        }),
        Ok(wire::PaymentArrangement::Unspecified) => Err(FieldError::new("payment", "is required")),
        Err(_) => Err(FieldError::new("payment", "is not a value of this enumeration")),
    }
}

pub(super) fn acceptance(message: &wire::AcceptReferralRequest) -> Result<Accept, FieldError> {
    Ok(Accept {
        referral: convert::id("referral_id", &message.referral_id)?,
        version: version(message.version)?,
        slot: convert::id("slot_id", &message.slot_id)?,
        kind: convert::care_kind("kind", message.kind)?,
        lines: convert::expected_lines("expected_lines", &message.expected_lines)?,
    })
}

pub(super) fn returned(message: Option<&wire::Returned>) -> Result<Returned, FieldError> {
    let message = convert::required("returned", message)?;
    let reason: Result<ReturnReason, _> = message.reason.parse();
    Ok(Returned {
        reason: reason.map_err(|_| {
            let expected = "must be BEYOND_CAPABILITY, NOT_INDICATED, NO_CAPACITY, INCOMPLETE or OTHER";
            FieldError::new("returned.reason", expected)
        })?,
        advice: prose("returned.advice", &message.advice, ADVICE_LENGTH_MAX)?,
        suggested: convert::optional_id("returned.suggested_organisation_id", &message.suggested_organisation_id)?,
    })
}

pub(super) fn version(version: i64) -> Result<i64, FieldError> {
    if version > 0 { Ok(version) } else { Err(FieldError::new("version", "must be the version decided on")) }
}

pub(super) fn asked(message: &wire::ProposeTargetsRequest) -> Result<Asked, FieldError> {
    let targets_max = match usize::try_from(message.limit) {
        Ok(0) => TARGETS_DEFAULT,
        Ok(limit @ 1..=TARGETS_MAX) => limit,
        _ => return Err(FieldError::new("limit", "must be 1 to 20, or 0 for 5")),
    };
    Ok(Asked {
        resident: convert::id("resident_id", &message.resident_id)?,
        from: convert::id("from_organisation_id", &message.from_organisation_id)?,
        direction: direction("direction", message.direction)?,
        icd10_code: icd10("icd10_code", &message.icd10_code)?,
        kind: convert::care_kind("kind", message.kind)?,
        targets_max,
    })
}

pub(super) fn list(message: &wire::ListReferralsRequest) -> Result<ListReferrals, FieldError> {
    let resident = convert::optional_id("resident_id", &message.resident_id)?;
    let organisation = convert::optional_id("organisation_id", &message.organisation_id)?;
    let whose = match (resident, organisation) {
        (Some(resident), None) => Whose::Resident(resident),
        (None, Some(organisation)) => Whose::Organisation(organisation),
        (None, None) | (Some(_), Some(_)) => {
            return Err(FieldError::new("resident_id", "exactly one of resident_id and organisation_id is required"));
        }
    };
    let page = message.page.clone().unwrap_or_default();
    let filter = wire::ListReferralsRequest { page: None, ..message.clone() }.encode_to_vec();
    Ok(ListReferrals {
        whose,
        state: state("state", message.state)?,
        submitted_from: convert::optional_timestamp("submitted_from", message.submitted_from.as_ref())?,
        page: PageRequest::parse(page.page_size, &page.page_token, &filter).map_err(|error| error.within("page"))?,
    })
}

fn diagnoses(field: &str, diagnoses: &[WireDiagnosis]) -> Result<Vec<Diagnosis>, FieldError> {
    if diagnoses.is_empty() || diagnoses.len() > DIAGNOSES_MAX {
        return Err(FieldError::new(field, format!("must have 1 to {DIAGNOSES_MAX} diagnoses")));
    }
    let coded = |(index, diagnosis): (usize, &WireDiagnosis)| {
        Ok(Diagnosis {
            code: icd10(&format!("{field}[{index}].icd10_code"), &diagnosis.icd10_code)?,
            name: Redacted::new(convert::optional_text(
                &format!("{field}[{index}].name"),
                &diagnosis.name,
                NAME_LENGTH_MAX,
            )?),
        })
    };
    diagnoses.iter().enumerate().map(coded).collect()
}

fn icd10(field: &str, code: &str) -> Result<String, FieldError> {
    if is_icd10_code(code) {
        Ok(code.to_owned())
    } else {
        Err(FieldError::new(field, "must be an ICD-10 code such as I25.103"))
    }
}

/// Text of several lines.
fn prose(field: &str, text: &str, length_max: usize) -> Result<Redacted<String>, FieldError> {
    let text = text.trim();
    if text.chars().count() > length_max {
        return Err(FieldError::new(field, format!("must have at most {length_max} characters")));
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        return Err(FieldError::new(field, "must not have control characters but line breaks and tabs"));
    }
    Ok(Redacted::new(text.to_owned()))
}

macro_rules! enumeration {
    ($name:ident, $wire:ident, $own:ident, { $($variant:ident),+ $(,)? }) => {
        fn $name(field: &str, value: i32) -> Result<$own, FieldError> {
            match wire::$wire::try_from(value) {
                Ok(wire::$wire::Unspecified) => Err(FieldError::new(field, "is required")),
                $(Ok(wire::$wire::$variant) => Ok($own::$variant),)+
                Err(_) => Err(FieldError::new(field, "is not a value of this enumeration")),
            }
        }
    };
}
enumeration!(direction, Direction, Direction, { Up, Down, Lateral });
enumeration!(kind, ReferralKind, Kind, { Visit, Teleconsult, Mdt, GreenChannel });
enumeration!(urgency, Urgency, Urgency, { Routine, Urgent, Emergency });
enumeration!(some_state, ReferralState, StateName, {
    Submitted, InformationRequested, Accepting, Booked, Attended, Closed, Returned, Withdrawn, NotAttended, Lapsed, NeedsHuman,
});

fn state(field: &str, value: i32) -> Result<Option<StateName>, FieldError> {
    if value == 0 { Ok(None) } else { some_state(field, value).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnosis_is_coded() {
        assert_eq!(icd10("code", "A18.0+M49.0*"), Ok("A18.0+M49.0*".to_owned()));
        assert_eq!(icd10("code", "I2").unwrap_err().field, "code");
    }

    #[test]
    fn prose_has_lines_but_no_control_characters() {
        assert!(prose("summary", "胸痛三日\n心电图异常\t见附件", 100).is_ok());
        assert!(prose("summary", "a\u{7}", 100).is_err());
        assert!(prose("summary", "三个字", 2).is_err());
    }
}
