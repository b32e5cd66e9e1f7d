//! What pays above the deductible: the pooled fund band by band up to its yearly ceiling, then the large-amount fund.

use std::collections::BTreeSet;

use types::{
    money::{Money, Ratio},
    tier::Tier,
};

use super::{Refusal, Work, step};
use crate::domain::{
    explanation::{Accumulator, Change, Clause, Interval, Rule, Step},
    localized::Localized,
    policy::{Band, LargeAmount, Limit, Published, Sourced},
    wording::{self, Adjustment},
};

/// What a fund takes of an amount: `used` of it, of which it pays `fund`. The rest of `used` is the person's.
struct Taken {
    used: Money,
    fund: Money,
}

/// At the ceiling, the amount used is what is left of the ceiling ÷ ratio, rounded half up; the rest passes on.
fn take(amount: Money, ratio: Ratio, left: Option<Money>) -> Taken {
    let fund = ratio.of_half_up(amount);
    match left {
        Some(left) if left.is_zero() => Taken { used: Money::ZERO, fund: Money::ZERO },
        Some(left) if left < fund => {
            let used = Money::round_half_up(left.decimal() / ratio.decimal());
            Taken { used: used.min(amount), fund: left }
        }
        _ => Taken { used: amount, fund },
    }
}

impl Work<'_> {
    pub(super) fn pay_by_layers(&mut self) -> Result<(), Refusal> {
        let end = self.start + self.shares.in_scope;
        let payable_from = self.start + self.shares.deductible;
        let cover_limit = self.rules.cover_limit.value.amount();
        let covered_to = cover_limit.map_or(end, |limit| end.min(limit).max(payable_from));

        let pooled_to = self.pay_by_bands(payable_from, covered_to);
        if pooled_to < covered_to {
            self.pay_large_amount(pooled_to, covered_to)?;
        }
        if let Some(limit) = cover_limit.filter(|_| covered_to < end) {
            self.leave_beyond_cover(limit, covered_to, end);
        }
        Ok(())
    }

    /// Answers how far the pooled fund came.
    fn pay_by_bands(&mut self, from: Money, to: Money) -> Money {
        let (rules, policy, kind) = (self.rules, self.policy, self.input.kind);
        let ceiling = &rules.pooled_ceiling;
        let mut position = from;
        for (index, band) in rules.bands.iter().enumerate() {
            let band_to = band.to.map_or(to, |band_to| band_to.min(to));
            if band_to <= position {
                continue;
            }
            let (ratio, adjustments, sources) = self.ratio(band);
            let left = ceiling.value.amount().map(|ceiling| ceiling.less_at_most(self.after.pooled_fund));
            let taken = take(band_to - position, ratio, left);
            let paid = Interval { from: position, to: position + taken.used };
            if !taken.used.is_zero() {
                let clause = policy.clause(kind, &format!("bands[{index}]"), &sources);
                self.pay_pooled(paid, &taken, ratio, &adjustments, clause);
            }
            position = paid.to;
            if position < band_to {
                break;
            }
        }
        let clause = policy.clause(kind, "pooled_ceiling", &ceiling.sources);
        let text = match ceiling.value {
            Limit::Amount(amount) if position < to => wording::pooled_ceiling_reached(amount, to - position),
            Limit::NotPublished if from < position => wording::pooled_ceiling_not_published(),
            _ => return position,
        };
        let axis = Some(Interval { from: position, to });
        self.steps.push(Step { axis, clause: Some(clause), ..step(Rule::PooledCeiling, to - position, text) });
        position
    }

    fn pay_pooled(&mut self, axis: Interval, taken: &Taken, ratio: Ratio, adjustments: &[Adjustment], clause: Clause) {
        let own = taken.used - taken.fund;
        let before = self.after.pooled_fund;
        self.after.pooled_fund += taken.fund;
        self.shares.pooled_fund += taken.fund;
        self.shares.pooled_own += own;
        self.steps.push(Step {
            fund: taken.fund,
            own,
            ratio: Some(ratio),
            axis: Some(axis),
            accumulator: Some(Change { accumulator: Accumulator::PooledFund, before, after: self.after.pooled_fund }),
            clause: Some(clause),
            ..step(Rule::Band, taken.used, wording::band(axis, ratio, taken.fund, own, adjustments))
        });
    }

    /// The band's ratio for this person, the retired factor on the own share, then the points of circumstances.
    fn ratio(&self, band: &Band) -> (Ratio, Vec<Adjustment>, Vec<String>) {
        let (rules, input) = (self.rules, self.input);
        let mut ratio = band.ratio(input.person, input.tier).unwrap_or(Ratio::ZERO);
        let mut adjustments = Vec::new();
        let mut sources = band.sources.clone();
        let mut cite = |more: &[String]| {
            for source in more {
                if !sources.contains(source) {
                    sources.push(source.clone());
                }
            }
        };
        if let Some(factor) = rules.retired_self_factor.as_ref().filter(|_| input.person.retired) {
            ratio = ratio.complement().times(factor.value).complement();
            adjustments.push(Adjustment::RetiredSelfFactor(factor.value));
            cite(&factor.sources);
        }
        let at_tier = |tiers: &BTreeSet<Tier>| tiers.contains(&input.tier);
        if let Some(rule) = rules.unreferred_minus.as_ref().filter(|rule| !input.referred && at_tier(&rule.value.tiers))
        {
            ratio = rule.value.points.taken_from(ratio);
            adjustments.push(Adjustment::Unreferred(rule.value.points));
            cite(&rule.sources);
        }
        if let Some(rule) =
            rules.family_doctor_plus.as_ref().filter(|rule| input.family_doctor && at_tier(&rule.value.tiers))
        {
            ratio = rule.value.points.added_to(ratio);
            adjustments.push(Adjustment::FamilyDoctor(rule.value.points));
            cite(&rule.sources);
        }
        (ratio, adjustments, sources)
    }

    /// Above the pooled fund's ceiling.
    fn pay_large_amount(&mut self, from: Money, to: Money) -> Result<(), Refusal> {
        let rules = self.rules;
        let Some(layer) = &rules.large_amount else {
            let clause = self.policy.clause(self.input.kind, "pooled_ceiling", &rules.pooled_ceiling.sources);
            self.leave_to_person(Rule::CoverLimit, Interval { from, to }, clause, wording::nothing_above_ceiling);
            return Ok(());
        };
        let Published::Value(ratio) = layer.value.ratio.of(self.input.person) else {
            let status = if self.input.person.retired { "retired" } else { "active" };
            let path = format!("large_amount.fund_ratio.{status}");
            return Err(Refusal::NotPublished { path: self.policy.clause(self.input.kind, &path, &[]).path });
        };
        let left = layer.value.ceiling.amount().map(|ceiling| ceiling.less_at_most(self.after.large_amount_fund));
        let taken = take(to - from, ratio, left);
        let axis = Interval { from, to: from + taken.used };
        if !taken.used.is_zero() {
            self.pay_large(axis, &taken, ratio, layer);
        }
        let ceiling_clause = self.policy.clause(self.input.kind, "large_amount.ceiling", &layer.sources);
        if axis.to < to {
            let rest = Interval { from: axis.to, to };
            self.leave_to_person(Rule::LargeAmountCeiling, rest, ceiling_clause, wording::large_amount_ceiling_reached);
        } else if layer.value.ceiling == Limit::NotPublished {
            let text = wording::large_amount_ceiling_not_published();
            self.steps.push(Step { clause: Some(ceiling_clause), ..step(Rule::LargeAmountCeiling, Money::ZERO, text) });
        }
        Ok(())
    }

    fn pay_large(&mut self, axis: Interval, taken: &Taken, ratio: Ratio, layer: &Sourced<LargeAmount>) {
        let own = taken.used - taken.fund;
        let before = self.after.large_amount_fund;
        self.after.large_amount_fund += taken.fund;
        self.shares.large_amount_fund += taken.fund;
        self.shares.large_amount_own += own;
        self.steps.push(Step {
            fund: taken.fund,
            own,
            ratio: Some(ratio),
            axis: Some(axis),
            accumulator: Some(Change {
                accumulator: Accumulator::LargeAmountFund,
                before,
                after: self.after.large_amount_fund,
            }),
            clause: Some(self.policy.clause(self.input.kind, "large_amount", &layer.sources)),
            ..step(Rule::LargeAmount, taken.used, wording::large_amount(taken.used, ratio, taken.fund, own))
        });
    }

    fn leave_beyond_cover(&mut self, limit: Money, from: Money, to: Money) {
        let clause = self.policy.clause(self.input.kind, "cover_limit", &self.rules.cover_limit.sources);
        self.leave_to_person(Rule::CoverLimit, Interval { from, to }, clause, |amount| {
            wording::beyond_cover(limit, amount)
        });
    }

    fn leave_to_person(&mut self, rule: Rule, axis: Interval, clause: Clause, text: impl FnOnce(Money) -> Localized) {
        let amount = axis.to - axis.from;
        self.shares.beyond_cover += amount;
        self.steps.push(Step {
            own: amount,
            axis: Some(axis),
            clause: Some(clause),
            ..step(rule, amount, text(amount))
        });
    }
}
