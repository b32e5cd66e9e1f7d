//! Contribution gaps (断缴) and waiting periods (待遇等待期). The rules are data (`contribution_rules.json`), each with its legal
//! source; where a region has no rule of its own that of all regions holds, and where there is none nobody waits.

use chrono::{Datelike as _, Months, NaiveDate};
use serde::Deserialize;
use types::region::RegionCode;
use types::scheme::Scheme;

use super::enrolment::{Enrolment, Layer, Terms};

/// How contributions to the basic layer stand on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contribution {
    /// Benefits are paid, without interruption since this day.
    InForce {
        since: NaiveDate,
    },
    Waiting {
        since: NaiveDate,
        wait: Wait,
    },
    /// Was enrolled before; this is the first day without cover.
    InGap {
        since: NaiveDate,
    },
    NotEnrolled,
}

/// A waiting period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Last day without benefits.
    pub until: NaiveDate,
    pub cause: WaitingCause,
    pub source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingCause {
    OutsideWindow,
    BrokenCover,
}

/// All rules, as they stand in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContributionRules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// None holds wherever a region has no rule of its own.
    region: Option<RegionCode>,
    scheme: Scheme,
    /// Judged by the first day of the enrolment.
    effective_from: NaiveDate,
    /// The yearly time of joining; none where it is not known.
    window: Option<Window>,
    /// A gap up to this long breaks nothing.
    gap_tolerated_months: u32,
    waiting_months: u32,
    waiting_months_per_further_missed_year: u32,
    source: String,
}

/// Both ends inclusive, within one year.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    from: MonthDay,
    until: MonthDay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct MonthDay {
    month: u32,
    day: u32,
}

impl ContributionRules {
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// `enrolments` are all that are believed of one person, in any order.
    pub fn judge(&self, enrolments: &[Enrolment], on: NaiveDate) -> Contribution {
        let mut history: Vec<&Terms> = enrolments
            .iter()
            .map(|enrolment| &enrolment.terms)
            .filter(|terms| terms.layer == Layer::Basic && terms.from <= on)
            .collect();
        history.sort_by_key(|terms| terms.from);

        let mut standing: Option<Standing<'_>> = None;
        for terms in history {
            standing = Some(self.next(standing, terms));
        }
        let Some(Standing { terms, since, wait }) = standing else {
            return Contribution::NotEnrolled;
        };
        match (terms.until, wait) {
            (Some(last), _) if last < on => Contribution::InGap { since: day_after(last) },
            (_, Some(wait)) if wait.until >= on => Contribution::Waiting { since, wait },
            (_, Some(wait)) => Contribution::InForce { since: day_after(wait.until).max(since) },
            (_, None) => Contribution::InForce { since },
        }
    }

    /// How things stand once this enrolment has followed.
    fn next<'a>(&self, before: Option<Standing<'_>>, terms: &'a Terms) -> Standing<'a> {
        let rule = self.rule(terms);
        let last = before.as_ref().and_then(|before| before.terms.until);
        let is_seamless = last.is_some_and(|last| day_after(last) >= terms.from);
        let tolerated = rule.map_or(0, |rule| rule.gap_tolerated_months);
        let is_broken = last.is_some_and(|last| months_after(day_after(last), tolerated) < terms.from);

        let wait = match (&before, rule) {
            _ if !terms.waiting_waived_for.is_empty() => None,
            // A wait that has begun goes on in whatever continues the cover.
            (Some(before), _) if !is_broken => before.wait.clone(),
            (Some(_), Some(rule)) => last.and_then(|last| rule.wait_after_gap(day_after(last), terms.from)),
            (None, Some(rule)) => rule.wait_of_newcomer(terms),
            (_, None) => None,
        };
        let is_let_off = |before: &Standing<'_>| before.wait.as_ref().is_some_and(|_| wait.is_none());
        let carries_on = |before: &Standing<'_>| is_seamless && !is_let_off(before);
        let since = before.filter(carries_on).map_or(terms.from, |before| before.since);
        Standing { terms, since, wait }
    }

