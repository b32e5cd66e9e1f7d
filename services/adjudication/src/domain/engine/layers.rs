//! What pays above the deductible: the pooled fund band by band up to its yearly ceiling, then the large-amount fund.

use rust_decimal::{Decimal, RoundingStrategy};
use types::money::{Money, Ratio};

use super::{
    Detail, Entry, Place, Refusal,
    calculation::{Work, entry},
};
use crate::domain::{
    explanation::{Accumulator, Change, Interval, Rule},
    policy::{LargeAmount, Limit, Published},
};

/// What a fund takes of an amount: `used` of it, of which it pays `fund`. The rest of `used` is the person's.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) used: Money,
    pub(super) fund: Money,
}

const HALF_A_FEN: Decimal = Decimal::from_parts(5, 0, 0, false, 3);

/// What a fund pays between two positions: each is rounded, seen from `origin`, and the fund pays the difference. At its ceiling it takes
/// the furthest position to which its share still is what is left; the rest passes on.
pub(super) fn take(ratio: Ratio, axis: Interval, origin: Money, left: Option<Money>) -> Taken {
    let paid_before = ratio.of_half_up(axis.from - origin);
    let fund = ratio.of_half_up(axis.to - origin) - paid_before;
    let Some(left) = left.filter(|left| *left < fund) else { return Taken { used: axis.to - axis.from, fund } };
    // The first position to which it would be a fen more; the ratio is not zero, or its share would be nothing.
    let too_much = ((left + paid_before).decimal() + HALF_A_FEN) / ratio.decimal();
    let too_far = too_much.round_dp_with_strategy(2, RoundingStrategy::AwayFromZero);
    let furthest = Money::round_half_up(too_far) - Money::from_fen(1) + origin;
    Taken { used: furthest - axis.from, fund: left }
}

/// Goes through bands (where each ends, if it does, and what it pays) from a position to another and hands over what is taken in each, with the band's index; stops where nothing is left.
/// Answers how far it came.
pub(super) fn go_through(
    bands: impl Iterator<Item = (Option<Money>, Ratio)>,
    axis: Interval,
    origin: Option<Money>,
    mut left: Option<Money>,
    mut pay: impl FnMut(usize, Interval, Ratio, Taken),
) -> Money {
    let mut position = axis.from;
    for (index, (band_to, ratio)) in bands.enumerate() {
        let band_to = band_to.map_or(axis.to, |band_to| band_to.min(axis.to));
        if band_to <= position {
            continue;
        }
        let taken = take(ratio, Interval { from: position, to: band_to }, origin.unwrap_or(position), left);
        let paid = Interval { from: position, to: position + taken.used };
        if !taken.used.is_zero() {
            pay(index, paid, ratio, taken);
        }
        left = left.map(|left| left - taken.fund);
        position = paid.to;
        if position < band_to {
            break;
        }
    }
    position
}

