//! The rules of one kind of care: everybody's ratio exactly once, bands without gap or overlap, a deductible for every tier.

use std::collections::{BTreeMap, BTreeSet};

use types::{
    care::CareKind,
    money::{Money, Ratio},
    tier::Tier,
};

use super::{
    super::{
        Away, Band, ByStatus, CareRules, Deductible, LargeAmount, NotPaid, PointsRule, Problem, RatioRow, Sourced,
        StayDeductible, StayDeductibles, document as doc,
        limit::{Limit, Published},
    },
    AGE_MAX, Read, Sources, Span, amounts, by_status, error, malformed, missing, present, span,
};
use crate::domain::{
    circumstances::{Area, OwnClinic},
    input::Person,
};

impl Sources<'_> {
    pub(super) fn care(&self, care: doc::Care, path: &str, section: CareKind) -> Read<CareRules> {
        if care.tiers.is_empty() {
            return Err(missing(&format!("{path}.tiers")));
        }
        let at = |field: &str| format!("{path}.{field}");
        let points =
            |field: &str, rule: Option<doc::PointsRule>| rule.map(|rule| self.points(&at(field), rule)).transpose();
        let written = present(care.deductible, &at("deductible"))?;
        let deductible_waived = written.waived_at.clone();
        if deductible_waived.contains(&OwnClinic::Elsewhere) {
            return Err(malformed(&at("deductible.waived_at"), &"names a clinic that is not the person's own"));
        }
        let by_year = written.per_year.is_some() || written.per_year_by_tier.is_some();
        let deductible = if by_year || section == CareKind::Outpatient {
            self.year_deductible(path, written, care.referral_chain.is_some(), &care.tiers)?
        } else {
            self.stay_deductible(path, written, care.referral_chain, &care.tiers)?
        };
        let cover_limit = self.value(&at("cover_limit"), care.cover_limit)?;
        if cover_limit.value == Limit::NotPublished {
            return Err(missing(&at("cover_limit.value")));
        }
        let kinds = care.kinds.unwrap_or_else(|| BTreeSet::from([section]));
        if kinds.is_empty() {
            return Err(missing(&at("kinds")));
        }
        Ok(CareRules {
            kinds,
            deductible_waived,
            bands: self.bands(&at("bands"), care.bands, &care.tiers, cover_limit.value)?,
            deductible,
            retired_self_factor: match care.retired_self_factor {
                Some(factor) => Some(self.value(&at("retired_self_factor"), Some(factor))?),
                None => None,
            },
            unreferred_minus: points("unreferred_minus", care.unreferred_minus)?,
            family_doctor_plus: points("family_doctor_plus", care.family_doctor_plus)?,
            out_of_area: care.out_of_area.map(|rule| self.out_of_area(&at("out_of_area"), rule)).transpose()?,
            unreferred_not_paid: care
                .unreferred_not_paid
                .map(|rule| self.not_paid(&at("unreferred_not_paid"), rule))
                .transpose()?,
            referral_valid_days: match care.referral_valid_days {
                Some(days) => Some(self.value(&at("referral_valid_days"), Some(days))?),
                None => None,
            },
            cover_limit,
            pooled_ceiling: self.value(&at("pooled_ceiling"), care.pooled_ceiling)?,
            large_amount: care.large_amount.map(|layer| self.large_amount(&at("large_amount"), layer)).transpose()?,
            tiers: care.tiers,
        })
    }

    fn year_deductible(
        &self,
        care_path: &str,
        deductible: doc::Deductible,
        has_chain: bool,
        tiers: &BTreeSet<Tier>,
    ) -> Read<Sourced<Deductible>> {
        let path = format!("{care_path}.deductible");
        if deductible.per_stay.is_some() || deductible.settlement_cycle_days.is_some() || has_chain {
            return Err(malformed(&path, &"a deductible per year has no stays, cycles and chains"));
        }
        let value = match (deductible.per_year, deductible.per_year_by_tier) {
            (Some(_), Some(_)) => return Err(malformed(&path, &"is either one for all tiers or by tier")),
            (per_year, None) => Deductible::PerYear(amounts(&format!("{path}.per_year"), per_year)?),
            (None, Some(written)) => {
                let path = format!("{path}.per_year_by_tier");
                Deductible::PerYearByTier(by_tier(&path, written, tiers, amounts)?)
            }
        };
        self.sourced(&path, value, deductible.source)
    }

    fn stay_deductible(
        &self,
        care_path: &str,
        deductible: doc::Deductible,
        chain: Option<doc::ReferralChain>,
        tiers: &BTreeSet<Tier>,
    ) -> Read<Sourced<Deductible>> {
        let path = format!("{care_path}.deductible");
        if deductible.settlement_cycle_days == Some(0) {
            return Err(malformed(&format!("{path}.settlement_cycle_days"), &"a cycle has at least one day"));
        }
        let chain_path = format!("{care_path}.referral_chain");
        let chain = present(chain, &chain_path)?;
        self.check(&chain_path, &chain.source)?;
        let written = present(deductible.per_stay, &format!("{path}.per_stay"))?;
        let by_tier = by_tier(&format!("{path}.per_stay"), written, tiers, |path, stay| {
            let stay = present(stay, path)?;
            Ok(StayDeductible {
                first: amounts(&format!("{path}.first"), stay.first)?,
                repeat: amounts(&format!("{path}.repeat"), stay.repeat)?,
            })
        })?;
        let value = Deductible::PerStay(StayDeductibles {
            by_tier,
            settlement_cycle_days: deductible.settlement_cycle_days,
            up: chain.up,
            down: chain.down,
            chain_sources: chain.source,
        });
        self.sourced(&path, value, deductible.source)
    }

    /// From zero without gap or overlap up to the limit of cover, or open at the top.
    fn bands(&self, path: &str, bands: Vec<doc::Band>, tiers: &BTreeSet<Tier>, cover_limit: Limit) -> Read<Vec<Band>> {
        let mut read = Vec::with_capacity(bands.len());
        let mut begins = Some(Money::ZERO);
        for (index, band) in bands.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.check(&path, &band.source)?;
            let Span { from, to } = span(&path, begins, band.from, band.to)?;
            begins = to;
            let rows = rows(&format!("{path}.fund_ratio"), band.fund_ratio, tiers)?;
            read.push(Band { from, to, rows, sources: band.source });
        }
        let top = read.last().ok_or_else(|| missing(path))?.to;
        if top.is_some() && top != cover_limit.amount() {
            return Err(malformed(path, &"end neither open (\"none\") nor exactly at the limit of cover"));
        }
        Ok(read)
    }

    fn points(&self, path: &str, rule: doc::PointsRule) -> Read<Sourced<PointsRule>> {
        let points = present(rule.points, &format!("{path}.points"))?;
        if rule.tiers.is_empty() {
            return Err(missing(&format!("{path}.tiers")));
        }
        self.sourced(path, PointsRule { points, tiers: rule.tiers }, rule.source)
    }

    fn out_of_area(&self, path: &str, rule: doc::OutOfArea) -> Read<Sourced<BTreeMap<Area, Away>>> {
        let mut read = BTreeMap::new();
        if rule.by_filing.contains_key(&Area::Home) {
            return Err(malformed(&format!("{path}.by_filing.HOME"), &"is not away"));
        }
        let mut written = rule.by_filing;
        for area in Area::AWAY {
            let path = format!("{path}.by_filing.{}", area.as_str());
            let away = match present(written.remove(&area), &path)? {
                doc::Away { multiply: Some(ratio), minus_points: None } => Away::Multiply(ratio),
                doc::Away { multiply: None, minus_points: Some(points) } => Away::Minus(points),
                doc::Away { multiply: None, minus_points: None } => return Err(missing(&path)),
                doc::Away { multiply: Some(_), minus_points: Some(_) } => {
                    return Err(malformed(&path, &"either multiplies the ratio or takes points from it"));
                }
            };
            read.insert(area, away);
        }
        self.sourced(path, read, rule.source)
    }

    fn not_paid(&self, path: &str, rule: doc::NotPaid) -> Read<Sourced<NotPaid>> {
        if rule.tiers.is_empty() {
            return Err(missing(&format!("{path}.tiers")));
        }
        self.sourced(path, NotPaid { tiers: rule.tiers, except: rule.except_groups }, rule.source)
    }

    fn large_amount(&self, path: &str, layer: doc::LargeAmount) -> Read<Sourced<LargeAmount>> {
        let ratio: ByStatus<Published<Ratio>> = by_status(&format!("{path}.fund_ratio"), layer.fund_ratio)?;
        let ceiling = present(layer.ceiling, &format!("{path}.ceiling"))?;
        self.sourced(path, LargeAmount { ratio, ceiling }, layer.source)
    }
}

