//! Puts a calculation into words: each entry becomes a step with its clause, its legal sources and a sentence in both languages.

use types::{
    care::CareKind,
    money::{Money, Ratio},
};

use super::{
    Adjudication, Calculation, Detail, Entry, Place, PolicyReference, calculation::DeductibleCase as Case, cover,
    ratio::Adjustment, result,
};
use crate::domain::{
    explanation::{Cited, Clause, Rule, Step},
    input::Input,
    localized::Localized,
    policy::{CareRules, Deductible, Policy},
    wording,
};

pub(super) fn adjudication(policy: &Policy, input: &Input, calculation: &Calculation) -> Adjudication {
    let words = policy.rules(input.kind, input.tier, input.from, input.to).map(|rules| Words {
        policy,
        rules,
        input,
        care: policy.account_kind(input.kind).unwrap_or(input.kind),
        catalogue: catalogue(policy, input),
    });
    let steps = match words {
        _ if input.lines.is_empty() => cover::by_policy(policy, input, calculation),
        Some(words) => {
            let steps = calculation.entries.iter().map(|entry| words.step(entry));
            steps.chain([result(&calculation.shares)]).collect()
        }
        None => vec![result(&calculation.shares)],
    };
    Adjudication {
        policy: Some(PolicyReference {
            id: policy.id.clone(),
            name: policy.name.clone(),
            demonstration: policy.demonstration,
        }),
        judged_date: calculation.judged_date,
        shares: calculation.shares,
        settlement: calculation.shares.settlement(),
        before: calculation.before,
        after: calculation.after,
        year_before: calculation.year_before,
        year_after: calculation.year_after,
        steps,
    }
}

struct Words<'a> {
    policy: &'a Policy,
    rules: &'a CareRules,
    input: &'a Input,
    care: CareKind,
    catalogue: Cited,
}

/// Of the place of care, as it stood on the first day of care: what classed the lines.
fn catalogue(policy: &Policy, input: &Input) -> Cited {
    let region = input.circumstances.care_region.unwrap_or(policy.region);
    let sources = vec![wording::catalogue(region, input.from)];
    Clause { path: format!("catalogue.{region}"), sources }.into()
}

