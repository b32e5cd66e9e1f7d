//! Numbers that a document may also state in words.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::Deserialize;
use types::money::{Money, MoneyError, Ratio, plain_decimal};

const NOT_PUBLISHED: &str = "not_published";
const NONE: &str = "none";

/// A ceiling: an amount, `none`, or `not_published`. The last is paid without limit and the explanation says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Limit {
    Amount(Money),
    None,
    NotPublished,
}

impl Limit {
    pub const fn amount(self) -> Option<Money> {
        match self {
            Self::Amount(amount) => Some(amount),
            Self::None | Self::NotPublished => None,
        }
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            NONE => Ok(Self::None),
            NOT_PUBLISHED => Ok(Self::NotPublished),
            amount => match amount.parse::<Money>() {
                Ok(amount) if !amount.is_negative() => Ok(Self::Amount(amount)),
                Ok(_) => Err("a limit is not negative".to_owned()),
                Err(error) => Err(format!("{error}, nor \"none\" or \"not_published\"")),
            },
        }
    }
}

/// A value, or the words `not_published`: then whoever needs it gets no price, never a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String", bound(deserialize = "T: FromStr, T::Err: fmt::Display"))]
pub enum Published<T> {
    Value(T),
    NotPublished,
}

impl<T: FromStr> TryFrom<String> for Published<T>
where
    T::Err: fmt::Display,
{
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == NOT_PUBLISHED {
            return Ok(Self::NotPublished);
        }
        text.parse().map(Self::Value).map_err(|error: T::Err| error.to_string())
    }
}

/// Percentage points, between 0 and 100: `20` turns a ratio of 0.85 into 0.65.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Points(Decimal);

impl Points {
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// A ratio of 1.2 or −0.1 does not exist: what is left over is lost.
    pub fn added_to(self, ratio: Ratio) -> Ratio {
        Ratio::from_decimal(ratio.decimal() + self.0 / Decimal::ONE_HUNDRED).unwrap_or(Ratio::ONE)
    }

    pub fn taken_from(self, ratio: Ratio) -> Ratio {
        Ratio::from_decimal(ratio.decimal() - self.0 / Decimal::ONE_HUNDRED).unwrap_or(Ratio::ZERO)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Points {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The written form of money (plain digits, two decimals at most) is also that of points.
        let points =
            text.parse().map_err(|_: MoneyError| "not a number of percentage points".to_owned()).map(Money::decimal)?;
        if points < Decimal::ZERO || points > Decimal::ONE_HUNDRED {
            return Err("percentage points lie between 0 and 100".to_owned());
        }
        Ok(Self(points.normalize()))
    }
}

/// How many times an amount, such as `0.6` or `3`: not negative, and not bounded by one as a ratio is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Multiple(pub(super) Decimal);

impl TryFrom<String> for Multiple {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match plain_decimal(&text) {
            Some(times) if times >= Decimal::ZERO => Ok(Self(times)),
            _ => Err("not a number of times".to_owned()),
        }
    }
}
