//! From a rule book and a case to findings: one function a kind, none of which knows which rule it serves.

mod amounts;
mod items;
mod periods;
mod stays;

use rust_decimal::Decimal;
use types::money::Money;

use super::book::RuleBook;
use super::case::{BilledItem, Case};
use super::document::Settings;
use super::evidence::{Fact, Finding};

/// What a kind of check found, before it is anybody's rule.
#[derive(Debug)]
struct Hit {
    /// From 0.
    line: Option<usize>,
    amount: Money,
    evidence: Vec<Fact>,
}

impl Hit {
    /// A whole line.
    fn line(index: usize, line: &BilledItem, mut evidence: Vec<Fact>) -> Self {
        evidence.insert(0, Fact::line(index, line));
        Self { line: Some(index), amount: line.amount, evidence }
    }

    /// A part of a line.
    fn part(index: usize, line: &BilledItem, amount: Money, evidence: Vec<Fact>) -> Self {
        Self { amount, ..Self::line(index, line, evidence) }
    }

    /// The claim as a whole.
    const fn claim(case: &Case, evidence: Vec<Fact>) -> Self {
        Self { line: None, amount: case.total, evidence }
    }
}

/// Everything that this claim gives cause to ask, by rule and line. The same case and book always give the same findings.
pub fn inspect(book: &RuleBook, case: &Case) -> Vec<Finding> {
    let mut findings = vec![];
    for configured in book.rules() {
        let hits = hits(&configured.settings, case);
        findings.extend(hits.into_iter().map(|hit| Finding {
            rule: configured.rule.clone(),
            line: hit.line.map(|index| index + 1),
            amount: hit.amount,
            evidence: hit.evidence,
        }));
    }
    findings.sort_by(|one, other| (&one.rule, one.line).cmp(&(&other.rule, other.line)));
    findings
}

fn hits(settings: &Settings, case: &Case) -> Vec<Hit> {
    use Settings as S;
    match settings {
        S::OtherInsurance { items } => items::other_insurance(case, items),
        S::Excluded { items, alone_among } => items::excluded(case, items, alone_among.as_ref()),
        S::Age { points } => items::age(case, points),
        S::Sex { points } => items::sex(case, points),
        S::Indication { points } => items::indication(case, points),
        S::Contraindication { points } => items::contraindication(case, points),
        S::Tier { points } => items::tier(case, points),
        S::VisitKind { points } => items::visit_kind(case, points),
        S::UnitPrice { points } => amounts::unit_price(case, points),
        S::RepeatOperation { points } => amounts::repeat_operation(case, points),
        S::Pair { points } => amounts::pair(case, points),
        S::UnitFrequency { billed, points } => amounts::unit_frequency(case, *billed, points),
        S::Quantity { points } => amounts::quantity(case, points),
        S::ItemKinds { items, most } => amounts::item_kinds(case, items, *most),
        S::Companion { points } => amounts::companion(case, points),
        S::PriorItem { points } => periods::prior_item(case, points),
        S::PeriodFrequency { points } => periods::period_frequency(case, points),
        S::Course { window_days, points } => periods::course(case, *window_days, points),
        S::PayableTotal { points } => periods::payable_total(case, points),
        S::RepeatTest { points } => periods::repeat_test(case, points),
        S::Duplicate { except } => periods::duplicate(case, except),
        S::PrincipalDiagnosis { never } => stays::principal_diagnosis(case, never),
        S::ProcedureCode { known } => stays::procedure_code(case, known),
        S::LateClaim { max_days } => stays::late_claim(case, *max_days),
        S::StayDates {} => stays::stay_dates(case),
        S::SplitAdmission { gap_days, planned } => stays::split_admission(case, *gap_days, planned),
        S::Visits { kinds, items, most, window_days } => stays::visits(case, kinds, items, *most, *window_days),
        S::HangBed { not_care, idle_days } => stays::hang_bed(case, not_care, *idle_days),
        // Of a provider's month, not of a claim.
        S::Share { .. } | S::ReadmissionRate { .. } => vec![],
    }
}

/// The lines that some codes match, in their order, with their index.
fn lines_of<'a>(case: &'a Case, items: &super::code::Codes) -> Vec<(usize, &'a BilledItem)> {
    case.lines.iter().enumerate().filter(|(_, line)| items.has_item(line)).collect()
}

/// A sum that stops at the largest number there is.
fn sum(quantities: impl IntoIterator<Item = Decimal>) -> Decimal {
    quantities.into_iter().fold(Decimal::ZERO, |sum, quantity| sum.checked_add(quantity).unwrap_or(Decimal::MAX))
}
