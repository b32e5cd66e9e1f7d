//! The funds above basic insurance: critical illness insurance (大病保险) on the year's own share of in-scope expenses, then medical
//! assistance (医疗救助) on what that leaves. Their axes are the year's, and so is the rounding.

use types::money::{Money, Ratio};

use super::{
    Detail, Entry, Place,
    calculation::{Work, entry},
    layers::{Taken, go_through, take},
};
use crate::domain::{
    explanation::{Accumulator, Change, Interval, Rule},
    policy::{AssistanceRow, CoverAbove, Limit},
};

/// The part of an axis that lies above a threshold, seen from there.
fn above(threshold: Money, before: Money, after: Money) -> Interval {
    Interval { from: before.less_at_most(threshold), to: after.less_at_most(threshold) }
}

pub(super) fn left_of(ceiling: Limit, used: Money) -> Option<Money> {
    ceiling.amount().map(|ceiling| ceiling.less_at_most(used))
}

/// What a layer with one ratio, a deductible and a ceiling of the year takes of a further amount.
pub(super) fn take_of_year(
    base: Money,
    more: Money,
    deductible: Money,
    ratio: Ratio,
    left: Option<Money>,
) -> (Interval, Taken) {
    let axis = above(deductible, base, base + more);
    (axis, take(ratio, axis, Money::ZERO, left))
}

/// What such a layer took, on the axis of what it judges in the year.
pub(super) fn part_of_year(deductible: Money, axis: Interval, taken: Taken) -> Interval {
    let from = deductible + axis.from;
    Interval { from, to: from + taken.used }
}

impl Work<'_> {
    pub(super) fn pay_above(&mut self) {
        let own = self.shares.own_in_scope();
        let before = self.year.own_in_scope;
        self.year.own_in_scope += own;
        if let Some(layer) = &self.policy.above.critical_illness {
            let (cover, assisted) = layer.of(&self.input.circumstances.groups);
            self.pay_critical_illness(&cover.value, assisted, before);
        }
        self.pay_assistance();
    }

    fn pay_critical_illness(&mut self, cover: &CoverAbove, assisted: bool, own_before: Money) {
        let axis = above(cover.threshold, own_before, self.year.own_in_scope);
        let left = left_of(cover.ceiling, self.year.critical_illness_fund);
        let bands = cover.bands.iter().map(|band| (band.to, band.ratio));
        let place = |band| Some(Place::CriticalIllness { assisted, band });
        let reached = go_through(bands, axis, Some(Money::ZERO), left, |band, paid, ratio, taken| {
            let before = self.year.critical_illness_fund;
            self.year.critical_illness_fund += taken.fund;
            self.shares.critical_illness_fund += taken.fund;
            let after = self.year.critical_illness_fund;
            self.entries.push(Entry {
                axis: Some(Interval { from: cover.threshold + paid.from, to: cover.threshold + paid.to }),
                accumulator: Some(Change { accumulator: Accumulator::CriticalIllnessFund, before, after }),
                place: place(Some(band)),
                detail: Detail::Limit(cover.threshold),
                ..taken_over(Rule::CriticalIllness, taken, ratio)
            });
        });
        let rest = axis.to - reached;
        self.say_ceiling(Rule::CriticalIllnessCeiling, cover.ceiling, rest, reached > axis.from, place(None));
    }

    fn pay_assistance(&mut self) {
        let groups = &self.input.circumstances.groups;
        let Some(layer) = self.policy.above.assistance.as_ref().filter(|_| !groups.is_empty()) else { return };
        let of_person = |(_, row): &(usize, &AssistanceRow)| !row.groups.is_disjoint(groups);
        let Some((index, row)) = layer.value.rows.iter().enumerate().find(of_person) else { return };
        let base = self.shares.own_in_scope() - self.shares.critical_illness_fund;
        let left = left_of(layer.value.ceiling, self.year.assistance_fund);
        let (axis, taken) = take_of_year(self.year.assistance_base, base, row.deductible, row.ratio, left);
        self.year.assistance_base += base;
        if taken.used.is_positive() {
            let before = self.year.assistance_fund;
            self.year.assistance_fund += taken.fund;
            self.shares.assistance_fund += taken.fund;
            let after = self.year.assistance_fund;
            self.entries.push(Entry {
                axis: Some(part_of_year(row.deductible, axis, taken)),
                accumulator: Some(Change { accumulator: Accumulator::AssistanceFund, before, after }),
                place: Some(Place::Assistance { row: index }),
                detail: Detail::Limit(row.deductible),
                ..taken_over(Rule::Assistance, taken, row.ratio)
            });
        }
        let rest = axis.to - axis.from - taken.used;
        let place = Some(Place::AssistanceCeiling);
        self.say_ceiling(Rule::AssistanceCeiling, layer.value.ceiling, rest, taken.used.is_positive(), place);
    }

    /// That a layer pays no more this year, or that nobody published how much it pays at most.
    fn say_ceiling(&mut self, rule: Rule, ceiling: Limit, rest: Money, paid: bool, place: Option<Place>) {
        let detail = match ceiling {
            Limit::Amount(amount) if rest.is_positive() => Detail::Limit(amount),
            Limit::NotPublished if paid => Detail::NotPublished,
            _ => return,
        };
        self.entries.push(Entry { place, detail, ..entry(rule, rest) });
    }
}

/// What earlier steps left to the person becomes a fund's.
fn taken_over(rule: Rule, taken: Taken, ratio: Ratio) -> Entry {
    Entry { fund: taken.fund, own: -taken.fund, ratio: Some(ratio), ..entry(rule, taken.used) }
}