/// The rows of a band give everybody whom the care covers exactly one ratio at every tier covered.
fn rows(path: &str, rows: Vec<doc::RatioRow>, tiers: &BTreeSet<Tier>) -> Read<Vec<RatioRow>> {
    let mut read = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        if let Some(tier) = row.by_tier.keys().find(|tier| !tiers.contains(tier)) {
            return Err(malformed(&format!("{path}[{index}].by_tier.{tier}"), &"is not one of the tiers covered"));
        }
        let doc::RatioRow { retired, age_from, age_below, own_clinic, by_tier } = row;
        read.push(RatioRow { retired, age_from, age_below, own_clinic, by_tier });
    }
    let persons = [false, true].into_iter().flat_map(|retired| (0..=AGE_MAX).map(move |age| Person { retired, age }));
    for person in persons {
        for clinic in [OwnClinic::Elsewhere, OwnClinic::Here] {
            only_row(path, &read, person, clinic, tiers)?;
        }
    }
    Ok(read)
}

fn only_row(path: &str, rows: &[RatioRow], person: Person, clinic: OwnClinic, tiers: &BTreeSet<Tier>) -> Read<()> {
    let matching = rows.iter().enumerate().filter(|(_, row)| row.applies_to(person, clinic));
    let matched: Vec<(usize, &RatioRow)> = matching.collect();
    match matched.as_slice() {
        [(index, row)] => match tiers.iter().find(|tier| !row.by_tier.contains_key(tier)) {
            Some(tier) => Err(missing(&format!("{path}[{index}].by_tier.{tier}"))),
            None => Ok(()),
        },
        several => {
            let status = if person.retired { "retired" } else { "active" };
            let place = if clinic == OwnClinic::Here { " at their own clinic" } else { "" };
            let who = format!("{status} persons of {}{place}", person.age);
            Err(error(path, Problem::RatioNotUnique { who, matches: several.len() }))
        }
    }
}

/// A value for every tier covered, and for no other.
fn by_tier<W, T>(
    path: &str,
    mut written: BTreeMap<Tier, W>,
    tiers: &BTreeSet<Tier>,
    read: impl Fn(&str, Option<W>) -> Read<T>,
) -> Read<BTreeMap<Tier, T>> {
    let mut values = BTreeMap::new();
    for tier in tiers {
        values.insert(*tier, read(&format!("{path}.{tier}"), written.remove(tier))?);
    }
    match written.keys().next() {
        Some(tier) => Err(malformed(&format!("{path}.{tier}"), &"is not one of the tiers covered")),
        None => Ok(values),
    }
}
