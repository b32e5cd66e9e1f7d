//! Who is insured, by which scheme and region, in which layer, from when until when, and since when that is believed.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proto::convert::FieldError;
use types::ids::{EnrolmentId, OrganisationId, ResidentId};
use types::national_id::Sex;
use types::region::RegionCode;
use types::scheme::Scheme;
use uuid::Uuid;

use super::IdentityError;
use super::contribution::Contribution;
use super::family_doctor::Contract;
use super::remote_care::Filing;
use super::vulnerability::Flag;
use super::word::words;

words! {
    /// Layer of cover, in the order in which they pay.
    Layer {
        Basic = "BASIC",
        CriticalIllness = "CRITICAL_ILLNESS",
        Assistance = "ASSISTANCE",
        Commercial = "COMMERCIAL",
    }
}

/// What an enrolment says, and what a correction can replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub scheme: Scheme,
    pub insured_region: RegionCode,
    pub layer: Layer,
    /// Which of several that pay in the same layer goes first: 1 to 9.
    pub order: i16,
    /// Nobody: the insured region's own fund.
    pub payer: Option<OrganisationId>,
    /// First day in force.
    pub from: NaiveDate,
    /// Last day in force; open if none.
    pub until: Option<NaiveDate>,
    /// First day as a retired person.
    pub retired_from: Option<NaiveDate>,
    /// By which the yearly window is judged.
    pub joined_on: Option<NaiveDate>,
    /// Empty where the rules decide whether there is a wait.
    pub waiting_waived_for: String,
    /// Enrolled as a pupil, student or child (学生儿童).
    pub student: bool,
}

/// One version of one enrolment. It is believed from `recorded_at` until it is superseded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub id: EnrolmentId,
    /// Of this version; that of the first is the enrolment's own id.
    pub row: Uuid,
    pub version: i32,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub terms: Terms,
    /// Why this version was written; empty for the first.
    pub correction_reason: String,
    /// Organisation that recorded it.
    pub recorder: Option<OrganisationId>,
    pub recorded_at: DateTime<Utc>,
    pub superseded_at: Option<DateTime<Utc>>,
}

/// Which versions are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Believed {
    Now,
    At(DateTime<Utc>),
    /// Every version there ever was.
    Ever,
}

/// Where a page of a list begins: first day, id and version of the last row before.
pub type PageKey = (NaiveDate, Uuid, i32);

/// All that is in force for a resident on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub resident: ResidentId,
    pub on: NaiveDate,
    pub enrolments: Vec<Enrolment>,
    pub birth_date: NaiveDate,
    pub sex: Sex,
    /// Vulnerabilities recorded for that day; old age follows from the birth date.
    pub flags: Vec<Flag>,
    pub contribution: Contribution,
    pub contract: Option<Contract>,
    pub filings: Vec<Filing>,
}

impl Terms {
    pub fn check(&self) -> Result<(), FieldError> {
        if self.until.is_some_and(|until| until < self.from) {
            return Err(FieldError::new("until", "must not be before from"));
        }
        let is_within = |day: NaiveDate| day >= self.from && self.until.is_none_or(|until| day <= until);
        if self.retired_from.is_some_and(|day| !is_within(day)) {
            return Err(FieldError::new("retired_from", "must be a day on which it is in force"));
        }
        if self.layer == Layer::Commercial && self.payer.is_none() {
            return Err(FieldError::new("payer_organisation_id", "is required of commercial cover"));
        }
        if self.student && (self.scheme, self.layer) != (Scheme::Resident, Layer::Basic) {
            return Err(FieldError::new("student", "is only in the basic layer of the resident scheme"));
        }
        Ok(())
    }

    pub fn in_force_on(&self, day: NaiveDate) -> bool {
        self.from <= day && self.until.is_none_or(|until| until >= day)
    }

    pub fn retired_on(&self, day: NaiveDate) -> bool {
        self.retired_from.is_some_and(|from| from <= day)
    }

    /// Two of one layer and order never share a day: nobody could say which of them pays.
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_before = |first: &Self, second: &Self| first.until.is_some_and(|last| last < second.from);
        (self.layer, self.order) == (other.layer, other.order) && !ends_before(self, other) && !ends_before(other, self)
    }
}

impl Enrolment {
    /// The version that follows this one.
    #[must_use]
    pub fn corrected(
        &self,
        terms: Terms,
        reason: String,
        recorder: Option<OrganisationId>,
        now: DateTime<Utc>,
        row: Uuid,
    ) -> Self {
        // Whatever the clocks of two replicas say, a version is believed for a moment at least.
        let recorded_at = now.max(self.recorded_at + TimeDelta::microseconds(1));
        Self {
            row,
            version: self.version.saturating_add(1),
            terms,
            correction_reason: reason,
            recorder,
            recorded_at,
            superseded_at: None,
            ..self.clone()
        }
    }

    /// The terms with this last day.
    pub fn ending(&self, until: NaiveDate) -> Result<Terms, IdentityError> {
        if until < self.terms.from {
            return Err(FieldError::new("until", "must not be before the first day").into());
        }
        if self.terms.until.is_some_and(|earlier| earlier <= until) {
            return Err(IdentityError::EnrolmentEnded);
        }
        // Who would have retired later did not do so in this enrolment.
        let retired_from = self.terms.retired_from.filter(|day| *day <= until);
        Ok(Terms { until: Some(until), retired_from, ..self.terms.clone() })
    }

