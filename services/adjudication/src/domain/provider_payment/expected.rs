//! The payment that a provider may expect for a case, by terms in force.

use drg::payment::Unpriced;
use serde::{Deserialize, Serialize};
use types::money::Money;

use super::steps::{Step, StepRule};
use super::{Case, Method, MethodRule, Part, Pay, PaymentTerms, Shelf, dip, wording};
use crate::domain::localized::Localized;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub method: Method,
    /// The group of a case paid by group.
    pub group: Option<Group>,
    pub amounts: Result<Amounts, Undecided>,
    pub steps: Vec<Step>,
}

/// fund = gross − own + floor + adjustment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// What the case is worth by its method.
    pub gross: Money,
    /// What the patient pays.
    pub own: Money,
    /// What keeps the payment from being below zero, where the terms say that it may not be.
    pub floor: Money,
    /// Bonus or malus for quality.
    pub adjustment: Money,
    /// What the fund pays the provider.
    pub fund: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub code: String,
    pub origin: Origin,
    /// Version and digest of the tables, of a group that the grouper found.
    pub tables: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// It came with the claim.
    Claim,
    /// The grouper found it.
    Grouper,
}

/// Why there is no amount. Nothing is guessed: somebody has to state the number, or the group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    #[error("the terms state nothing at {0}")]
    NotStated(String),
    #[error("no group came with the claim, and the tables {0} are not at hand")]
    TablesNotAtHand(String),
    #[error("no group came with the claim, and the terms name no tables")]
    NoGroup,
    #[error("the amount is beyond what an amount can hold")]
    TooLarge,
}

impl Undecided {
    pub fn not_stated(path: impl Into<String>) -> Self {
        Self::NotStated(path.into())
    }

    fn of(unpriced: Unpriced, path: &str) -> Self {
        match unpriced {
            Unpriced::NotStated(field) => Self::NotStated(format!("{path}.{field}")),
            Unpriced::CostUnknown | Unpriced::TooLarge => Self::TooLarge,
        }
    }
}

/// What the terms pay for a case; none where they say nothing about such care.
pub fn expect(terms: &PaymentTerms, case: &Case, at_hand: &Shelf) -> Option<Expected> {
    let rule = terms.method(case.kind, case.place.tier)?;
    let mut paying = Paying { terms, rule, case, at_hand, group: None, steps: Vec::new() };
    let amounts = paying.amounts();
    if let Err(why) = &amounts {
        paying.step(StepRule::Undecided, Money::ZERO, "", wording::undecided(why));
    }
    Some(Expected { method: rule.pay.method(), group: paying.group, amounts, steps: paying.steps })
}

struct Paying<'a> {
    terms: &'a PaymentTerms,
    rule: &'a MethodRule,
    case: &'a Case,
    at_hand: &'a Shelf,
    group: Option<Group>,
    steps: Vec<Step>,
}

