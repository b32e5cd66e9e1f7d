//! What the lines of one batch come to, beside what is believed of their persons. Decides; writes nothing.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use types::ids::{EnrolmentId, OrganisationId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::enrolment::{Enrolment, Terms};
use crate::domain::import::{Decision, Reason, Rejection, decide};

/// Why a version follows another.
const CORRECTION_REASON: &str = "IMPORT";

/// A batch being decided, line by line: each sees what the lines before it have come to.
pub(super) struct Plan {
    region: RegionCode,
    recorder: OrganisationId,
    pub(super) now: DateTime<Utc>,
    believed: HashMap<ResidentId, Vec<Enrolment>>,
    /// Versions to write.
    pub(super) written: Vec<Enrolment>,
    /// Versions to close, each as it will then stand.
    pub(super) superseded: Vec<Enrolment>,
    /// From which day on whose cover is another.
    pub(super) changed: HashMap<ResidentId, NaiveDate>,
    pub(super) recorded: i64,
    pub(super) corrected: i64,
    pub(super) unchanged: i64,
}

impl Plan {
    pub(super) fn new(
        region: RegionCode,
        recorder: OrganisationId,
        now: DateTime<Utc>,
        believed: HashMap<ResidentId, Vec<Enrolment>>,
    ) -> Self {
        Self {
            region,
            recorder,
            now,
            believed,
            written: vec![],
            superseded: vec![],
            changed: HashMap::new(),
            recorded: 0,
            corrected: 0,
            unchanged: 0,
        }
    }

    pub(super) fn add(&mut self, resident: ResidentId, terms: Terms) -> Result<(), Rejection> {
        let believed = self.believed.entry(resident).or_default();
        match decide(believed, &terms) {
            Decision::Overlaps => return Err(Rejection::of(Reason::Overlaps)),
            Decision::Unchanged => self.unchanged += 1,
            Decision::Recorded => {
                self.recorded += 1;
                let id = EnrolmentId::generate();
                let from = terms.from;
                self.write(Enrolment {
                    id,
                    row: id.uuid(),
                    version: 1,
                    region: self.region,
                    resident,
                    terms,
                    correction_reason: String::new(),
                    recorder: Some(self.recorder),
                    recorded_at: self.now,
                    superseded_at: None,
                });
                self.change(resident, from);
            }
            Decision::Corrected(before) => {
                self.corrected += 1;
                let before = before.clone();
                let from = before.changed_from(&terms);
                let reason = CORRECTION_REASON.to_owned();
                let after = before.corrected(terms, reason, Some(self.recorder), self.now, Uuid::now_v7());
                self.close(Enrolment { superseded_at: Some(after.recorded_at), ..before });
                self.write(after);
                self.change(resident, from);
            }
        }
        Ok(())
    }

    fn write(&mut self, enrolment: Enrolment) {
        let believed = self.believed.entry(enrolment.resident).or_default();
        believed.retain(|before| before.id != enrolment.id);
        believed.push(enrolment.clone());
        self.written.push(enrolment);
    }

    /// A version of an earlier line of this batch is written closed.
    fn close(&mut self, before: Enrolment) {
        match self.written.iter_mut().find(|written| written.row == before.row) {
            Some(written) => *written = before,
            None => self.superseded.push(before),
        }
    }

    fn change(&mut self, resident: ResidentId, from: NaiveDate) {
        let first = self.changed.entry(resident).or_insert(from);
        *first = from.min(*first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::enrolment::tests::{day, enrolment, terms};

    fn plan(believed: Vec<Enrolment>) -> (Plan, ResidentId) {
        let resident = ResidentId::generate();
        let recorder = OrganisationId::generate();
        let believed = HashMap::from([(resident, believed)]);
        (Plan::new(RegionCode::BEIJING, recorder, DateTime::UNIX_EPOCH, believed), resident)
    }

    #[test]
    fn id_03_a_line_sees_what_the_lines_before_it_have_come_to() {
        let (mut plan, resident) = plan(vec![]);
        plan.add(resident, terms("2026-01-01", Some("2026-12-31"))).unwrap();
        plan.add(resident, terms("2026-01-01", Some("2026-12-31"))).unwrap();
        plan.add(resident, terms("2026-01-01", Some("2026-06-30"))).unwrap();
        let rejected = plan.add(resident, terms("2026-06-30", None));
        assert_eq!(rejected, Err(Rejection::of(Reason::Overlaps)));
        plan.add(resident, terms("2026-07-01", None)).unwrap();
        assert_eq!((plan.recorded, plan.unchanged, plan.corrected), (2, 1, 1));
        assert!(plan.superseded.is_empty());
        let closed: Vec<bool> = plan.written.iter().map(|row| row.superseded_at.is_some()).collect();
        assert_eq!(closed, [true, false, false]);
        assert_eq!(plan.changed[&resident], day("2026-01-01"));
    }

    #[test]
    fn id_03_what_is_believed_is_closed_by_a_correction() {
        let (mut plan, resident) = plan(vec![enrolment(terms("2026-01-01", None))]);
        plan.add(resident, terms("2026-01-01", Some("2026-06-30"))).unwrap();
        assert_eq!((plan.superseded.len(), plan.written.len()), (1, 1));
        assert_eq!(plan.superseded[0].superseded_at, Some(plan.written[0].recorded_at));
        assert_eq!(plan.changed[&resident], day("2026-07-01"));
    }
}
