//! Applies a policy to a claim: classes → deductible → bands of the pooled fund → large-amount layer → critical illness insurance → medical
//! assistance → top-up, voucher and account → what is left to the person.
//!
//! [`calculate`] answers amounts, rules and clauses as data, one vector for all of them; [`adjudicate`] puts them into words. Positions are
//! on the in-scope axis: of the stay, or of the year. Fund shares round half up, band by band; the person's share is always the remainder,
//! so that shares add up to the fen by construction. Where positions run on through the year, so does the rounding: each end of a claim's
//! part of a band is rounded, and the fund pays the difference, so that a bill in parts is paid what the whole is.

mod above;
mod calculation;
mod cover;
mod deductible;
mod explain;
mod layers;
mod means;
mod place;
mod ratio;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use types::{care::CareKind, money::Money, tier::Tier};

use super::{
    circumstances::YearTotals,
    explanation::{Rule, Step},
    input::{Accumulators, Input},
    line,
    localized::Localized,
    policy::Policy,
    shares::{Settlement, Shares},
    wording,
};

pub use calculation::{Calculation, Detail, Entry};
pub use cover::no_policy;
pub use place::Place;
pub(super) use ratio::Adjustment;
pub use ratio::with_self_factor;

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
    /// Of the person's year over all kinds of care; nothing where no layer above basic insurance has touched it.
    #[serde(default, skip_serializing_if = "is_untouched")]
    pub year_before: YearTotals,
    #[serde(default, skip_serializing_if = "is_untouched")]
    pub year_after: YearTotals,
    /// The explanation, in the order of calculation; the last step is the result.
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReference {
    pub id: String,
    pub name: Localized,
    pub demonstration: bool,
}

impl Adjudication {
    /// Nobody pays because of where care was, not of who had it.
    pub fn is_not_designated(&self) -> bool {
        self.steps.iter().any(|step| step.rule == Rule::NotDesignated)
    }
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

fn is_untouched(year: &YearTotals) -> bool {
    *year == YearTotals::default()
}

/// Judges a claim by a policy, and says why in words.
pub fn adjudicate(policy: &Policy, input: &Input) -> Result<Adjudication, Refusal> {
    calculate(policy, input).map(|calculation| explain::adjudication(policy, input, &calculation))
}

/// Judges a claim by a policy. Everything that the explanation says stands in the answer, but for the words.
pub fn calculate(policy: &Policy, input: &Input) -> Result<Calculation, Refusal> {
    check(input)?;
    let judged_date = policy.judged_date(input.from, input.to);
    let rules = policy.rules(input.kind, input.tier, input.from, input.to).ok_or(Refusal::NoPolicyInForce {
        kind: input.kind,
        tier: input.tier,
        date: judged_date,
    })?;
    calculation::calculate(policy, rules, input, judged_date)
}

/// For persons whom nobody insures: all own share.
pub fn not_enrolled(input: &Input) -> Result<Adjudication, Refusal> {
    all_own_share(input, Rule::NotEnrolled, wording::not_enrolled(stated(input)))
}

/// For persons who are enrolled and still wait for benefits (等待期), up to and with a day: all own share.
pub fn waiting(input: &Input, until: NaiveDate) -> Result<Adjudication, Refusal> {
    all_own_share(input, Rule::Waiting, wording::waiting(until, stated(input)))
}

/// For care of a provider whose contract did not pay for it that day: all own share.
pub fn not_designated(input: &Input) -> Result<Adjudication, Refusal> {
    all_own_share(input, Rule::NotDesignated, wording::not_designated(stated(input)))
}

fn all_own_share(input: &Input, why: Rule, text: Localized) -> Result<Adjudication, Refusal> {
    let total = input.total;
    line::check(&input.lines, total)?;
    let shares = Shares { total, fully_own: total, ..Shares::default() };
    let own_share = Step { own: total, ..step(why, total, text) };
    Ok(Adjudication {
        policy: None,
        judged_date: input.from,
        shares,
        settlement: shares.settlement(),
        before: Accumulators::default(),
        after: Accumulators::default(),
        year_before: YearTotals::default(),
        year_after: YearTotals::default(),
        steps: if input.lines.is_empty() { cover::found(input, own_share) } else { vec![own_share, result(&shares)] },
    })
}

fn stated(input: &Input) -> Option<Money> {
    (!input.lines.is_empty()).then_some(input.total)
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
    if input.before.any_negative() || input.circumstances.any_negative() || !chain_is_possible {
        return Err(Refusal::InconsistentHistory);
    }
    line::check(&input.lines, input.total)
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
        limit: None,
        clause: None,
        text,
    }
}
