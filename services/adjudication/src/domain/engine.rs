//! Applies a policy to a claim: classes → deductible → bands of the pooled fund → large-amount layer → what is left to the person.
//!
//! Positions are on the in-scope axis: of the stay for inpatient care, of the year for outpatient care. Fund shares round half
//! up, band by band; the person's share is always the remainder, so that shares add up to the fen by construction.

mod deductible;
mod layers;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use types::{care::CareKind, money::Money, tier::Tier};

use super::{
    explanation::{Accumulator, Change, Interval, Rule, Step},
    input::{Accumulators, Input},
    line::{self, Class, Line},
    localized::Localized,
    policy::{CareRules, Policy},
    shares::{Settlement, Shares},
    wording,
};

/// The answer for a claim or a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjudication {
    /// `None` for persons whom nobody insures.
    pub policy: Option<PolicyReference>,
    /// The day by which policy, age and the accumulator's year were judged.
    pub judged_date: NaiveDate,
    pub shares: Shares,
    pub settlement: Settlement,
    pub before: Accumulators,
    pub after: Accumulators,
    /// The explanation, in the order of calculation; the last step is the result.
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReference {
    pub id: String,
    pub name: Localized,
    pub demonstration: bool,
}

/// Why there is no answer. The first two mean "no price"; the others, that the input is wrong in itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no policy is in force for {kind} care at tier {tier} on {date}")]
    NoPolicyInForce { kind: CareKind, tier: Tier, date: NaiveDate },
    #[error("the policy needs a number that is not published: {path}")]
    NotPublished { path: String },
    #[error("line {line} has a negative number or a unit price with more than four decimals")]
    LineMalformed { line: usize },
    #[error("line {line}: quantity times unit price is not {amount}")]
    LineDoesNotMultiply { line: usize, amount: Money },
    #[error("the lines sum to {sum}, not to {total}")]
    LinesDoNotSum { total: Money, sum: Money },
    #[error("the lines sum to more than an amount of money can hold")]
    TotalTooLarge,
    #[error("the care ends before it begins")]
    DatesReversed,
    #[error("accumulators or chain contradict themselves")]
    InconsistentHistory,
}

impl Refusal {
    /// A quote answers these with "no price" instead of refusing.
    pub const fn is_no_price(&self) -> bool {
        matches!(self, Self::NoPolicyInForce { .. } | Self::NotPublished { .. })
    }
}

/// Judges a claim by a policy.
pub fn adjudicate(policy: &Policy, input: &Input) -> Result<Adjudication, Refusal> {
    check(input)?;
    let judged_date = policy.judged_date(input.from, input.to);
    let rules = policy.rules(input.kind, input.tier, input.from, input.to).ok_or(Refusal::NoPolicyInForce {
        kind: input.kind,
        tier: input.tier,
        date: judged_date,
    })?;
    let mut work = Work::new(policy, rules, input);
    work.classify_lines();
    work.enter_scope();
    work.bear_deductible();
    work.pay_by_layers()?;
    Ok(work.finish(judged_date))
}

/// For persons whom nobody insures: all own share.
pub fn not_enrolled(date: NaiveDate, total: Money, lines: &[Line]) -> Result<Adjudication, Refusal> {
    all_own_share(date, total, lines, step(Rule::NotEnrolled, total, wording::not_enrolled(total)))
}

/// For care of a provider whose contract did not pay for it that day: all own share.
pub fn not_designated(date: NaiveDate, total: Money, lines: &[Line]) -> Result<Adjudication, Refusal> {
    all_own_share(date, total, lines, step(Rule::NotDesignated, total, wording::not_designated(total)))
}