    /// The region's own rule before that of all regions, the latest first.
    fn rule(&self, terms: &Terms) -> Option<&Rule> {
        let fits = |rule: &&Rule| {
            rule.scheme == terms.scheme
                && rule.effective_from <= terms.from
                && rule.region.is_none_or(|region| region == terms.insured_region)
        };
        self.rules.iter().filter(fits).max_by_key(|rule| (rule.region.is_some(), rule.effective_from))
    }
}

/// How things stand after some enrolments.
struct Standing<'a> {
    terms: &'a Terms,
    /// First day of cover without a day missing.
    since: NaiveDate,
    wait: Option<Wait>,
}

impl Rule {
    fn wait_after_gap(&self, gap_from: NaiveDate, from: NaiveDate) -> Option<Wait> {
        let missed_years = months_between(gap_from, from) / 12;
        let further = missed_years.saturating_sub(1) * self.waiting_months_per_further_missed_year;
        self.wait(from, self.waiting_months + further, WaitingCause::BrokenCover)
    }

    /// Whoever is said to have joined outside the window. Where the window or the day is not known nobody is kept waiting by it.
    fn wait_of_newcomer(&self, terms: &Terms) -> Option<Wait> {
        let (window, joined_on) = (self.window?, terms.joined_on?);
        let joined = MonthDay { month: joined_on.month(), day: joined_on.day() };
        if (window.from..=window.until).contains(&joined) {
            return None;
        }
        self.wait(terms.from, self.waiting_months, WaitingCause::OutsideWindow)
    }

    fn wait(&self, from: NaiveDate, months: u32, cause: WaitingCause) -> Option<Wait> {
        let until = months_after(from, months).pred_opt()?;
        (months > 0).then(|| Wait { until, cause, source: self.source.clone() })
    }
}

