//! A calculation: what is divided, and the entries that say why, as data.

use chrono::NaiveDate;
use types::money::{Money, Ratio};

use super::{Place, Refusal};
use crate::domain::{
    circumstances::YearTotals,
    explanation::{Accumulator, Change, Interval, Rule},
    input::{Accumulators, Input},
    line::Class,
    policy::{CareRules, Policy},
    shares::Shares,
};

/// The answer in amounts. [`super::adjudicate`] gives the same in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calculation {
    pub judged_date: NaiveDate,
    pub shares: Shares,
    pub before: Accumulators,
    pub after: Accumulators,
    pub year_before: YearTotals,
    pub year_after: YearTotals,
    /// In the order of calculation. Over all of them, `fund` and `own` add up to the shares.
    pub entries: Vec<Entry>,
}

/// One step of a calculation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub rule: Rule,
    /// The claim line that the entry is about, from 0.
    pub line: Option<u32>,
    /// The amount that the entry judges.
    pub amount: Money,
    /// The fund's share of it that this entry settles.
    pub fund: Money,
    /// The person's share of it that this entry settles; negative where a layer takes over what was left to the person.
    pub own: Money,
    /// The fund's; of a line of class B, the share that the person pays first.
    pub ratio: Option<Ratio>,
    pub axis: Option<Interval>,
    pub accumulator: Option<Change>,
    pub place: Option<Place>,
    pub detail: Detail,
}

/// What the words of an entry need beside its amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    None,
    Deductible {
        case: DeductibleCase,
        /// What the policy sets before anything is credited.
        set: Money,
        /// What is credited: borne earlier in the year or chain.
        credited: Money,
    },
    /// A ceiling, limit or threshold.
    Limit(Money),
    NotPublished,
    /// There is no layer that would go on.
    NothingAbove,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeductibleCase {
    OfYear,
    OfYearByTier,
    FirstStay,
    LaterStay,
    LongStay,
    CountsOn,
    NotAnew,
    Waived,
}

pub(super) fn calculate(
    policy: &Policy,
    rules: &CareRules,
    input: &Input,
    judged_date: NaiveDate,
) -> Result<Calculation, Refusal> {
    let mut work = Work::new(policy, rules, input);
    work.classify_lines();
    work.enter_scope();
    if work.is_not_paid() {
        work.leave_unreferred();
    } else {
        work.bear_deductible();
        work.pay_by_layers()?;
        work.pay_above();
    }
    work.pay_by_means();
    Ok(Calculation {
        judged_date,
        shares: work.shares,
        before: input.before,
        after: work.after,
        year_before: input.circumstances.year,
        year_after: work.year,
        entries: work.entries,
    })
}

/// A calculation under way.
pub(super) struct Work<'a> {
    pub(super) policy: &'a Policy,
    pub(super) rules: &'a CareRules,
    pub(super) input: &'a Input,
    pub(super) shares: Shares,
    pub(super) after: Accumulators,
    pub(super) year: YearTotals,
    /// Where on the axis the claim's in-scope expenses begin.
    pub(super) start: Money,
    pub(super) entries: Vec<Entry>,
}

impl<'a> Work<'a> {
    fn new(policy: &'a Policy, rules: &'a CareRules, input: &'a Input) -> Self {
        Self {
            policy,
            rules,
            input,
            shares: Shares { total: input.total, ..Shares::default() },
            after: input.before,
            year: input.circumstances.year,
            start: if rules.axis_is_the_year() { input.before.in_scope } else { Money::ZERO },
            entries: Vec::with_capacity(input.lines.len() + 12),
        }
    }

    fn classify_lines(&mut self) {
        for (index, line) in (0_u32..).zip(&self.input.lines) {
            let parts = line.classify();
            let own = line.amount - parts.in_scope;
            self.shares.in_scope += parts.in_scope;
            self.shares.first_self_pay += parts.first_self_pay;
            self.shares.fully_own += own - parts.first_self_pay;
            self.shares.over_limit += parts.over_limit;
            let (rule, ratio) = match line.class {
                Class::A => (Rule::LineClassA, None),
                Class::B { first_self_pay } => (Rule::LineClassB, Some(first_self_pay)),
                Class::C => (Rule::LineClassC, None),
            };
            let detail = if parts.over_limit.is_positive() {
                Detail::Limit(line.amount - parts.over_limit)
            } else {
                Detail::None
            };
            self.entries.push(Entry { line: Some(index), own, ratio, detail, ..entry(rule, line.amount) });
        }
    }

    fn enter_scope(&mut self) {
        let in_scope = self.shares.in_scope;
        self.after.in_scope += in_scope;
        self.after.stays = self.after.stays.saturating_add(1);
        self.entries.push(Entry {
            axis: Some(Interval { from: self.start, to: self.start + in_scope }),
            accumulator: Some(Change {
                accumulator: Accumulator::InScope,
                before: self.input.before.in_scope,
                after: self.after.in_scope,
            }),
            ..entry(Rule::InScope, in_scope)
        });
    }

    /// Where a visit without a referral is the person's, unless they belong to a group that may come so.
    fn is_not_paid(&self) -> bool {
        self.rules.unreferred_not_paid.as_ref().is_some_and(|rule| {
            rule.value.tiers.contains(&self.input.tier)
                && rule.value.except.is_disjoint(&self.input.circumstances.groups)
                && !self.rules.is_referred(self.input)
        })
    }

    fn leave_unreferred(&mut self) {
        let axis = Interval { from: self.start, to: self.start + self.shares.in_scope };
        self.leave_to_person(Rule::UnreferredNotPaid, axis, Place::UnreferredNotPaid, Detail::None);
    }

    pub(super) fn leave_to_person(&mut self, rule: Rule, axis: Interval, place: Place, detail: Detail) {
        let amount = axis.to - axis.from;
        self.shares.beyond_cover += amount;
        self.entries.push(Entry { own: amount, axis: Some(axis), place: Some(place), detail, ..entry(rule, amount) });
    }
}

/// An entry that settles nothing yet.
pub(super) const fn entry(rule: Rule, amount: Money) -> Entry {
    Entry {
        rule,
        line: None,
        amount,
        fund: Money::ZERO,
        own: Money::ZERO,
        ratio: None,
        axis: None,
        accumulator: None,
        place: None,
        detail: Detail::None,
    }
}
