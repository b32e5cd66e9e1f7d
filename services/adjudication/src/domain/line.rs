//! Claim lines and their catalogue class: what of each line is in scope (政策范围内费用).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use types::money::{Money, Ratio};

use super::{engine::Refusal, localized::Localized};

/// A unit price has at most this many decimals (A2).
pub const UNIT_PRICE_PLACES_MAX: u32 = 4;

/// The class of an item in the catalogue of the place of care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Class {
    /// 甲: wholly in scope.
    A,
    /// 乙: in scope less the share the person pays first.
    B { first_self_pay: Ratio },
    /// 丙: out of scope, the person pays.
    C,
}

/// One line of a bill, its class resolved from the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The national item code.
    pub code: String,
    pub name: Localized,
    pub quantity: Decimal,
    /// CNY, up to four decimals.
    pub unit_price: Decimal,
    pub amount: Money,
    pub class: Class,
    /// What of the price insurance knows at most (限价, 床位费限额).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_limit: Option<PriceLimit>,
}

/// A limit on the price of a unit: what is above it is the person's (超限价自费).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceLimit {
    pub of: Priced,
    /// CNY, up to four decimals.
    pub unit_price_max: Decimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Priced {
    Item,
    /// A bed for a day.
    BedDay,
}

/// Where a line's amount goes. The parts add up to the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classified {
    pub in_scope: Money,
    pub first_self_pay: Money,
    pub fully_own: Money,
    /// Above the limit of the price.
    pub over_limit: Money,
}

impl Line {
    /// What is above the price's limit is the person's; of the rest, the first self-pay share is rounded half up, and what is in scope is
    /// the remainder.
    pub fn classify(&self) -> Classified {
        let nothing = Money::ZERO;
        let over_limit = match (self.class, self.price_limit) {
            (Class::A | Class::B { .. }, Some(limit)) if limit.unit_price_max < self.unit_price => {
                // Bounded by the amount, which was checked to hold.
                self.amount.less_at_most(Money::round_half_up(self.quantity * limit.unit_price_max))
            }
            _ => nothing,
        };
        let within = self.amount - over_limit;
        match self.class {
            Class::A => Classified { in_scope: within, first_self_pay: nothing, fully_own: nothing, over_limit },
            Class::B { first_self_pay } => {
                let first = first_self_pay.of_half_up(within);
                Classified { in_scope: within - first, first_self_pay: first, fully_own: nothing, over_limit }
            }
            Class::C => Classified { in_scope: nothing, first_self_pay: nothing, fully_own: self.amount, over_limit },
        }
    }

    /// Quantity × unit price, rounded half up, is the amount.
    fn check(&self, index: usize) -> Result<(), Refusal> {
        let price_is_exact = self.unit_price.scale() <= UNIT_PRICE_PLACES_MAX
            || self.unit_price.normalize().scale() <= UNIT_PRICE_PLACES_MAX;
        let non_negative =
            !is_below_zero(self.quantity) && !is_below_zero(self.unit_price) && !self.amount.is_negative();
        let limit_is_sound = self.price_limit.is_none_or(|limit| !is_below_zero(limit.unit_price_max));
        if !price_is_exact || !non_negative || !limit_is_sound {
            return Err(Refusal::LineMalformed { line: index });
        }
        let product = self.quantity.checked_mul(self.unit_price).map(Money::round_half_up);
        if product != Some(self.amount) {
            return Err(Refusal::LineDoesNotMultiply { line: index, amount: self.amount });
        }
        Ok(())
    }
}

fn is_below_zero(number: Decimal) -> bool {
    number.is_sign_negative() && !number.is_zero()
}

/// Every line multiplies, and together they are the stated total.
pub fn check(lines: &[Line], total: Money) -> Result<(), Refusal> {
    for (index, line) in lines.iter().enumerate() {
        line.check(index)?;
    }
    let sum =
        lines.iter().try_fold(Money::ZERO, |sum, line| sum.checked_add(line.amount)).ok_or(Refusal::TotalTooLarge)?;
    if sum == total { Ok(()) } else { Err(Refusal::LinesDoNotSum { total, sum }) }
}
