//! Replays an example and compares every figure that it expects.

use types::{credit_code::CreditCode, money::Money, national_id::NationalId};

use super::{
    ExampleError, Off, Outcome,
    claim::{self, Standing},
    document::{Bill, Case, Claim, Contribution, Enrolment, Identified, Identifier, Ratios, Sum},
};
use crate::domain::{
    engine::{self, Adjudication, Refusal},
    explanation::Rule,
    line,
    policy::Policy,
};

pub(super) fn outcome(case: &Case, policy: Option<&str>) -> Result<Outcome, ExampleError> {
    Ok(match case {
        Case::Claims(claims) => {
            let policy = Policy::read(policy.ok_or(ExampleError::NoPolicy)?)?;
            claims_outcome(&policy, claims)
        }
        Case::Sum(sum) => sum_outcome(sum),
        Case::Ratios(ratios) => ratios_outcome(ratios),
        Case::Bill(bill) => bill_outcome(bill),
        Case::Contribution(contribution) => contribution_outcome(contribution),
        Case::Enrolment(enrolment) => enrolment_outcome(enrolment),
        Case::Identifier(identifier) => identifier_outcome(identifier),
    })
}

/// Collects what is off.
#[derive(Default)]
struct Comparison(Vec<Off>);

impl Comparison {
    fn compare(&mut self, figure: &str, expected: &impl ToString, found: &impl ToString) {
        let (expected, found) = (expected.to_string(), found.to_string());
        if expected != found {
            self.0.push(Off { figure: figure.to_owned(), expected, found });
        }
    }

    fn outcome(self) -> Outcome {
        if self.0.is_empty() { Outcome::Exact } else { Outcome::Off(self.0) }
    }
}

fn claims_outcome(policy: &Policy, claims: &[Claim]) -> Outcome {
    let mut comparison = Comparison::default();
    let mut standing = Standing::default();
    for (index, claim) in claims.iter().enumerate() {
        let answer = match engine::adjudicate(policy, &claim::input(claim, &standing)) {
            Ok(answer) => answer,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        compare_claim(&mut comparison, index, claim, &answer);
        standing = Standing { totals: answer.after, year: answer.year_after };
    }
    comparison.outcome()
}

fn compare_claim(comparison: &mut Comparison, index: usize, claim: &Claim, answer: &Adjudication) {
    let figures = claim::figures(answer);
    for (name, expected) in &claim.expected {
        let found = figures.get(name.as_str()).map_or_else(|| "no such figure".to_owned(), Money::to_string);
        comparison.compare(&format!("claims[{index}].{name}"), expected, &found);
    }
    if let Some(expected) = &claim.expected_band_own {
        let bands = answer.steps.iter().filter(|step| step.rule == Rule::Band);
        let own: Vec<String> = bands.map(|step| step.own.to_string()).collect();
        let expected: Vec<String> = expected.iter().map(Money::to_string).collect();
        comparison.compare(&format!("claims[{index}].band_own"), &expected.join(" "), &own.join(" "));
    }
    let shares = &answer.shares;
    comparison.compare(
        &format!("claims[{index}].total, as its shares add up"),
        &shares.total,
        &(shares.fund() + shares.own()),
    );
}

/// A sum that is off by as much as the example knows is a difference of what was published; by anything else, a failure.
fn sum_outcome(sum: &Sum) -> Outcome {
    let adds_up_to: Money = sum.parts.values().sum();
    let mut comparison = Comparison::default();
    comparison.compare("the difference of what was published", &sum.known_difference, &(sum.published - adds_up_to));
    match comparison.outcome() {
        Outcome::Exact if !sum.known_difference.is_zero() => {
            Outcome::Difference { published: sum.published, adds_up_to }
        }
        outcome => outcome,
    }
}

fn ratios_outcome(ratios: &Ratios) -> Outcome {
    let mut comparison = Comparison::default();
    for (index, row) in ratios.rows.iter().enumerate() {
        let fund = engine::with_self_factor(row.active_own.complement(), ratios.factor);
        comparison.compare(&format!("rows[{index}].retired_fund"), &row.retired_fund, &fund);
        comparison.compare(&format!("rows[{index}].retired_own"), &row.retired_own, &fund.complement());
    }
    comparison.outcome()
}

/// The engine's own check that lines multiply and add up.
fn bill_outcome(bill: &Bill) -> Outcome {
    let lines: Vec<_> = bill.lines.iter().map(claim::line).collect();
    match line::check(&lines, bill.expected_total) {
        Ok(()) => {}
        Err(Refusal::LinesDoNotSum { total, sum }) => {
            let off = Off { figure: "total".to_owned(), expected: total.to_string(), found: sum.to_string() };
            return Outcome::Off(vec![off]);
        }
        Err(refusal) => return Outcome::Refused(refusal),
    }
    let mut comparison = Comparison::default();
    if !bill.categories.is_empty() {
        comparison.compare("categories", &bill.expected_total, &bill.categories.iter().sum::<Money>());
    }
    if let Some(expected) = bill.expected_fully_own {
        let fully_own: Money = lines.iter().map(|line| line.classify().fully_own).sum();
        comparison.compare("fully_own", &expected, &fully_own);
    }
    comparison.outcome()
}

fn contribution_outcome(contribution: &Contribution) -> Outcome {
    let mut comparison = Comparison::default();
    let monthly = contribution.rate.of_half_up(contribution.base);
    comparison.compare("monthly", &contribution.expected_monthly, &monthly);
    comparison.outcome()
}

fn enrolment_outcome(enrolment: &Enrolment) -> Outcome {
    let mut comparison = Comparison::default();
    let rule = &enrolment.rule;
    let (missing, waiting) = (rule.missing_months(enrolment.months_paid), rule.waiting_months(enrolment.gap_months));
    comparison.compare("missing_months", &enrolment.expected_missing_months, &missing);
    comparison.compare("waiting_months", &enrolment.expected_waiting_months, &waiting);
    comparison.outcome()
}

fn identifier_outcome(identifier: &Identifier) -> Outcome {
    let valid = match identifier.of {
        Identified::Person => identifier.value.parse::<NationalId>().is_ok(),
        Identified::Organisation => identifier.value.parse::<CreditCode>().is_ok(),
    };
    let mut comparison = Comparison::default();
    comparison.compare("valid", &identifier.expected_valid, &valid);
    comparison.outcome()
}