impl Paying<'_> {
    fn amounts(&mut self) -> Result<Amounts, Undecided> {
        let rule = self.rule;
        let own = self.case.own;
        let before = self.fund(&rule.pay, &format!("{}.pay", rule.path))?;
        let gross = before.checked_add(own).ok_or(Undecided::TooLarge)?;
        let mut floor = Money::ZERO;
        if before.is_negative() && !self.terms.may_be_negative {
            floor = -before;
            self.step(StepRule::NotBelowZero, floor, "may_be_negative", wording::not_below_zero(before));
        }
        let floored = before + floor;
        let mut adjustment = Money::ZERO;
        if let Some(quality) = &self.terms.quality
            && let Some(adjusted) = quality.adjust(&self.case.place, floored)
        {
            adjustment = adjusted.amount;
            let sources = self.cited(&quality.sources);
            let text = wording::quality(&adjusted);
            self.steps.push(Step {
                rule: StepRule::Quality,
                amount: adjustment,
                path: "value_based".to_owned(),
                sources,
                text,
            });
        }
        let fund = floored.checked_add(adjustment).ok_or(Undecided::TooLarge)?;
        self.step(StepRule::Result, fund, "", wording::result(fund));
        Ok(Amounts { gross, own, floor, adjustment, fund })
    }

    /// What the fund pays by one method.
    fn fund(&mut self, pay: &Pay, path: &str) -> Result<Money, Undecided> {
        match pay {
            Pay::FeeForService(ratio) => {
                let cost = self.case.cost;
                let gross = Money::round_half_up(cost.decimal() * ratio.decimal());
                self.step(
                    StepRule::FeeForService,
                    gross,
                    &format!("{path}.fee_for_service"),
                    wording::fee(cost, *ratio, gross),
                );
                self.less_own(gross)
            }
            Pay::Drg(terms) => self.by_drg(terms, &format!("{path}.drg")),
            Pay::Dip(terms) => self.by_dip(terms, &format!("{path}.dip")),
            Pay::Capitation(_) => {
                self.step(StepRule::Capitation, Money::ZERO, &format!("{path}.capitation"), wording::capitation());
                Ok(Money::ZERO)
            }
            Pay::PerUnit(terms) => {
                let path = format!("{path}.per_unit");
                let paid = terms.pay(self.case, &path)?;
                self.step(StepRule::PerUnit, paid.amount, &path, wording::per_unit(&paid));
                self.less_own(paid.amount)
            }
            Pay::Mixture(parts) => self.mixed(parts, path),
        }
    }

    fn mixed(&mut self, parts: &[Part], path: &str) -> Result<Money, Undecided> {
        let mut fund = Money::ZERO;
        for (index, part) in parts.iter().enumerate() {
            let path = format!("{path}.mixture[{index}]");
            let whole = self.fund(&part.pay, &format!("{path}.pay"))?;
            let share = part.share.of_half_up(whole);
            let text = wording::share(part.pay.method(), part.share, whole, share);
            self.step(StepRule::Share, share, &format!("{path}.share"), text);
            fund = fund.checked_add(share).ok_or(Undecided::TooLarge)?;
        }
        Ok(fund)
    }

    fn by_drg(&mut self, terms: &drg::payment::Terms, path: &str) -> Result<Money, Undecided> {
        let code = self.drg(terms, path)?;
        let case = drg::payment::Case { group: &code, cost: Some(self.case.cost), place: self.case.place };
        let paid = terms.pay(case).map_err(|why| Undecided::of(why, path))?;
        let (rule, clause, text) = wording::drg(&code, &paid, self.case.cost);
        self.step(rule, paid.amount, &format!("{path}.{clause}"), text);
        self.less_own(paid.amount)
    }

    /// The group that came with the claim, else the grouper's.
    fn drg(&mut self, terms: &drg::payment::Terms, path: &str) -> Result<String, Undecided> {
        if let Some(code) = &self.case.record.drg {
            let code = code.clone();
            self.step(StepRule::Group, Money::ZERO, "", wording::group_of_claim(&code));
            self.group = Some(Group { code: code.clone(), origin: Origin::Claim, tables: None });
            return Ok(code);
        }
        let version = terms.grouper.clone().ok_or(Undecided::NoGroup)?;
        let tables = self.at_hand.get(&version).ok_or_else(|| Undecided::TablesNotAtHand(version.clone()))?;
        if let Some(registered) = self.case.contradicted_sex() {
            self.step(StepRule::Group, Money::ZERO, "", wording::sex_contradicts(registered));
        }
        let explained = tables.explain(&self.case.discharge());
        for step in &explained.steps {
            let text = Localized::new(step.zh(), step.en());
            self.step(StepRule::Group, Money::ZERO, &format!("{path}.grouper"), text);
        }
        let code = explained.group.code().to_owned();
        let tables = Some((version, tables.digest().to_owned()));
        self.group = Some(Group { code: code.clone(), origin: Origin::Grouper, tables });
        Ok(code)
    }

    fn by_dip(&mut self, terms: &dip::Terms, path: &str) -> Result<Money, Undecided> {
        let paid = terms.pay(self.case, path)?;
        let amount = match &paid {
            dip::Paid::Scored(scored) => {
                let origin = if self.case.record.dip.is_some() { Origin::Claim } else { Origin::Grouper };
                self.group = Some(Group { code: scored.code.clone(), origin, tables: None });
                scored.amount
            }
            dip::Paid::Unlisted { amount } => *amount,
        };
        let (rule, clause, text) = wording::dip(terms, &paid, self.case.cost);
        self.step(rule, amount, &format!("{path}.{clause}"), text);
        self.less_own(amount)
    }

    fn less_own(&mut self, gross: Money) -> Result<Money, Undecided> {
        let own = self.case.own;
        let fund = gross.checked_sub(own).ok_or(Undecided::TooLarge)?;
        self.step(StepRule::OwnShare, fund, "", wording::own(gross, own, fund));
        Ok(fund)
    }

    fn step(&mut self, rule: StepRule, amount: Money, path: &str, text: Localized) {
        let sources = if path.is_empty() { Vec::new() } else { self.cited(&self.rule.sources) };
        self.steps.push(Step { rule, amount, path: path.to_owned(), sources, text });
    }

    fn cited(&self, keys: &[String]) -> Vec<Localized> {
        keys.iter().filter_map(|key| self.terms.sources.get(key)).cloned().collect()
    }
}
