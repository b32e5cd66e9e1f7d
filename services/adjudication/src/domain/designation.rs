//! On which days an insurer had a contract with a provider, as identity keeps its designations.

use chrono::NaiveDate;

/// Days in a row, both ends included.
pub type Days = (NaiveDate, NaiveDate);

/// A contract, for whichever kind of care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Designation {
    pub from: NaiveDate,
    /// None: open.
    pub until: Option<NaiveDate>,
    /// First and last day of each suspension; one without a last day lasts.
    pub suspensions: Vec<(NaiveDate, Option<NaiveDate>)>,
}

impl Designation {
    /// Its days among these, without those on which it was suspended.
    pub fn days_within(&self, (first, last): Days) -> Vec<Days> {
        let end = self.until.map_or(last, |until| until.min(last));
        let mut suspensions = self.suspensions.clone();
        suspensions.sort_unstable();
        let mut found = vec![];
        let mut start = Some(self.from.max(first));
        for (from, until) in suspensions {
            let Some(begun) = start else { break };
            if let Some(before) = from.pred_opt().map(|before| before.min(end)).filter(|before| begun <= *before) {
                found.push((begun, before));
            }
            start = until.and_then(|until| until.succ_opt()).map(|after| after.max(begun));
        }
        found.extend(start.filter(|start| *start <= end).map(|start| (start, end)));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn within_2025(from: &str, until: Option<&str>, suspensions: &[(&str, Option<&str>)]) -> Vec<Days> {
        let suspensions = suspensions.iter().map(|(from, until)| (day(from), until.map(day))).collect();
        let contract = Designation { from: day(from), until: until.map(day), suspensions };
        contract.days_within((day("2025-01-01"), day("2025-12-31")))
    }

    #[test]
    fn ad_11_a_contracts_days_in_a_year_are_those_it_was_in_force_on() {
        let days = |from: &str, until: &str| (day(from), day(until));
        assert_eq!(within_2025("2020-01-01", None, &[]), [days("2025-01-01", "2025-12-31")]);
        assert_eq!(within_2025("2025-02-01", Some("2025-11-30"), &[]), [days("2025-02-01", "2025-11-30")]);
        assert_eq!(within_2025("2024-02-01", Some("2024-11-30"), &[]), []);
        assert_eq!(within_2025("2026-01-01", None, &[]), []);
        // Suspended twice, in whichever order they are told, and from the autumn on for good.
        let suspended = [("2025-06-01", Some("2025-06-30")), ("2024-12-01", Some("2025-01-31")), ("2025-10-01", None)];
        let between = [days("2025-02-01", "2025-05-31"), days("2025-07-01", "2025-09-30")];
        assert_eq!(within_2025("2020-01-01", None, &suspended), between);
        assert_eq!(within_2025("2025-06-01", Some("2025-06-30"), &suspended), []);
        assert_eq!(within_2025("2025-06-01", Some("2025-07-01"), &suspended), [days("2025-07-01", "2025-07-01")]);
        assert_eq!(within_2025("2025-03-01", None, &[("2025-03-01", None)]), []);
    }
}
