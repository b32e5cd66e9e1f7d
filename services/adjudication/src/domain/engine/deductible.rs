//! The deductible (起付线): per year, or per stay, counting on along a referral chain.

use rust_decimal::Decimal;
use types::money::Money;

use super::{
    Detail, Entry, Place,
    calculation::{DeductibleCase as Case, Work, entry},
};
use crate::domain::{
    explanation::{Accumulator, Change, Interval, Rule},
    input::{Chain, Direction},
    policy::{Deductible, DownRule, StayDeductibles, UpRule},
};

/// What the person has to bear before the fund pays, and why.
struct Due {
    amount: Money,
    case: Case,
    /// What the policy sets before anything is credited.
    set: Money,
    /// What is credited: borne earlier in the year or chain.
    credited: Money,
}

impl Work<'_> {
    pub(super) fn bear_deductible(&mut self) {
        let due = self.due();
        if due.set.is_zero() {
            return;
        }
        let borne = due.amount.min(self.shares.in_scope);
        self.shares.deductible = borne;
        self.after.deductible += borne;
        let (rule, place) = match due.case {
            Case::CountsOn => (Rule::DeductibleCountsOn, Place::ReferralChain),
            Case::NotAnew => (Rule::DeductibleNotAnew, Place::ReferralChain),
            Case::Waived => (Rule::DeductibleWaived, Place::Deductible),
            Case::OfYear | Case::OfYearByTier | Case::FirstStay | Case::LaterStay | Case::LongStay => {
                (Rule::Deductible, Place::Deductible)
            }
        };
        self.entries.push(Entry {
            own: borne,
            axis: Some(Interval { from: self.start, to: self.start + borne }),
            accumulator: Some(Change {
                accumulator: Accumulator::Deductible,
                before: self.input.before.deductible,
                after: self.after.deductible,
            }),
            place: Some(place),
            detail: Detail::Deductible { case: due.case, set: due.set, credited: due.credited },
            ..entry(rule, borne)
        });
    }

    fn due(&self) -> Due {
        let due = match &self.rules.deductible.value {
            Deductible::PerYear(by_status) => self.per_year(Case::OfYear, by_status.of(self.input.person)),
            Deductible::PerYearByTier(by_tier) => {
                let set = by_tier.get(&self.input.tier).map_or(Money::ZERO, |amounts| amounts.of(self.input.person));
                self.per_year(Case::OfYearByTier, set)
            }
            Deductible::PerStay(stays) => self.per_stay(stays),
        };
        if self.rules.deductible_waived.contains(&self.input.circumstances.own_clinic) {
            return Due { amount: Money::ZERO, case: Case::Waived, credited: due.set, ..due };
        }
        due
    }

    fn per_year(&self, case: Case, set: Money) -> Due {
        let borne_before = self.input.before.deductible;
        Due { amount: set.less_at_most(borne_before), case, set, credited: borne_before }
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

        if chain.is_some_and(|chain| none_anew(&chain)) {
            return Due { amount: Money::ZERO, case: Case::NotAnew, set, credited: set };
        }
        if let Some(chain) = continued {
            return Due {
                amount: base.less_at_most(chain.deductible_borne) + further_cycles,
                case: Case::CountsOn,
                set,
                credited: chain.deductible_borne.min(base),
            };
        }
        let case = match (earlier_in_year, further_cycles.is_zero()) {
            (0, true) => Case::FirstStay,
            (_, true) => Case::LaterStay,
            (_, false) => Case::LongStay,
        };
        Due { amount: set, case, set, credited: Money::ZERO }
    }

    /// With cycles of 90 days, the 91st night begins the second.
    fn further_cycles(&self, stays: &StayDeductibles) -> i64 {
        let days = (self.input.to - self.input.from).num_days();
        stays.settlement_cycle_days.map_or(0, |cycle| (days - 1).max(0) / i64::from(cycle))
    }
}
