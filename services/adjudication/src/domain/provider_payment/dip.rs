//! DIP (按病种分值付费): score × coefficient × point value.
//!
//! Cases that cost more than a multiple of their group's average score (cost ÷ average − multiple + 1) × score; cases that cost less
//! than another multiple score cost ÷ average × score (国家医疗保障按病种分值付费（DIP）技术规范, 医保办发〔2020〕50号). Entries of the
//! auxiliary catalogue (辅助目录) multiply the score.

use std::collections::{BTreeMap, BTreeSet};

use drg::payment::{Coefficients, Factor, TermsError, present};
use rust_decimal::{Decimal, RoundingStrategy};
use types::money::Money;
use types::tier::Tier;

use super::document::{DipDocument, DipGroupDocument};
use super::{Case, expected::Undecided};

/// A score is rounded half up to as many places before it is multiplied by the point value.
const SCORE_PLACES: u32 = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// In yuan.
    pub point_value: Factor,
    pub groups: BTreeMap<String, Group>,
    pub coefficients: Coefficients,
    /// Above this multiple of the average cost a case is scored by what it exceeds.
    pub over: Factor,
    /// Below this multiple a case is scored by its cost.
    pub under: Factor,
    pub auxiliary: BTreeMap<String, Factor>,
    /// The share of its cost that a case of no group is paid.
    pub unlisted_cost_ratio: Factor,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    /// The beginning of the principal diagnosis.
    pub diagnosis: String,
    /// All of these were done.
    pub procedures: BTreeSet<String>,
    pub score: Factor,
    /// Last year's average cost of the group, by tier.
    pub average_cost: BTreeMap<Tier, Money>,
}

/// How a case deviates from its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deviation {
    None,
    Over,
    Under,
}

/// A score with what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    pub code: String,
    pub name: String,
    pub group_score: Factor,
    pub auxiliary: Vec<(String, Factor)>,
    pub average_cost: Money,
    pub deviation: Deviation,
    /// To four places.
    pub score: Decimal,
    pub coefficient: Factor,
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paid {
    Scored(Scored),
    Unlisted { amount: Money },
}

impl Terms {
    pub fn pay(&self, case: &Case, path: &str) -> Result<Paid, Undecided> {
        let Some((code, group)) = self.find(case, path)? else {
            let amount = Money::round_half_up(case.cost.decimal() * self.unlisted_cost_ratio.decimal());
            return Ok(Paid::Unlisted { amount });
        };
        let tier = case.place.tier;
        let average_cost = *group
            .average_cost
            .get(&tier)
            .ok_or_else(|| Undecided::not_stated(format!("{path}.groups.{code}.average_cost.{tier}")))?;
        let coefficient = self
            .coefficients
            .of(&case.place)
            .ok_or_else(|| Undecided::not_stated(format!("{path}.coefficients.by_tier.{tier}")))?;
        let mut auxiliary = Vec::new();
        for entry in &case.record.auxiliary {
            let factor =
                self.auxiliary.get(entry).ok_or_else(|| Undecided::not_stated(format!("{path}.auxiliary.{entry}")))?;
            auxiliary.push((entry.clone(), *factor));
        }
        let weighed =
            auxiliary.iter().try_fold(group.score.decimal(), |score, (_, factor)| score.checked_mul(factor.decimal()));
        let (deviation, factor) = self.deviation(case.cost, average_cost);
        let score = weighed.and_then(|score| score.checked_mul(factor)).ok_or(Undecided::TooLarge)?;
        let score = score.round_dp_with_strategy(SCORE_PLACES, RoundingStrategy::MidpointAwayFromZero);
        let amount = score
            .checked_mul(coefficient.decimal())
            .and_then(|points| points.checked_mul(self.point_value.decimal()))
            .and_then(|amount| Money::from_decimal(Money::round_half_up(amount).decimal()).ok())
            .ok_or(Undecided::TooLarge)?;
        Ok(Paid::Scored(Scored {
            code: code.to_owned(),
            name: group.name.clone(),
            group_score: group.score,
            auxiliary,
            average_cost,
            deviation,
            score,
            coefficient,
            amount,
        }))
    }

