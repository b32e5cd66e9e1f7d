//! From the wire, for audit and supervision: every refusal names its field.

use chrono::{Datelike as _, NaiveDate};
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;
use proto::convert::{self, FieldError};
use proto::google::r#type::Date;
use types::money::Money;
use types::redacted::Redacted;

use super::convert::page;
use crate::app::{
    AssessProvider, CloseAbuseReport, DecideFinding, FindOutliers, ListAbuseReports, ListAssessments, ListFindings,
    OutlierSubject, RecordIncome, ReportAbuse,
};
use crate::domain::inspection::Decision;

const NOTE_LENGTH_MAX: usize = 2000;
const REFERENCE_LENGTH_MAX: usize = 200;
const MONTHS_MAX: i32 = 60;
const YEAR_MIN: i32 = 2000;
const YEAR_MAX: i32 = 2199;
/// A year, however long it is.
pub(super) const DAYS_MAX: i64 = 366;

pub(super) fn findings(message: &wire::ListFindingsRequest) -> Result<ListFindings, FieldError> {
    use wire::FindingState as S;
    let state = match S::try_from(message.state) {
        Ok(S::Unspecified) => None,
        Ok(S::Noted) => Some("NOTED"),
        Ok(S::Open) => Some("OPEN"),
        Ok(S::Asked) => Some("ASKED"),
        Ok(S::Cleared) => Some("CLEARED"),
        Ok(S::Cut) => Some("CUT"),
        Ok(S::Appealed) => Some("APPEALED"),
        Ok(S::Upheld) => Some("UPHELD"),
        Ok(S::Superseded) => Some("SUPERSEDED"),
        Err(_) => return Err(FieldError::new("state", "is not a value of this enumeration")),
    };
    let filter = wire::ListFindingsRequest { page: None, ..message.clone() };
    Ok(ListFindings {
        state,
        provider: convert::optional_id("provider_organisation_id", &message.provider_organisation_id)?,
        page: page(message.page.as_ref(), &filter.encode_to_vec())?,
    })
}

pub(super) fn decision(message: &wire::DecideFindingRequest) -> Result<DecideFinding, FieldError> {
    use wire::FindingDecision as D;
    let decision = match (D::try_from(message.decision), message.cut.as_ref()) {
        (Ok(D::Cut), cut) => Decision::Cut(convert::money("cut", cut)?),
        (Ok(D::Accept | D::Ask), Some(_)) => return Err(FieldError::new("cut", "belongs to CUT only")),
        (Ok(D::Accept), None) => Decision::Accept,
        (Ok(D::Ask), None) => Decision::Ask,
        (Ok(D::Unspecified), _) => return Err(FieldError::new("decision", "is required")),
        (Err(_), _) => return Err(FieldError::new("decision", "is not a value of this enumeration")),
    };
    step(&message.finding_id, decision, &message.note)
}

pub(super) fn answer(message: &wire::AnswerFindingRequest) -> Result<DecideFinding, FieldError> {
    step(&message.finding_id, Decision::Answer, &message.note)
}

pub(super) fn appeal(message: &wire::AppealFindingRequest) -> Result<DecideFinding, FieldError> {
    step(&message.finding_id, Decision::Appeal, &message.note)
}

fn step(id: &str, decision: Decision, note: &str) -> Result<DecideFinding, FieldError> {
    Ok(DecideFinding {
        id: convert::id("finding_id", id)?,
        decision,
        note: convert::text("note", note, NOTE_LENGTH_MAX)?,
    })
}

/// A first and a last day, so many days at most.
pub(super) fn days(
    from: Option<&Date>,
    until: Option<&Date>,
    days_max: i64,
) -> Result<(NaiveDate, NaiveDate), FieldError> {
    let (from, until) = (convert::date("from", from)?, convert::date("until", until)?);
    if until < from {
        return Err(FieldError::new("until", "must not be before from"));
    }
    if (until - from).num_days() >= days_max {
        return Err(FieldError::new("until", format!("must be less than {days_max} days after from")));
    }
    Ok((from, until))
}

