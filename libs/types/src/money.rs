//! Money in CNY to the fen, and ratios. No floats; wherever an amount is rounded, the caller names how.

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

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn an_amount_always_shows_two_decimals() {
        for (given, shown) in [("1300", "1300.00"), ("0.5", "0.50"), ("-7.10", "-7.10"), ("1.100", "1.10")] {
            assert_eq!(money(given).to_string(), shown);
        }
        assert_eq!(Money::ZERO.to_string(), "0.00");
        assert_eq!(Money::default(), Money::ZERO);
        assert_eq!((money("1") - money("1")).to_string(), "0.00");
        assert_eq!((-money("0.00")).to_string(), "0.00");
        assert_eq!("-0.00".parse::<Money>().map(|zero| zero.to_string()), Ok("0.00".to_owned()));
        assert_eq!(Money::round_half_up("-0.001".parse().unwrap()).to_string(), "0.00");
        for zero in [Money::ZERO, Money::default(), money("0")] {
            assert_eq!((Money::ZERO + zero).to_string(), "0.00");
            assert_eq!((zero - Money::ZERO).to_string(), "0.00");
            assert_eq!((money("0.10") + zero).to_string(), "0.10");
            assert_eq!((zero - money("0.10")).to_string(), "-0.10");
        }
    }

    #[test]
    fn what_is_not_exactly_an_amount_is_refused() {
        assert_eq!("0.001".parse::<Money>(), Err(MoneyError::TooManyPlaces));
        assert_eq!("100000000000000".parse::<Money>(), Err(MoneyError::TooLarge));
        assert_eq!(money("99999999999999.99").fen(), 9_999_999_999_999_999);
        for text in ["", "-", ".", "1.", ".5", "1e3", "+1", "1_000", "1,000", " 1", "NaN", "0x1", "１"] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError::NotANumber), "{text:?}");
        }
    }

    #[test]
    fn half_a_fen_rounds_away_from_zero() {
        let rounded = |text: &str| Money::round_half_up(text.parse().unwrap()).to_string();
        assert_eq!(rounded("427.798"), "427.80");
        assert_eq!(rounded("0.005"), "0.01");
        assert_eq!(rounded("0.0049"), "0.00");
        assert_eq!(rounded("-0.005"), "-0.01");
        assert_eq!(rounded("7"), "7.00");
    }

    #[test]
    fn small_amounts_round_as_large_ones_do() {
        let slowly = |amount: Decimal| {
            Money::at_two_places(amount.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointAwayFromZero))
        };
        let mut digits = 1_i64;
        for step in 0..4_000_i64 {
            digits = digits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step);
            for (digits, scale) in
                [(digits, 20), (digits >> 20, 9), (digits >> 40, 4), (step - 2_000, 4), (step - 2_000, 3), (step, 0)]
            {
                let amount = Decimal::new(digits, scale);
                assert_eq!(Money::round_half_up(amount), slowly(amount), "{amount}");
                assert_eq!(Money::round_half_up(amount).to_string(), slowly(amount).to_string());
            }
        }
        for digits in [i64::MAX, i64::MIN, i64::MAX - 4, i64::MIN + 4] {
            for scale in [2, 3, 19, 20, 21] {
                let amount = Decimal::new(digits, scale);
                assert_eq!(Money::round_half_up(amount), slowly(amount), "{amount}");
            }
        }
    }

    #[test]
    fn zero_is_neither_negative_nor_positive() {
        for zero in [Money::ZERO, -Money::ZERO, money("-0.00"), money("1") - money("1")] {
            assert!(!zero.is_negative() && !zero.is_positive());
        }
        assert!(money("-0.01").is_negative() && money("0.01").is_positive());
    }

    #[test]
    fn fen_and_back() {
        for fen in [0, 1, -1, 824_049, i64::MAX, i64::MIN] {
            assert_eq!(Money::from_fen(fen).fen(), fen);
        }
    }

    #[test]
    fn sums_are_checked_against_the_column() {
        let most = money("99999999999999.99");
        assert_eq!(u64::try_from(most.fen()).map(|fen| fen + 1), Ok(LIMIT_FEN));
        assert_eq!(most.checked_add(Money::from_fen(1)), None);
        assert_eq!(most.checked_sub(most), Some(Money::ZERO));
        assert_eq!((-most).checked_sub(Money::from_fen(1)), None);
        assert_eq!(Money::from_fen(i64::MAX).checked_add(Money::from_fen(i64::MAX)), None);
        let wide = Money::from_fen(i64::MAX) + Money::from_fen(i64::MAX);
        assert_eq!(wide.to_string(), "184467440737095516.14");
        assert_eq!(wide - Money::from_fen(i64::MAX), Money::from_fen(i64::MAX));
        assert_eq!([money("1.10"), money("2.20")].iter().sum::<Money>(), money("3.30"));
        assert_eq!(money("1").less_at_most(money("3")), Money::ZERO);
    }

    #[test]
    fn a_ratio_lies_between_zero_and_one() {
        assert!("1.0001".parse::<Ratio>().is_err());
        assert!("-0.1".parse::<Ratio>().is_err());
        assert!("1e-1".parse::<Ratio>().is_err());
        let ratio: Ratio = "0.850".parse().unwrap();
        assert_eq!((ratio.to_string().as_str(), ratio.percent().as_str()), ("0.85", "85%"));
        assert_eq!(ratio.complement().times("0.6".parse().unwrap()).percent(), "9%");
        assert_eq!("0.7".parse::<Ratio>().unwrap().of_half_up(money("611.14")), money("427.80"));
    }

    #[test]
    fn json_carries_amounts_as_text() {
        use serde::de::{IntoDeserializer as _, value};
        let from_text: Result<Money, value::Error> = Money::deserialize("1300.00".into_deserializer());
        assert_eq!(from_text, Ok(money("1300")));
        let from_float: Result<Money, value::Error> = Money::deserialize(1300.5_f64.into_deserializer());
        assert!(from_float.is_err());
    }
}