impl Work<'_> {
    pub(super) fn pay_by_layers(&mut self) -> Result<(), Refusal> {
        let end = self.start + self.shares.in_scope;
        let payable_from = self.start + self.shares.deductible;
        let cover_limit = self.rules.cover_limit.value.amount();
        let covered_to = cover_limit.map_or(end, |limit| end.min(limit).max(payable_from));

        let pooled_to = self.pay_by_bands(Interval { from: payable_from, to: covered_to });
        if pooled_to < covered_to {
            self.pay_large_amount(Interval { from: pooled_to, to: covered_to })?;
        }
        if let Some(limit) = cover_limit.filter(|_| covered_to < end) {
            let beyond = Interval { from: covered_to, to: end };
            self.leave_to_person(Rule::CoverLimit, beyond, Place::CoverLimit, Detail::Limit(limit));
        }
        Ok(())
    }

    /// Where rounding begins: that of a year runs on, that of a stay begins with each band.
    fn origin(&self) -> Option<Money> {
        self.rules.axis_is_the_year().then_some(Money::ZERO)
    }

    /// Answers how far the pooled fund came.
    fn pay_by_bands(&mut self, axis: Interval) -> Money {
        let (rules, input) = (self.rules, self.input);
        let ceiling = rules.pooled_ceiling.value;
        let left = ceiling.amount().map(|ceiling| ceiling.less_at_most(self.after.pooled_fund));
        let bands = rules.bands.iter().map(|band| (band.to, rules.rated(band, input).ratio));
        let origin = self.origin();
        let position = go_through(bands, axis, origin, left, |index, paid, ratio, taken| {
            self.pay_pooled(index, paid, ratio, taken);
        });
        let detail = match ceiling {
            Limit::Amount(amount) if position < axis.to => Detail::Limit(amount),
            Limit::NotPublished if axis.from < position => Detail::NotPublished,
            _ => return position,
        };
        let rest = Interval { from: position, to: axis.to };
        self.entries.push(Entry {
            axis: Some(rest),
            place: Some(Place::PooledCeiling),
            detail,
            ..entry(Rule::PooledCeiling, rest.to - rest.from)
        });
        position
    }

    fn pay_pooled(&mut self, band: usize, axis: Interval, ratio: Ratio, taken: Taken) {
        let own = taken.used - taken.fund;
        let before = self.after.pooled_fund;
        self.after.pooled_fund += taken.fund;
        self.shares.pooled_fund += taken.fund;
        self.shares.pooled_own += own;
        self.entries.push(Entry {
            fund: taken.fund,
            own,
            ratio: Some(ratio),
            axis: Some(axis),
            accumulator: Some(Change { accumulator: Accumulator::PooledFund, before, after: self.after.pooled_fund }),
            place: Some(Place::Band(band)),
            ..entry(Rule::Band, taken.used)
        });
    }

    /// Above the pooled fund's ceiling.
    fn pay_large_amount(&mut self, axis: Interval) -> Result<(), Refusal> {
        let Some(layer) = &self.rules.large_amount else {
            self.leave_to_person(Rule::CoverLimit, axis, Place::PooledCeiling, Detail::NothingAbove);
            return Ok(());
        };
        let ratio = self.large_amount_ratio(&layer.value)?;
        let ceiling = layer.value.ceiling;
        let left = ceiling.amount().map(|ceiling| ceiling.less_at_most(self.after.large_amount_fund));
        let taken = take(ratio, axis, self.origin().unwrap_or(axis.from), left);
        let paid = Interval { from: axis.from, to: axis.from + taken.used };
        if !taken.used.is_zero() {
            self.pay_large(paid, taken, ratio);
        }
        if paid.to < axis.to {
            let rest = Interval { from: paid.to, to: axis.to };
            self.leave_to_person(Rule::LargeAmountCeiling, rest, Place::LargeAmountCeiling, Detail::None);
        } else if ceiling == Limit::NotPublished {
            self.entries.push(Entry {
                place: Some(Place::LargeAmountCeiling),
                detail: Detail::NotPublished,
                ..entry(Rule::LargeAmountCeiling, Money::ZERO)
            });
        }
        Ok(())
    }

    fn large_amount_ratio(&self, layer: &LargeAmount) -> Result<Ratio, Refusal> {
        match layer.ratio.of(self.input.person) {
            Published::Value(ratio) => Ok(ratio),
            Published::NotPublished => {
                let status = if self.input.person.retired { "retired" } else { "active" };
                let care = self.policy.account_kind(self.input.kind).unwrap_or(self.input.kind);
                Err(Refusal::NotPublished { path: format!("{}.fund_ratio.{status}", Place::LargeAmount.path(care)) })
            }
        }
    }

    fn pay_large(&mut self, axis: Interval, taken: Taken, ratio: Ratio) {
        let own = taken.used - taken.fund;
        let before = self.after.large_amount_fund;
        self.after.large_amount_fund += taken.fund;
        self.shares.large_amount_fund += taken.fund;
        self.shares.large_amount_own += own;
        self.entries.push(Entry {
            fund: taken.fund,
            own,
            ratio: Some(ratio),
            axis: Some(axis),
            accumulator: Some(Change {
                accumulator: Accumulator::LargeAmountFund,
                before,
                after: self.after.large_amount_fund,
            }),
            place: Some(Place::LargeAmount),
            ..entry(Rule::LargeAmount, taken.used)
        });
    }
}