fn all_own_share(date: NaiveDate, total: Money, lines: &[Line], why: Step) -> Result<Adjudication, Refusal> {
    line::check(lines, total)?;
    let shares = Shares { total, fully_own: total, ..Shares::default() };
    let own_share = Step { own: total, ..why };
    Ok(Adjudication {
        policy: None,
        judged_date: date,
        shares,
        settlement: shares.settlement(),
        before: Accumulators::default(),
        after: Accumulators::default(),
        steps: vec![own_share, result(&shares)],
    })
}

fn check(input: &Input) -> Result<(), Refusal> {
    if input.to < input.from {
        return Err(Refusal::DatesReversed);
    }
    let chain_is_possible = input.chain.is_none_or(|chain| {
        chain.stays_this_year <= chain.stays
            && chain.stays_this_year <= input.before.stays
            && !chain.deductible_borne.is_negative()
    });
    if input.before.any_negative() || !chain_is_possible {
        return Err(Refusal::InconsistentHistory);
    }
    line::check(&input.lines, input.total)
}

/// A calculation under way.
struct Work<'a> {
    policy: &'a Policy,
    rules: &'a CareRules,
    input: &'a Input,
    shares: Shares,
    after: Accumulators,
    /// Where on the axis the claim's in-scope expenses begin.
    start: Money,
    steps: Vec<Step>,
}

impl<'a> Work<'a> {
    fn new(policy: &'a Policy, rules: &'a CareRules, input: &'a Input) -> Self {
        Self {
            policy,
            rules,
            input,
            shares: Shares { total: input.total, ..Shares::default() },
            after: input.before,
            start: if rules.axis_is_the_year() { input.before.in_scope } else { Money::ZERO },
            steps: Vec::with_capacity(input.lines.len() + 8),
        }
    }

    fn classify_lines(&mut self) {
        for (index, line) in self.input.lines.iter().enumerate() {
            let parts = line.classify();
            self.shares.in_scope += parts.in_scope;
            self.shares.first_self_pay += parts.first_self_pay;
            self.shares.fully_own += parts.fully_own + parts.over_limit;
            self.shares.over_limit += parts.over_limit;
            let rule = match line.class {
                Class::A => Rule::LineClassA,
                Class::B { .. } => Rule::LineClassB,
                Class::C => Rule::LineClassC,
            };
            self.steps.push(Step {
                line: Some(index),
                own: parts.first_self_pay + parts.fully_own + parts.over_limit,
                ..step(rule, line.amount, wording::line(line, parts))
            });
        }
    }

    fn enter_scope(&mut self) {
        let in_scope = self.shares.in_scope;
        self.after.in_scope += in_scope;
        self.after.stays = self.after.stays.saturating_add(1);
        self.steps.push(Step {
            axis: Some(Interval { from: self.start, to: self.start + in_scope }),
            accumulator: Some(Change {
                accumulator: Accumulator::InScope,
                before: self.input.before.in_scope,
                after: self.after.in_scope,
            }),
            ..step(Rule::InScope, in_scope, wording::in_scope(self.input.total, in_scope))
        });
    }

    fn finish(mut self, judged_date: NaiveDate) -> Adjudication {
        self.steps.push(result(&self.shares));
        Adjudication {
            policy: Some(PolicyReference {
                id: self.policy.id.clone(),
                name: self.policy.name.clone(),
                demonstration: self.policy.demonstration,
            }),
            judged_date,
            shares: self.shares,
            settlement: self.shares.settlement(),
            before: self.input.before,
            after: self.after,
            steps: self.steps,
        }
    }
}

fn result(shares: &Shares) -> Step {
    let (fund, own) = (shares.fund(), shares.own());
    Step { fund, own, ..step(Rule::Result, shares.total, wording::result(shares.total, fund, own)) }
}

/// A step that settles nothing yet.
const fn step(rule: Rule, amount: Money, text: Localized) -> Step {
    Step {
        rule,
        line: None,
        amount,
        fund: Money::ZERO,
        own: Money::ZERO,
        ratio: None,
        axis: None,
        accumulator: None,
        clause: None,
        text,
    }
}