/// The first days of a first and a last month.
pub(super) fn months(from: Option<&Date>, until: Option<&Date>) -> Result<(NaiveDate, NaiveDate), FieldError> {
    let (from, until) = (convert::date("from", from)?, convert::date("until", until)?);
    let (from, until) = (first_of_month(from), first_of_month(until));
    let count = (until.year() - from.year()) * 12 + i32::try_from(until.month0()).unwrap_or(0)
        - i32::try_from(from.month0()).unwrap_or(0)
        + 1;
    if (1..=MONTHS_MAX).contains(&count) {
        Ok((from, until))
    } else {
        Err(FieldError::new("until", format!("must be 1 to {MONTHS_MAX} months, the first included")))
    }
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

pub(super) fn income(message: &wire::RecordFundIncomeRequest) -> Result<RecordIncome, FieldError> {
    use wire::FundIncomeKind as K;
    let kind = match K::try_from(message.kind) {
        Ok(K::Contribution) => "CONTRIBUTION",
        Ok(K::Subsidy) => "SUBSIDY",
        Ok(K::Interest) => "INTEREST",
        Ok(K::Opening) => "OPENING",
        Ok(K::Unspecified) => return Err(FieldError::new("kind", "is required")),
        Err(_) => return Err(FieldError::new("kind", "is not a value of this enumeration")),
    };
    let amount = convert::money("amount", message.amount.as_ref())?;
    if !amount.is_positive() {
        return Err(FieldError::new("amount", "must be positive"));
    }
    Ok(RecordIncome {
        scheme: convert::scheme("scheme", message.scheme)?,
        kind,
        on: convert::date("on", message.on.as_ref())?,
        amount,
        reference: convert::text("reference", &message.reference, REFERENCE_LENGTH_MAX)?,
    })
}

pub(super) fn outliers(message: &wire::GetOutliersRequest) -> Result<FindOutliers, FieldError> {
    use wire::OutlierSubject as S;
    let subject = match S::try_from(message.subject) {
        Ok(S::Provider) => OutlierSubject::Provider,
        Ok(S::Person) => OutlierSubject::Person,
        Ok(S::Unspecified) => return Err(FieldError::new("subject", "is required")),
        Err(_) => return Err(FieldError::new("subject", "is not a value of this enumeration")),
    };
    let (from, until) = days(message.from.as_ref(), message.until.as_ref(), DAYS_MAX)?;
    Ok(FindOutliers { subject, from, until })
}

pub(super) fn assessment(message: &wire::AssessProviderRequest) -> Result<AssessProvider, FieldError> {
    let year = |month, day| NaiveDate::from_ymd_opt(message.year, month, day);
    let (Some(first), Some(last), YEAR_MIN..=YEAR_MAX) = (year(1, 1), year(12, 31), message.year) else {
        return Err(bad_year());
    };
    let provider = convert::id("provider_organisation_id", &message.provider_organisation_id)?;
    Ok(AssessProvider { provider, year: message.year, first, last })
}

pub(super) fn assessments(message: &wire::ListAssessmentsRequest) -> Result<ListAssessments, FieldError> {
    let year = match message.year {
        0 => None,
        year @ YEAR_MIN..=YEAR_MAX => Some(year),
        _ => return Err(bad_year()),
    };
    let filter = wire::ListAssessmentsRequest { page: None, ..*message };
    Ok(ListAssessments { year, page: page(message.page.as_ref(), &filter.encode_to_vec())? })
}

fn bad_year() -> FieldError {
    FieldError::new("year", format!("must be from {YEAR_MIN} to {YEAR_MAX}"))
}

pub(super) fn report(message: &wire::ReportAbuseRequest) -> Result<ReportAbuse, FieldError> {
    let contact = convert::optional_text("contact", &message.contact, REFERENCE_LENGTH_MAX)?;
    Ok(ReportAbuse {
        provider: convert::optional_id("provider_organisation_id", &message.provider_organisation_id)?,
        text: Redacted::new(convert::text("text", &message.text, NOTE_LENGTH_MAX)?),
        contact: (!contact.is_empty()).then(|| Redacted::new(contact)),
    })
}

pub(super) fn reports(message: &wire::ListAbuseReportsRequest) -> Result<ListAbuseReports, FieldError> {
    use wire::AbuseReportState as S;
    let state = match S::try_from(message.state) {
        Ok(S::Unspecified) => None,
        Ok(S::Open) => Some("OPEN"),
        Ok(S::Confirmed) => Some("CONFIRMED"),
        Ok(S::Dismissed) => Some("DISMISSED"),
        Err(_) => return Err(FieldError::new("state", "is not a value of this enumeration")),
    };
    let filter = wire::ListAbuseReportsRequest { page: None, ..*message };
    Ok(ListAbuseReports { state, page: page(message.page.as_ref(), &filter.encode_to_vec())? })
}

pub(super) fn close(message: &wire::CloseAbuseReportRequest) -> Result<CloseAbuseReport, FieldError> {
    let recovered = match message.recovered.as_ref() {
        Some(recovered) => convert::money("recovered", Some(recovered))?,
        None => Money::ZERO,
    };
    if recovered.is_negative() || (!message.is_confirmed && recovered.is_positive()) {
        return Err(FieldError::new("recovered", "belongs to a report that was found true"));
    }
    let id = convert::id("abuse_report_id", &message.abuse_report_id)?;
    Ok(CloseAbuseReport { id, is_confirmed: message.is_confirmed, recovered })
}