fn day_after(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

fn months_after(day: NaiveDate, months: u32) -> NaiveDate {
    day.checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
}

/// Whole months.
fn months_between(from: NaiveDate, until: NaiveDate) -> u32 {
    let months = (until.year() - from.year()) * 12 + i32::try_from(until.month0()).unwrap_or_default()
        - i32::try_from(from.month0()).unwrap_or_default()
        - i32::from(until.day() < from.day());
    u32::try_from(months).unwrap_or_default()
}

impl TryFrom<String> for MonthDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // Any leap year: the 29th of February may be named.
        let date = NaiveDate::parse_from_str(&format!("2024-{text}"), "%Y-%m-%d");
        let date = date.map_err(|_| format!("{text:?} is not a day of the year such as 09-01"))?;
        Ok(Self { month: date.month(), day: date.day() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::enrolment::tests::{day, enrolment, terms};
    use super::*;

    fn rules() -> ContributionRules {
        ContributionRules::parse(crate::CONTRIBUTION_RULES).unwrap()
    }

    fn resident(from: &str, until: Option<&str>) -> Terms {
        Terms { scheme: Scheme::Resident, ..terms(from, until) }
    }

    fn judge(history: &[Terms], on: &str) -> Contribution {
        let enrolments: Vec<Enrolment> = history.iter().cloned().map(enrolment).collect();
        rules().judge(&enrolments, day(on))
    }

    fn waits_until(contribution: &Contribution) -> Option<(NaiveDate, WaitingCause)> {
        match contribution {
            Contribution::Waiting { wait, .. } => Some((wait.until, wait.cause)),
            _ => None,
        }
    }

    #[test]
    fn id_03_whoever_was_never_enrolled_is_not_in_a_gap() {
        assert_eq!(judge(&[], "2026-01-01"), Contribution::NotEnrolled);
        assert_eq!(judge(&[terms("2026-02-01", None)], "2026-01-31"), Contribution::NotEnrolled);
        let other_layer = Terms { layer: Layer::Assistance, ..terms("2026-01-01", None) };
        assert_eq!(judge(&[other_layer], "2026-06-01"), Contribution::NotEnrolled);
    }

    #[test]
    fn id_03_a_gap_begins_on_the_day_after_the_last() {
        let history = [terms("2025-01-01", Some("2025-12-31"))];
        assert_eq!(judge(&history, "2025-12-31"), Contribution::InForce { since: day("2025-01-01") });
        assert_eq!(judge(&history, "2026-03-01"), Contribution::InGap { since: day("2026-01-01") });
    }

    #[test]
    fn id_03_an_employee_waits_after_a_gap_of_more_than_three_months() {
        let before = terms("2024-01-01", Some("2025-12-31"));
        let tolerated = [before.clone(), terms("2026-04-01", None)];
        assert_eq!(judge(&tolerated, "2026-04-01"), Contribution::InForce { since: day("2026-04-01") });
        let broken = [before, terms("2026-04-02", None)];
        let waiting = judge(&broken, "2026-04-02");
        assert_eq!(waits_until(&waiting), Some((day("2026-10-01"), WaitingCause::BrokenCover)));
        assert_eq!(judge(&broken, "2026-10-02"), Contribution::InForce { since: day("2026-10-02") });
    }

    #[test]
    fn id_03_whoever_joins_outside_the_window_waits() {
        let joined = |on: &str| Terms { joined_on: Some(day(on)), ..resident("2026-01-01", None) };
        assert!(waits_until(&judge(&[joined("2025-12-31")], "2026-01-01")).is_none());
        let late = Terms { joined_on: Some(day("2026-03-10")), ..resident("2026-03-10", None) };
        let waiting = judge(&[late], "2026-06-09");
        assert_eq!(waits_until(&waiting), Some((day("2026-06-09"), WaitingCause::OutsideWindow)));
    }

    #[test]
    fn id_03_each_further_missed_year_adds_a_month() {
        let before = resident("2022-01-01", Some("2022-12-31"));
        let until = |from: &str| waits_until(&judge(&[before.clone(), resident(from, None)], from)).unwrap().0;
        assert_eq!(until("2024-01-01"), day("2024-03-31"));
        assert_eq!(until("2025-01-01"), day("2025-04-30"));
        assert_eq!(until("2026-01-01"), day("2026-05-31"));
    }

    #[test]
    fn id_03_a_wait_goes_on_in_the_cover_that_follows_and_can_be_waived() {
        let late = Terms { joined_on: Some(day("2026-03-10")), ..resident("2026-03-10", Some("2026-04-30")) };
        let employed = terms("2026-05-01", None);
        let waiting = judge(&[late.clone(), employed.clone()], "2026-05-15");
        assert_eq!(waits_until(&waiting), Some((day("2026-06-09"), WaitingCause::OutsideWindow)));
        let waived = Terms { waiting_waived_for: "新就业".to_owned(), ..employed };
        assert_eq!(judge(&[late, waived], "2026-05-15"), Contribution::InForce { since: day("2026-05-01") });
    }

    #[test]
    fn id_03_the_national_rule_holds_where_a_region_has_none() {
        let elsewhere = |from: &str, until| Terms { insured_region: RegionCode::BEIJING, ..resident(from, until) };
        let broken = [elsewhere("2023-01-01", Some("2023-12-31")), elsewhere("2025-01-01", None)];
        let Contribution::Waiting { wait, .. } = judge(&broken, "2025-03-31") else {
            panic!("must wait");
        };
        assert_eq!((wait.until, wait.source.as_str()), (day("2025-03-31"), "国办发〔2024〕38号"));
        let employees = [terms("2020-01-01", Some("2020-12-31")), terms("2026-01-01", None)]
            .map(|terms| Terms { insured_region: RegionCode::BEIJING, ..terms });
        assert_eq!(judge(&employees, "2026-01-01"), Contribution::InForce { since: day("2026-01-01") });
    }

    #[test]
    fn rules_that_cannot_be_read_are_refused() {
        let good = crate::CONTRIBUTION_RULES;
        assert!(ContributionRules::parse(&good.replace("09-01", "02-30")).is_err());
        assert!(ContributionRules::parse(&good.replace("waiting_months\"", "waiting\"")).is_err());
    }
}
