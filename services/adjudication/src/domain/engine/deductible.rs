//! The deductible (起付线): per year for outpatient care, per stay for inpatient care, counting on along a referral chain.

use rust_decimal::Decimal;
use types::money::Money;

use super::{Work, step};
use crate::domain::{
    explanation::{Accumulator, Change, Clause, Interval, Rule, Step},
    input::{Chain, Direction},
    localized::Localized,
    policy::{Deductible, DownRule, StayDeductibles, UpRule},
    wording,
};

/// What the person has to bear before the fund pays, and why.
struct Due {
    amount: Money,
    rule: Rule,
    /// The clause beside the deductible itself that decided.
    chain: Option<Clause>,
    text: fn(&Due, Money) -> Localized,
    /// What the policy sets before anything is credited.
    set: Money,
    /// What is credited: borne earlier in the year or chain.
    credited: Money,
}

impl Work<'_> {
    pub(super) fn bear_deductible(&mut self) {
        let rules = self.rules;
        let due = match &rules.deductible.value {
            Deductible::PerYear(by_status) => per_year(by_status.of(self.input.person), self.input.before.deductible),
            Deductible::PerStay(stays) => self.per_stay(stays),
        };
        if due.set.is_zero() {
            return;
        }
        let borne = due.amount.min(self.shares.in_scope);
        self.shares.deductible = borne;
        self.after.deductible += borne;
        let mut clause = self.policy.clause(self.input.kind, "deductible", &rules.deductible.sources);
        if let Some(chain) = &due.chain {
            chain.path.clone_into(&mut clause.path);
            clause.sources.extend(
                chain.sources.iter().filter(|source| !clause.sources.contains(source)).cloned().collect::<Vec<_>>(),
            );
        }
        self.steps.push(Step {
            own: borne,
            axis: Some(Interval { from: self.start, to: self.start + borne }),
            accumulator: Some(Change {
                accumulator: Accumulator::Deductible,
                before: self.input.before.deductible,
                after: self.after.deductible,
            }),
            clause: Some(clause),
            ..step(due.rule, borne, (due.text)(&due, borne))
        });
    }

    /// The first stay of the year bears the first deductible, later ones the repeat deductible, and every further
    /// settlement cycle that a long stay begins, the repeat deductible again. The stays of a chain of up-referrals are
    /// one: the upper hospital's deductible is that of the chain's first stay, less what the chain already bore (N1).
    fn per_stay(&self, stays: &StayDeductibles) -> Due {
        let chain = self.input.chain.filter(|chain| chain.stays > 0);
        let counts_on = |chain: &Chain| chain.direction == Direction::Up && stays.up == UpRule::CountsOn;
        let none_anew = |chain: &Chain| chain.direction == Direction::Down && stays.down == DownRule::NoneAnew;
        let continued = chain.filter(counts_on);
        let earlier_in_year = self.input.before.stays - continued.map_or(0, |chain| chain.stays_this_year);

        let person = self.input.person;
        let (first, repeat) = stays
            .by_tier
            .get(&self.input.tier)
            .map_or((Money::ZERO, Money::ZERO), |tier| (tier.first.of(person), tier.repeat.of(person)));
        let base = if earlier_in_year == 0 { first } else { repeat };
        let further_cycles = Money::round_half_up(repeat.decimal() * Decimal::from(self.further_cycles(stays)));
        let set = base + further_cycles;
        let chain_clause = || Some(self.policy.clause(self.input.kind, "referral_chain", &stays.chain_sources));

        if chain.is_some_and(|chain| none_anew(&chain)) {
            return Due {
                amount: Money::ZERO,
                rule: Rule::DeductibleNotAnew,
                chain: chain_clause(),
                text: |due, _| wording::deductible_not_anew(due.set),
                set,
                credited: set,
            };
        }
        if let Some(chain) = continued {
            return Due {
                amount: base.less_at_most(chain.deductible_borne) + further_cycles,
                rule: Rule::DeductibleCountsOn,
                chain: chain_clause(),
                text: |due, borne| wording::deductible_counts_on(due.set, due.credited, borne),
                set,
                credited: chain.deductible_borne.min(base),
            };
        }
        let text: fn(&Due, Money) -> Localized = match (earlier_in_year, further_cycles.is_zero()) {
            (0, true) => |due, borne| wording::deductible_first_stay(due.set, borne),
            (_, true) => |due, borne| wording::deductible_later_stay(due.set, borne),
            (_, false) => |due, borne| wording::deductible_long_stay(due.set, borne),
        };
        Due { amount: set, rule: Rule::Deductible, chain: None, text, set, credited: Money::ZERO }
    }

    /// With cycles of 90 days, the 91st night begins the second.
    fn further_cycles(&self, stays: &StayDeductibles) -> i64 {
        let days = (self.input.to - self.input.from).num_days();
        stays.settlement_cycle_days.map_or(0, |cycle| (days - 1).max(0) / i64::from(cycle))
    }
}

fn per_year(set: Money, borne_before: Money) -> Due {
    Due {
        amount: set.less_at_most(borne_before),
        rule: Rule::Deductible,
        chain: None,
        text: |due, borne| wording::deductible_of_year(due.set, due.credited, borne),
        set,
        credited: borne_before,
    }
}
