//! Sums of money in whole fen, and what they were and would be. Whole numbers, so that sums of parts are the sum of the whole, whatever
//! the order they are added in.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use types::money::Money;

/// A sum in CNY. Written in yuan with two decimals, in JSON as text: `1300.00`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fen(pub(crate) i128);

impl Fen {
    /// For people: whole yuan, in groups of three.
    pub(super) fn yuan(self) -> String {
        let rounded = (self.0.abs() + 50) / 100;
        let digits = rounded.to_string();
        let mut shown = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                shown.push(',');
            }
            shown.push(digit);
        }
        if self.0 < 0 && rounded > 0 { format!("−{shown}") } else { shown }
    }

    /// The same with its sign.
    pub(super) fn signed_yuan(self) -> String {
        let shown = self.yuan();
        if self.0 > 0 { format!("+{shown}") } else { shown }
    }
}

impl From<Money> for Fen {
    fn from(amount: Money) -> Self {
        Self(i128::from(amount.fen()))
    }
}

impl Add for Fen {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Fen {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl AddAssign for Fen {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", amount / 100, amount % 100))
    }
}

impl Serialize for Fen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bad = || D::Error::custom(format!("{text:?} is not an amount with two decimals"));
        let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
        let (yuan, fen) = digits.split_once('.').ok_or_else(bad)?;
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(yuan) || !plain(fen) || fen.len() != 2 {
            return Err(bad());
        }
        let (yuan, fen): (i128, i128) = (yuan.parse().map_err(|_| bad())?, fen.parse().map_err(|_| bad())?);
        yuan.checked_mul(100).and_then(|hundred| hundred.checked_add(fen)).map(|sum| Self(sign * sum)).ok_or_else(bad)
    }
}

/// Something under the policy that is compared with, and under the one that is proposed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pair<T> {
    pub(crate) against: T,
    pub(crate) proposed: T,
}

impl<T> Pair<T> {
    pub(crate) const fn new(against: T, proposed: T) -> Self {
        Self { against, proposed }
    }

    pub(crate) const fn as_ref(&self) -> Pair<&T> {
        Pair { against: &self.against, proposed: &self.proposed }
    }

    pub(crate) fn map<U>(self, f: impl Fn(T) -> U) -> Pair<U> {
        Pair { against: f(self.against), proposed: f(self.proposed) }
    }
}

impl<T: Copy + Sub<Output = T>> Pair<T> {
    pub(crate) fn change(self) -> T {
        self.proposed - self.against
    }
}

impl<T: AddAssign> AddAssign for Pair<T> {
    fn add_assign(&mut self, other: Self) {
        self.against += other.against;
        self.proposed += other.proposed;
    }
}

/// As it is written: the change stands beside, for readers; it is not read back.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<T> {
    against: T,
    proposed: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<T>,
}

impl Serialize for Pair<Fen> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let change = Some(self.change());
        Written { against: self.against, proposed: self.proposed, change }.serialize(serializer)
    }
}

impl Serialize for Pair<u64> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { against: self.against, proposed: self.proposed, change: None }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pair<Fen> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(deserializer).map(|written| Self::new(written.against, written.proposed))
    }
}

impl<'de> Deserialize<'de> for Pair<u64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(deserializer).map(|written| Self::new(written.against, written.proposed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_reads_back_as_it_was_written() {
        for fen in [0, 1, -1, 5, 100, -12_345, i128::from(i64::MAX) * 1000] {
            let text = serde_json::to_string(&Fen(fen)).unwrap();
            assert_eq!(serde_json::from_str::<Fen>(&text).unwrap(), Fen(fen), "{text}");
        }
        for bad in ["\"1\"", "\"1.5\"", "\"--1.00\"", "\"+1.00\"", "1.00", "\"\""] {
            assert!(serde_json::from_str::<Fen>(bad).is_err(), "{bad}");
        }
        let pair = Pair::new(Fen(100), Fen(50));
        let text = serde_json::to_string(&pair).unwrap();
        assert_eq!(text, r#"{"against":"1.00","proposed":"0.50","change":"-0.50"}"#);
        assert_eq!(serde_json::from_str::<Pair<Fen>>(&text).unwrap(), pair);
    }

    #[test]
    fn people_read_whole_yuan() {
        assert_eq!((Fen(123_456_750).yuan(), Fen(-49).yuan()), ("1,234,568".to_owned(), "0".to_owned()));
        assert_eq!((Fen(-100_000).signed_yuan(), Fen(100).signed_yuan()), ("−1,000".to_owned(), "+1".to_owned()));
    }
}
