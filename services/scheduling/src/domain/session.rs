//! Sessions and the slots they are cut into.

use chrono::{DateTime, TimeDelta, Utc};
use types::{
    care::CareKind,
    expected::ExpectedLine,
    ids::{DepartmentId, OrganisationId, PractitionerId, SessionId, SlotId},
    place::Place,
    tier::Tier,
};

use super::{
    error::SchedulingError,
    notice::{CancelNotice, Closed},
    pool::Pool,
};

pub const SLOTS_MAX: usize = 200;

/// Places of each slot in one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolShare {
    pub pool: Pool,
    pub places: u16,
}

/// What a session, or the template it comes of, says about every visit of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionTerms {
    /// Until when a patient gives a confirmed place up; none says nothing.
    pub cancel_notice: Option<CancelNotice>,
    /// What a visit is usually billed; empty says nothing.
    pub expected_lines: Vec<ExpectedLine>,
}

impl SessionTerms {
    /// Until when a place that begins then is given up.
    pub fn cancel_until(&self, starts_at: DateTime<Utc>, closed: &Closed) -> Option<DateTime<Utc>> {
        self.cancel_notice.map(|notice| notice.until(starts_at, closed))
    }
}

/// What that comes to for a place; an appointment goes by its place, also after a move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VisitTerms {
    /// Reckoned when the place was made, so that no holiday declared later changes it; none says nothing.
    pub cancel_until: Option<DateTime<Utc>>,
    /// What a visit is usually billed; empty says nothing.
    pub expected_lines: Vec<ExpectedLine>,
}

/// Working time of a doctor, room or ward.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub id: SessionId,
    pub organisation: OrganisationId,
    pub tier: Tier,
    pub place: Place,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub kinds: Vec<CareKind>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub slot_length_minutes: u16,
    pub pools: Vec<PoolShare>,
    /// ICD-10 prefixes it is fit for; empty for anything.
    pub capabilities: Vec<String>,
    pub terms: SessionTerms,
}

/// A stretch of a session in which places are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub id: SlotId,
    pub session: SessionId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

/// From the first instant to before the last.
pub type Span = (DateTime<Utc>, DateTime<Utc>);

/// When each slot of a session starts and ends: all of one length, without gaps, at most [`SLOTS_MAX`].
pub fn slot_times(
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    slot_length_minutes: u16,
) -> Result<Vec<Span>, SchedulingError> {
    if ends_at <= starts_at {
        return Err(SchedulingError::field("ends_at", "must be after starts_at"));
    }
    let length = TimeDelta::minutes(i64::from(slot_length_minutes));
    let mut times = Vec::new();
    let mut start = starts_at;
    while start < ends_at {
        let end = start + length;
        if end > ends_at {
            return Err(SchedulingError::field("slot_length_minutes", "must divide the session"));
        }
        if times.len() == SLOTS_MAX {
            return Err(SchedulingError::field("slot_length_minutes", format!("makes more than {SLOTS_MAX} slots")));
        }
        times.push((start, end));
        start = end;
    }
    Ok(times)
}

/// Whether a session with these capabilities is fit for an ICD-10 code.
pub fn is_fit_for(capabilities: &[String], icd10_code: &str) -> bool {
    capabilities.is_empty() || capabilities.iter().any(|prefix| icd10_code.starts_with(prefix.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn refused_field(result: Result<Vec<Span>, SchedulingError>) -> String {
        match result {
            Err(SchedulingError::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sc_01_slots_fill_the_session_without_gap_or_overlap() {
        let times = slot_times(at(0), at(60), 20).unwrap();
        assert_eq!(times, [(at(0), at(20)), (at(20), at(40)), (at(40), at(60))]);
    }

    #[test]
    fn sc_01_a_session_that_cannot_be_cut_evenly_is_refused() {
        assert_eq!(refused_field(slot_times(at(0), at(50), 20)), "slot_length_minutes");
        assert_eq!(refused_field(slot_times(at(0), at(0), 20)), "ends_at");
        assert_eq!(refused_field(slot_times(at(0), at(201 * 5), 5)), "slot_length_minutes");
        assert_eq!(slot_times(at(0), at(200 * 5), 5).unwrap().len(), SLOTS_MAX);
    }

    #[test]
    fn rf_02_a_capability_covers_the_codes_below_it() {
        let cardiology = ["I20".to_owned(), "I25".to_owned()];
        assert!(is_fit_for(&cardiology, "I25.103") && is_fit_for(&[], "I25.103"));
        assert!(!is_fit_for(&cardiology, "J44.1"));
    }
}