    /// What a correction of it by these terms changes begins on this day.
    pub fn changed_from(&self, terms: &Terms) -> NaiveDate {
        let (old, new) = (&self.terms, terms);
        let rest_is_same = Terms { until: old.until, ..new.clone() } == *old;
        match (old.until, new.until) {
            // Only the end moved: from the day after the earlier of both.
            (Some(last), None) | (None, Some(last)) if rest_is_same => last.succ_opt().unwrap_or(last),
            (Some(one), Some(other)) if rest_is_same => one.min(other).succ_opt().unwrap_or(one),
            _ => old.from.min(new.from),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    pub(crate) fn terms(from: &str, until: Option<&str>) -> Terms {
        Terms {
            scheme: Scheme::Employee,
            insured_region: RegionCode::DEMONSTRATION,
            layer: Layer::Basic,
            order: 1,
            payer: None,
            from: day(from),
            until: until.map(day),
            retired_from: None,
            joined_on: None,
            waiting_waived_for: String::new(),
            student: false,
        }
    }

    pub(crate) fn enrolment(terms: Terms) -> Enrolment {
        Enrolment {
            id: EnrolmentId::from_uuid(Uuid::from_u128(1)),
            row: Uuid::from_u128(1),
            version: 1,
            region: RegionCode::BEIJING,
            resident: ResidentId::from_uuid(Uuid::from_u128(2)),
            terms,
            correction_reason: String::new(),
            recorder: None,
            recorded_at: DateTime::UNIX_EPOCH,
            superseded_at: None,
        }
    }

    #[test]
    fn id_03_only_days_of_one_layer_and_order_overlap() {
        let year = terms("2026-01-01", Some("2026-12-31"));
        assert!(year.overlaps(&terms("2026-12-31", None)));
        assert!(!year.overlaps(&terms("2027-01-01", None)));
        assert!(!year.overlaps(&terms("2025-01-01", Some("2025-12-31"))));
        assert!(!year.overlaps(&Terms { layer: Layer::Assistance, ..year.clone() }));
        assert!(!year.overlaps(&Terms { order: 2, ..year.clone() }));
    }

    #[test]
    fn id_03_terms_that_contradict_themselves_are_refused() {
        let field = |terms: Terms| terms.check().unwrap_err().field;
        assert_eq!(field(terms("2026-01-01", Some("2025-12-31"))), "until");
        let retired_from = Some(day("2027-01-01"));
        assert_eq!(field(Terms { retired_from, ..terms("2026-01-01", Some("2026-12-31")) }), "retired_from");
        assert_eq!(field(Terms { layer: Layer::Commercial, ..terms("2026-01-01", None) }), "payer_organisation_id");
        assert_eq!(field(Terms { student: true, ..terms("2026-01-01", None) }), "student");
        assert!(Terms { student: true, scheme: Scheme::Resident, ..terms("2026-01-01", None) }.check().is_ok());
        assert!(Terms { retired_from, ..terms("2026-01-01", None) }.check().is_ok());
    }

    #[test]
    fn id_03_retirement_counts_from_its_day() {
        let terms = Terms { retired_from: Some(day("2026-07-01")), ..terms("2026-01-01", None) };
        assert!(!terms.retired_on(day("2026-06-30")));
        assert!(terms.retired_on(day("2026-07-01")));
    }

    #[test]
    fn id_03_a_version_is_believed_for_a_moment_even_when_a_clock_goes_back() {
        let first = enrolment(terms("2026-01-01", None));
        let past = DateTime::UNIX_EPOCH - TimeDelta::hours(1);
        let next = first.corrected(first.terms.clone(), "typo".to_owned(), None, past, Uuid::from_u128(3));
        assert!(next.recorded_at > first.recorded_at);
        assert_eq!((next.version, next.id), (2, first.id));
    }

    #[test]
    fn id_03_an_enrolment_ends_once_and_not_before_it_began() {
        let open = enrolment(terms("2026-01-01", None));
        assert_eq!(open.ending(day("2026-06-30")).unwrap().until, Some(day("2026-06-30")));
        assert!(matches!(open.ending(day("2025-12-31")), Err(IdentityError::Field(_))));
        let ended = enrolment(terms("2026-01-01", Some("2026-06-30")));
        assert!(matches!(ended.ending(day("2026-06-30")), Err(IdentityError::EnrolmentEnded)));
        assert!(ended.ending(day("2026-06-29")).is_ok());
    }

    #[test]
    fn id_03_a_change_is_told_from_the_first_day_that_it_touches() {
        let open = enrolment(terms("2026-01-01", None));
        assert_eq!(open.changed_from(&terms("2026-01-01", Some("2026-06-30"))), day("2026-07-01"));
        assert_eq!(open.changed_from(&terms("2025-07-01", None)), day("2025-07-01"));
        assert_eq!(open.changed_from(&terms("2026-03-01", None)), day("2026-01-01"));
        let half = enrolment(terms("2026-01-01", Some("2026-06-30")));
        assert_eq!(half.changed_from(&terms("2026-01-01", Some("2026-09-30"))), day("2026-07-01"));
    }
}
