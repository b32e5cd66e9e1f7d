//! What of a person's other claims the rules look at for this one: most rules ask nothing, for the claim has none of their items.

use chrono::{Days, NaiveDate};
use types::care::CareKind;

use super::book::RuleBook;
use super::case::{BilledItem, Case};
use super::code::Codes;
use super::document::Settings;

/// Which other claims, and which of their lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookback {
    /// Claims for care that lasted until this day or a later one.
    pub claims_from: NaiveDate,
    /// Their lines from this day on.
    pub lines_from: Option<NaiveDate>,
    /// Their lines with an item and a day that lines of this claim have.
    pub same_items: bool,
}

/// How much of other claims a rule looks at.
enum Extent {
    Nothing,
    Visits,
    SameItems,
    Lines,
}

/// What the history of the case must have for the rules to find what they find in all of it; none where they look at no other claim.
pub fn lookback(book: &RuleBook, case: &Case) -> Option<Lookback> {
    let first = case.lines.iter().map(|line| line.on).chain([case.from, case.until]).min()?;
    let mut found: Option<Lookback> = None;
    for configured in book.rules() {
        let settings = &configured.settings;
        let from = first.checked_sub_days(Days::new(settings.window_days().into())).unwrap_or(NaiveDate::MIN);
        let (lines_from, same_items) = match extent(settings, case) {
            Extent::Nothing => continue,
            Extent::Visits => (None, false),
            Extent::SameItems => (None, true),
            Extent::Lines => (Some(from), false),
        };
        let one = Lookback { claims_from: from, lines_from, same_items };
        found = Some(found.map_or(one, |sofar| sofar.and(one)));
    }
    found
}

impl Lookback {
    fn and(self, other: Self) -> Self {
        Self {
            claims_from: self.claims_from.min(other.claims_from),
            lines_from: self.lines_from.into_iter().chain(other.lines_from).min(),
            same_items: self.same_items || other.same_items,
        }
    }
}

fn extent(settings: &Settings, case: &Case) -> Extent {
    use Settings as S;
    let bills = |items: &Codes| case.lines.iter().any(|line| items.has_item(line));
    let lines_if = |is_asked: bool| if is_asked { Extent::Lines } else { Extent::Nothing };
    let visits_if = |is_asked: bool| if is_asked { Extent::Visits } else { Extent::Nothing };
    match settings {
        S::PriorItem { points } => lines_if(points.iter().any(|point| bills(&point.items))),
        S::PeriodFrequency { points } => lines_if(points.iter().any(|point| bills(&point.items))),
        S::Course { points, .. } => lines_if(points.iter().any(|point| bills(&point.items))),
        S::PayableTotal { points } => lines_if(points.iter().any(|point| bills(&point.items))),
        S::RepeatTest { points } => lines_if(points.iter().any(|point| bills(&point.items))),
        S::Duplicate { except } => {
            let is_asked = case.lines.iter().any(|line: &BilledItem| !except.has_item(line));
            if is_asked { Extent::SameItems } else { Extent::Nothing }
        }
        S::Visits { kinds, items, .. } if items.is_empty() => visits_if(kinds.contains(&case.kind)),
        S::Visits { kinds, items, .. } => lines_if(kinds.contains(&case.kind) && bills(items)),
        S::SplitAdmission { .. } | S::HangBed { .. } => visits_if(case.kind == CareKind::Inpatient),
        S::OtherInsurance { .. }
        | S::Excluded { .. }
        | S::Age { .. }
        | S::Sex { .. }
        | S::Indication { .. }
        | S::Contraindication { .. }
        | S::Tier { .. }
        | S::VisitKind { .. }
        | S::UnitPrice { .. }
        | S::RepeatOperation { .. }
        | S::Pair { .. }
        | S::UnitFrequency { .. }
        | S::Quantity { .. }
        | S::ItemKinds { .. }
        | S::Companion { .. }
        | S::PrincipalDiagnosis { .. }
        | S::ProcedureCode { .. }
        | S::LateClaim { .. }
        | S::StayDates {}
        | S::Share { .. }
        | S::ReadmissionRate { .. } => Extent::Nothing,
    }
}