    /// What the group's score is multiplied by. Exactly at a multiple nothing deviates.
    fn deviation(&self, cost: Money, average: Money) -> (Deviation, Decimal) {
        let (cost, average) = (cost.decimal(), average.decimal());
        if cost > average * self.over.decimal() {
            (Deviation::Over, cost / average - self.over.decimal() + Decimal::ONE)
        } else if cost < average * self.under.decimal() {
            (Deviation::Under, cost / average)
        } else {
            (Deviation::None, Decimal::ONE)
        }
    }

    /// The group that came with the claim; else the one with most of the case's procedures, then the longest diagnosis.
    fn find(&self, case: &Case, path: &str) -> Result<Option<(&str, &Group)>, Undecided> {
        if let Some(code) = &case.record.dip {
            let found = self.groups.get_key_value(code);
            let (code, group) = found.ok_or_else(|| Undecided::not_stated(format!("{path}.groups.{code}")))?;
            return Ok(Some((code, group)));
        }
        let Some(principal) = case.diagnoses.first() else { return Ok(None) };
        let done = |group: &Group| group.procedures.iter().all(|code| case.record.procedures.contains(code));
        let matching = self.groups.iter().filter(|(_, group)| principal.starts_with(&group.diagnosis) && done(group));
        // Of equals the last in order of their codes.
        let found = matching.max_by_key(|(_, group)| (group.procedures.len(), group.diagnosis.len()));
        Ok(found.map(|(code, group)| (code.as_str(), group)))
    }
}

pub(super) fn read(written: DipDocument, tiers: &BTreeSet<Tier>, path: &str) -> Result<Terms, TermsError> {
    let at = |field: &str| format!("{path}.{field}");
    let written_groups = present(written.groups, &at("groups"))?;
    if written_groups.is_empty() {
        return Err(TermsError::missing(at("groups")));
    }
    let mut groups = BTreeMap::new();
    for (code, group) in written_groups {
        let read = self::group(group, tiers, &at(&format!("groups.{code}")))?;
        groups.insert(code, read);
    }
    let coefficients = present(written.coefficients, &at("coefficients"))?;
    coefficients.check(tiers, &at("coefficients"))?;
    let (over, under) = (present(written.over, &at("over"))?, present(written.under, &at("under"))?);
    if over <= under {
        return Err(TermsError::malformed(at("over"), "is not above `under`"));
    }
    Ok(Terms {
        point_value: present(written.point_value, &at("point_value"))?,
        groups,
        coefficients,
        over,
        under,
        auxiliary: present(written.auxiliary, &at("auxiliary"))?,
        unlisted_cost_ratio: present(written.unlisted_cost_ratio, &at("unlisted_cost_ratio"))?,
    })
}

fn group(written: DipGroupDocument, tiers: &BTreeSet<Tier>, path: &str) -> Result<Group, TermsError> {
    let at = |field: &str| format!("{path}.{field}");
    let diagnosis = present(written.diagnosis, &at("diagnosis"))?;
    if diagnosis.is_empty() {
        return Err(TermsError::malformed(at("diagnosis"), "is empty"));
    }
    let average_cost = present(written.average_cost, &at("average_cost"))?;
    for tier in tiers {
        let average = present(average_cost.get(tier), &at(&format!("average_cost.{tier}")))?;
        if !average.is_positive() {
            return Err(TermsError::malformed(at(&format!("average_cost.{tier}")), "an average is positive"));
        }
    }
    Ok(Group {
        name: present(written.name, &at("name"))?,
        diagnosis,
        procedures: written.procedures,
        score: present(written.score, &at("score"))?,
        average_cost,
    })
}
