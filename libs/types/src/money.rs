//! Money in CNY to the fen, and ratios. No floats; wherever an amount is rounded, the caller names how.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
    str::FromStr,
};

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

/// The places of a fen.
const PLACES: u32 = 2;

/// `numeric(16,2)` holds amounts strictly below this.
const LIMIT: Decimal = Decimal::from_parts(276_447_232, 23_283, 0, false, 0);

/// The same in fen.
const LIMIT_FEN: u64 = 10_000_000_000_000_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("an amount of money has at most two decimals")]
    TooManyPlaces,
    #[error("an amount of money has at most 14 digits before the point")]
    TooLarge,
    #[error("not an amount of money")]
    NotANumber,
}

/// An amount in CNY with exactly two decimals; may be negative. Written `1300.00`, also in JSON (as a string).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money(Decimal);

impl Money {
    pub const ZERO: Self = Self(Decimal::from_parts(0, 0, 0, false, PLACES));

    /// Exact: more than two decimals are refused, never rounded.
    pub fn from_decimal(amount: Decimal) -> Result<Self, MoneyError> {
        let exact = amount.normalize();
        if exact.scale() > PLACES {
            return Err(MoneyError::TooManyPlaces);
        }
        if exact.abs() >= LIMIT {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self::at_two_places(exact))
    }

    /// To the nearest fen; half a fen goes away from zero, so that a reversal mirrors what it reverses.
    pub fn round_half_up(amount: Decimal) -> Self {
        Self::round_small(amount).unwrap_or_else(|| {
            Self::at_two_places(amount.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointAwayFromZero))
        })
    }

    /// The same where all its digits fit 64 bits, as those of nearly every amount do: one division of whole numbers.
    fn round_small(amount: Decimal) -> Option<Self> {
        let surplus = amount.scale().checked_sub(PLACES)?;
        let digits = i64::try_from(amount.mantissa()).ok()?;
        let unit = 10_i64.checked_pow(surplus)?;
        let half = if digits < 0 { -(unit / 2) } else { unit / 2 };
        Some(Self::from_fen(digits.checked_add(half)? / unit))
    }

    pub fn from_fen(fen: i64) -> Self {
        Self(Decimal::new(fen, PLACES))
    }

    /// The amount in fen. Saturates beyond what `numeric(16,2)` can hold a thousand times over.
    pub fn fen(self) -> i64 {
        let fen = self.0.mantissa();
        fen.to_i64().unwrap_or(if fen < 0 { i64::MIN } else { i64::MAX })
    }

    /// What stores bind.
    pub const fn decimal(self) -> Decimal {
        self.0
    }

    /// `Decimal` drops the places, and may keep the sign, of sums that are zero.
    fn at_two_places(mut sum: Decimal) -> Self {
        if sum.is_zero() {
            return Self::ZERO;
        }
        if sum.scale() != PLACES {
            sum.rescale(PLACES);
        }
        Self(sum)
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.is_zero()
    }

    pub fn is_positive(self) -> bool {
        self.0.is_sign_positive() && !self.is_zero()
    }

    /// `None` where the sum would not fit `numeric(16,2)`.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let fen = self.0.mantissa() + other.0.mantissa();
        i64::try_from(fen).ok().filter(|fen| fen.unsigned_abs() < LIMIT_FEN).map(Self::from_fen)
    }

    /// From whole fen, where they fit 64 bits.
    fn from_wide(fen: i128) -> Option<Self> {
        i64::try_from(fen).ok().map(Self::from_fen)
    }

    /// `None` where the difference would not fit `numeric(16,2)`.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(-other)
    }

    /// The difference, but never below zero.
    #[must_use]
    pub fn less_at_most(self, other: Self) -> Self {
        (self - other).max(Self::ZERO)
    }
}

impl Default for Money {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let fen = self.0.mantissa() + other.0.mantissa();
        Self::from_wide(fen).unwrap_or_else(|| Self::at_two_places(self.0 + other.0))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        let fen = self.0.mantissa() - other.0.mantissa();
        Self::from_wide(fen).unwrap_or_else(|| Self::at_two_places(self.0 - other.0))
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self::at_two_places(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Self> for Money {
    fn sum<I: Iterator<Item = &'a Self>>(amounts: I) -> Self {
        amounts.copied().sum()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "¥{}", self.0)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::from_decimal(plain_decimal(text).ok_or(MoneyError::NotANumber)?)
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Money> for String {
    fn from(amount: Money) -> Self {
        amount.to_string()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RatioError {
    #[error("a ratio lies between 0 and 1")]
    OutOfRange,
    #[error("not a ratio")]
    NotANumber,
}

/// A share of the whole, between 0 and 1 inclusive. Written `0.85`, also in JSON (as a string).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ratio(Decimal);

impl Ratio {
    pub const ZERO: Self = Self(Decimal::ZERO);
    pub const ONE: Self = Self(Decimal::ONE);

    pub fn from_decimal(ratio: Decimal) -> Result<Self, RatioError> {
        if ratio < Decimal::ZERO || ratio > Decimal::ONE {
            return Err(RatioError::OutOfRange);
        }
        Ok(Self(ratio.normalize()))
    }

    pub const fn decimal(self) -> Decimal {
        self.0
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// One minus this.
    #[must_use]
    pub fn complement(self) -> Self {
        Self((Decimal::ONE - self.0).normalize())
    }

    /// This share of that share.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self((self.0 * other.0).normalize())
    }

    /// This share of an amount, to the fen, half up.
    pub fn of_half_up(self, amount: Money) -> Money {
        Money::round_half_up(amount.decimal() * self.0)
    }

    /// The share as a percentage, as people write it: `97.2%`.
    pub fn percent(self) -> String {
        format!("{}%", (self.0 * Decimal::ONE_HUNDRED).normalize())
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ratio({})", self.0)
    }
}

impl FromStr for Ratio {
    type Err = RatioError;

    fn from_str(text: &str) -> Result<Self, RatioError> {
        Self::from_decimal(plain_decimal(text).ok_or(RatioError::NotANumber)?)
    }
}

impl TryFrom<String> for Ratio {
    type Error = RatioError;
    fn try_from(text: String) -> Result<Self, RatioError> {
        text.parse()
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> Self {
        ratio.to_string()
    }
}

/// Digits, one point, a leading minus; no exponent, no plus, no underscores, nothing that has to be rounded to be held.
pub fn plain_decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if plain(whole) && plain(fraction) { Decimal::from_str_exact(text).ok() } else { None }
}
