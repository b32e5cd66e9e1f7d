//! The claims file: one JSON object a line, one claim each. The format is described in `WHAT_IF.md`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use adjudication::domain::circumstances::{Area, Circumstances, Group, OwnClinic};
use adjudication::domain::input::{Accumulators, Input, Person, counts_as_referred};
use adjudication::domain::line::{Class, Line, PriceLimit, Priced};
use adjudication::domain::localized::Localized;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use types::care::CareKind;
use types::money::{Money, Ratio};
use types::scheme::Scheme;
use types::tier::Tier;

use super::axis::Income;
use super::fen::Fen;
use super::judge::Care;
use super::replay::Household;
use super::shard::household_hash;

/// Whose claim it is, which is all that has to be read of a claim of another shard.
#[derive(Debug, Deserialize)]
pub(super) struct Whose<'a> {
    #[serde(borrow)]
    pub(super) household: Option<Cow<'a, str>>,
    #[serde(borrow)]
    person: Cow<'a, str>,
}

impl Whose<'_> {
    /// Somebody of whom no household is known is one alone.
    pub(super) fn household(&self) -> &str {
        self.household.as_deref().unwrap_or(&self.person)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are the fields of the file")]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) household: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) person: Cow<'a, str>,
    pub(super) birth_date: NaiveDate,
    #[serde(default)]
    pub(super) retired: bool,
    pub(super) scheme: Option<Scheme>,
    #[serde(default = "not_stated")]
    pub(super) income_group: Income,
    pub(super) household_income: Option<Money>,
    #[serde(default)]
    pub(super) groups: BTreeSet<Group>,
    #[serde(default)]
    pub(super) topped_up: bool,
    #[serde(default)]
    pub(super) family_doctor: bool,
    #[serde(default)]
    pub(super) area: Area,
    pub(super) tier: Tier,
    pub(super) kind: CareKind,
    pub(super) from: NaiveDate,
    pub(super) to: Option<NaiveDate>,
    #[serde(default)]
    pub(super) referred: bool,
    pub(super) referred_on: Option<NaiveDate>,
    #[serde(default)]
    pub(super) own_clinic: OwnClinic,
    #[serde(borrow)]
    pub(super) journey: Option<Cow<'a, str>>,
    pub(super) total: Option<Money>,
    #[serde(borrow)]
    pub(super) lines: Vec<RecordLine<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordLine<'a> {
    #[serde(default)]
    pub(super) code: Cow<'a, str>,
    pub(super) class: RecordClass,
    pub(super) first_self_pay: Option<Ratio>,
    pub(super) quantity: Option<Decimal>,
    pub(super) unit_price: Option<Decimal>,
    /// What of the unit price insurance knows at most.
    pub(super) unit_price_max: Option<Decimal>,
    pub(super) amount: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum RecordClass {
    A,
    B,
    C,
}

const fn not_stated() -> Income {
    Income::Unknown
}

impl Record<'_> {
    pub(super) fn household(&self) -> Household {
        Household { group: self.income_group, income: self.household_income.map(Fen::from) }
    }

    /// What the engine is given. Says what is wrong with the claim in itself.
    pub(super) fn care(&self) -> Result<Care, String> {
        if self.lines.is_empty() {
            return Err("a claim without lines".to_owned());
        }
        let lines: Vec<Line> = self.lines.iter().map(RecordLine::line).collect::<Result<_, _>>()?;
        let sum = lines.iter().try_fold(Money::ZERO, |sum, line| sum.checked_add(line.amount));
        let total = self.total.or(sum).ok_or("the lines sum to more than an amount of money can hold")?;
        let input = Input {
            person: Person { retired: self.retired, age: 0 },
            tier: self.tier,
            kind: self.kind,
            from: self.from,
            to: self.to.unwrap_or(self.from),
            total,
            lines,
            unknown_items: vec![],
            before: Accumulators::default(),
            chain: None,
            referred: counts_as_referred(self.referred, self.kind),
            family_doctor: self.family_doctor,
            circumstances: Circumstances {
                groups: self.groups.clone(),
                area: self.area,
                own_clinic: self.own_clinic,
                referred_on: self.referred_on,
                topped_up: self.topped_up,
                ..Circumstances::default()
            },
        };
        Ok(Care { birth_date: self.birth_date, journey: self.journey.as_deref().map(household_hash), input })
    }
}

impl RecordLine<'_> {
    fn line(&self) -> Result<Line, String> {
        let class = match (self.class, self.first_self_pay) {
            (RecordClass::A, None) => Class::A,
            (RecordClass::B, Some(first_self_pay)) => Class::B { first_self_pay },
            (RecordClass::C, None) => Class::C,
            (RecordClass::B, None) => return Err("a line of class B without its first_self_pay".to_owned()),
            (_, Some(_)) => return Err("first_self_pay on a line that is not of class B".to_owned()),
        };
        let (quantity, unit_price) = match (self.quantity, self.unit_price) {
            (Some(quantity), Some(unit_price)) => (quantity, unit_price),
            (None, None) => (Decimal::ONE, self.amount.decimal()),
            _ => return Err("a line with a quantity or a unit_price without the other".to_owned()),
        };
        Ok(Line {
            code: self.code.clone().into_owned(),
            name: Localized::new("", ""),
            quantity,
            unit_price,
            amount: self.amount,
            class,
            price_limit: self.unit_price_max.map(|unit_price_max| PriceLimit { of: Priced::Item, unit_price_max }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_10_ad_05_a_claim_says_from_which_clinic_and_when_the_person_was_referred() {
        let text = r#"{"person":"p","birth_date":"2004-01-01","tier":"TERTIARY","kind":"OUTPATIENT","from":"2025-03-02","referred":true,
            "referred_on":"2025-02-20","own_clinic":"REFERRED_BY","groups":["STUDENT"],"lines":[{"class":"A","amount":"1.00"}]}"#;
        let care = serde_json::from_str::<Record<'_>>(text).unwrap().care().unwrap();
        let circumstances = care.input.circumstances;
        assert_eq!(circumstances.own_clinic, OwnClinic::ReferredBy);
        assert_eq!(circumstances.referred_on, NaiveDate::from_ymd_opt(2025, 2, 20));
    }
}