impl Words<'_> {
    fn step(&self, entry: &Entry) -> Step {
        let Entry { rule, amount, fund, own, ratio, axis, accumulator, .. } = *entry;
        Step {
            rule,
            line: entry.line.and_then(|line| usize::try_from(line).ok()),
            amount,
            fund,
            own,
            ratio,
            axis,
            accumulator,
            limit: set(entry.detail),
            clause: match entry.line {
                Some(_) => Some(self.catalogue.clone()),
                None => entry.place.map(|place| self.clause(place).into()),
            },
            text: self.text(entry),
        }
    }

    /// The clause, and beside its own the sources of whatever else decided.
    fn clause(&self, place: Place) -> Clause {
        let mut sources: Vec<&String> = place.sources(self.policy, self.rules).iter().collect();
        match place {
            Place::Band(band) => sources.extend(self.adjustments(band).flat_map(|(_, sources)| sources)),
            Place::ReferralChain => {
                if let Deductible::PerStay(stays) = &self.rules.deductible.value {
                    sources.extend(&stays.chain_sources);
                }
            }
            _ => {}
        }
        self.policy.clause(place.path(self.care), sources)
    }

    fn adjustments(&self, band: usize) -> impl Iterator<Item = (Adjustment, &[String])> {
        let rated = self.rules.bands.get(band).map(|band| self.rules.rated(band, self.input));
        rated.into_iter().flat_map(|rated| rated.adjustments().collect::<Vec<_>>())
    }

    fn text(&self, entry: &Entry) -> Localized {
        match entry.rule {
            Rule::LineClassA | Rule::LineClassB | Rule::LineClassC => self.line(entry),
            Rule::InScope => wording::in_scope(self.input.total, entry.amount),
            Rule::Deductible | Rule::DeductibleCountsOn | Rule::DeductibleNotAnew | Rule::DeductibleWaived => {
                deductible(entry)
            }
            Rule::Band => self.band(entry),
            Rule::PooledCeiling => match limit(entry) {
                Some(ceiling) => wording::pooled_ceiling_reached(ceiling, entry.amount),
                None => wording::pooled_ceiling_not_published(),
            },
            Rule::LargeAmount => {
                wording::large_amount(entry.amount, entry.ratio.unwrap_or(Ratio::ZERO), entry.fund, entry.own)
            }
            Rule::LargeAmountCeiling if entry.detail == Detail::NotPublished => {
                wording::large_amount_ceiling_not_published()
            }
            Rule::LargeAmountCeiling => wording::large_amount_ceiling_reached(entry.amount),
            Rule::CoverLimit => match limit(entry) {
                Some(limit) => wording::beyond_cover(limit, entry.amount),
                None => wording::nothing_above_ceiling(entry.amount),
            },
            Rule::UnreferredNotPaid => wording::unreferred_not_paid(entry.amount),
            _ => self.above(entry),
        }
    }

    fn above(&self, entry: &Entry) -> Localized {
        let ratio = entry.ratio.unwrap_or(Ratio::ZERO);
        let threshold = limit(entry).unwrap_or(Money::ZERO);
        match entry.rule {
            Rule::CriticalIllness => wording::critical_illness(threshold, entry.amount, ratio, entry.fund),
            Rule::CriticalIllnessCeiling => match limit(entry) {
                Some(ceiling) => wording::critical_illness_ceiling(ceiling, entry.amount),
                None => wording::critical_illness_ceiling_not_published(),
            },
            Rule::Assistance => wording::assistance(threshold, entry.amount, ratio, entry.fund),
            Rule::AssistanceCeiling => match limit(entry) {
                Some(ceiling) => wording::assistance_ceiling(ceiling, entry.amount),
                None => wording::assistance_ceiling_not_published(),
            },
            Rule::TopUp => wording::top_up(entry.amount),
            Rule::Voucher => {
                let per_year = self.policy.above.voucher.as_ref().map_or(Money::ZERO, |voucher| voucher.value.per_year);
                let used = entry.accumulator.map_or(Money::ZERO, |change| change.after);
                wording::voucher(entry.amount, per_year.less_at_most(used))
            }
            Rule::Account => wording::account(entry.amount),
            Rule::MutualAid => wording::mutual_aid(entry.amount),
            _ => wording::result(self.input.total, entry.fund, entry.own),
        }
    }

    fn line(&self, entry: &Entry) -> Localized {
        let line = entry.line.and_then(|line| self.input.lines.get(usize::try_from(line).ok()?));
        line.map_or_else(|| Localized::new("", ""), |line| wording::line(line, line.classify()))
    }

    fn band(&self, entry: &Entry) -> Localized {
        let (Some(axis), Some(ratio), Some(Place::Band(band))) = (entry.axis, entry.ratio, entry.place) else {
            return wording::in_scope(self.input.total, entry.amount);
        };
        let adjustments = self.adjustments(band).map(|(adjustment, _)| adjustment);
        wording::band(axis, ratio, entry.fund, entry.own, adjustments)
    }
}

fn set(detail: Detail) -> Option<Money> {
    match detail {
        Detail::Limit(set) | Detail::Deductible { set, .. } => Some(set),
        Detail::None | Detail::NotPublished | Detail::NothingAbove => None,
    }
}

fn limit(entry: &Entry) -> Option<Money> {
    match entry.detail {
        Detail::Limit(amount) => Some(amount),
        _ => None,
    }
}

fn deductible(entry: &Entry) -> Localized {
    let borne = entry.amount;
    let Detail::Deductible { case, set, credited } = entry.detail else {
        return wording::deductible_first_stay(borne, borne);
    };
    match case {
        Case::OfYear => wording::deductible_of_year(set, credited, borne),
        Case::OfYearByTier => wording::deductible_of_year_by_tier(set, credited, borne),
        Case::FirstStay => wording::deductible_first_stay(set, borne),
        Case::LaterStay => wording::deductible_later_stay(set, borne),
        Case::LongStay => wording::deductible_long_stay(set, borne),
        Case::CountsOn => wording::deductible_counts_on(set, credited, borne),
        Case::NotAnew => wording::deductible_not_anew(set),
        Case::Waived => wording::deductible_waived(set),
    }
}
