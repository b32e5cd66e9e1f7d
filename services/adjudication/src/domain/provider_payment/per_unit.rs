//! By unit of service (按床日、按服务单元付费): a rate a day of stay, in stages, or a rate a case.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use drg::payment::{Coefficients, Factor, TermsError, present};
use rust_decimal::Decimal;
use serde::Deserialize;
use types::money::Money;
use types::tier::Tier;

use super::document::PerUnitDocument;
use super::{Case, expected::Undecided};

const OPEN: &str = "none";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Unit {
    Day,
    Case,
}

/// Which days of a stay are days; a stay has at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Counts {
    /// 算头不算尾: the day of discharge is not one.
    FirstNotLast,
    FirstAndLast,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub unit: Unit,
    pub counts: Counts,
    /// Rising; the last one is open.
    pub stages: Vec<Stage>,
    pub coefficients: Coefficients,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// The last unit of the stage, from 1; none: open.
    pub to_unit: Option<u32>,
    pub rate: Money,
}

/// What was counted, and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// Units and rate of each stage that was reached.
    pub stages: Vec<(u32, Money)>,
    pub coefficient: Factor,
    pub amount: Money,
}

impl Terms {
    pub fn pay(&self, case: &Case, path: &str) -> Result<Paid, Undecided> {
        let units = self.units(case.from, case.until);
        let tier = case.place.tier;
        let coefficient = self
            .coefficients
            .of(&case.place)
            .ok_or_else(|| Undecided::not_stated(format!("{path}.coefficients.by_tier.{tier}")))?;
        let (mut stages, mut begun, mut sum) = (Vec::new(), 0, Decimal::ZERO);
        for stage in &self.stages {
            let end = stage.to_unit.map_or(units, |to| to.min(units));
            if end > begun {
                stages.push((end - begun, stage.rate));
                let of_stage = stage.rate.decimal().checked_mul(Decimal::from(end - begun));
                sum = of_stage.and_then(|of_stage| sum.checked_add(of_stage)).ok_or(Undecided::TooLarge)?;
                begun = end;
            }
        }
        let amount = sum.checked_mul(coefficient.decimal()).ok_or(Undecided::TooLarge)?;
        let amount = Money::from_decimal(Money::round_half_up(amount).decimal()).map_err(|_| Undecided::TooLarge)?;
        Ok(Paid { stages, coefficient, amount })
    }

    fn units(&self, from: NaiveDate, until: NaiveDate) -> u32 {
        if self.unit == Unit::Case {
            return 1;
        }
        let nights = u32::try_from((until - from).num_days()).unwrap_or(0);
        match self.counts {
            Counts::FirstNotLast => nights.max(1),
            Counts::FirstAndLast => nights.saturating_add(1),
        }
    }
}

pub(super) fn read(written: PerUnitDocument, tiers: &BTreeSet<Tier>, path: &str) -> Result<Terms, TermsError> {
    let at = |field: &str| format!("{path}.{field}");
    let written_stages = present(written.stages, &at("stages"))?;
    let last = written_stages.len().saturating_sub(1);
    let mut stages: Vec<Stage> = Vec::with_capacity(written_stages.len());
    for (index, stage) in written_stages.into_iter().enumerate() {
        let at = |field: &str| format!("{path}.stages[{index}].{field}");
        let to = present(stage.to_unit, &at("to_unit"))?;
        let to_unit = if to == OPEN { None } else { to.parse().ok().filter(|to: &u32| *to > 0) };
        if (to == OPEN) != (index == last) || (to != OPEN && to_unit.is_none()) {
            return Err(TermsError::malformed(at("to_unit"), "a day from 1; only the last stage is open: `none`"));
        }
        let before = stages.last().and_then(|stage| stage.to_unit);
        if to_unit.is_some_and(|to| before.is_some_and(|before| to <= before)) {
            return Err(TermsError::malformed(at("to_unit"), "is not above the stage before"));
        }
        stages.push(Stage { to_unit, rate: present(stage.rate, &at("rate"))? });
    }
    if stages.is_empty() {
        return Err(TermsError::missing(at("stages")));
    }
    let coefficients = present(written.coefficients, &at("coefficients"))?;
    coefficients.check(tiers, &at("coefficients"))?;
    Ok(Terms {
        unit: present(written.unit, &at("unit"))?,
        counts: present(written.counts, &at("counts"))?,
        stages,
        coefficients,
    })
}
