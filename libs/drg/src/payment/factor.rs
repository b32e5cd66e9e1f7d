//! Weights, multiples and coefficients.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use types::money::plain_decimal;

const PLACES_MAX: u32 = 6;
const MOST: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// A number that is not negative, has at most six decimals and is at most a million. Written as text: `"1.0523"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Factor(Decimal);

impl Factor {
    pub const ONE: Self = Self(Decimal::ONE);

    pub const fn decimal(self) -> Decimal {
        self.0
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a number from 0 to 1000000 with at most six decimals")]
pub struct FactorError;

impl FromStr for Factor {
    type Err = FactorError;

    fn from_str(text: &str) -> Result<Self, FactorError> {
        let number = plain_decimal(text).ok_or(FactorError)?.normalize();
        let is_within = number >= Decimal::ZERO && number <= MOST && number.scale() <= PLACES_MAX;
        if is_within { Ok(Self(number)) } else { Err(FactorError) }
    }
}

impl TryFrom<String> for Factor {
    type Error = FactorError;

    fn try_from(text: String) -> Result<Self, FactorError> {
        text.parse()
    }
}

impl From<Factor> for String {
    fn from(factor: Factor) -> Self {
        factor.to_string()
    }
}

#[test]
fn what_is_no_factor_is_refused() {
    for text in ["", "-1", "1e3", "1000000.1", "0.0000001", "1,5"] {
        assert_eq!(text.parse::<Factor>(), Err(FactorError), "{text}");
    }
    assert_eq!("1.0500".parse::<Factor>().map(|factor| factor.to_string()), Ok("1.05".to_owned()));
}
