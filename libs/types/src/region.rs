//! Administrative regions (GB/T 2260). A region is the tenant: row security goes by it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a region code has six digits and does not begin with 0")]
pub struct RegionCodeError;

/// A region code of six digits, such as `110000`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegionCode([u8; 6]);

impl RegionCode {
    /// 北京市.
    pub const BEIJING: Self = Self(*b"110000");
    /// Assigned to no place by GB/T 2260: demonstrations, synthetic persons, tests.
    pub const DEMONSTRATION: Self = Self(*b"990000");

    pub fn as_str(&self) -> &str {
        // The bytes are ASCII digits by construction.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for RegionCode {
    type Err = RegionCodeError;

    fn from_str(text: &str) -> Result<Self, RegionCodeError> {
        let digits: [u8; 6] = text.as_bytes().try_into().map_err(|_| RegionCodeError)?;
        if digits[0] == b'0' || !digits.iter().all(u8::is_ascii_digit) {
            return Err(RegionCodeError);
        }
        Ok(Self(digits))
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegionCode({self})")
    }
}

impl TryFrom<String> for RegionCode {
    type Error = RegionCodeError;
    fn try_from(text: String) -> Result<Self, RegionCodeError> {
        text.parse()
    }
}

impl From<RegionCode> for String {
    fn from(region: RegionCode) -> Self {
        region.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_code_has_six_digits() {
        assert_eq!("110000".parse(), Ok(RegionCode::BEIJING));
        assert_eq!(RegionCode::BEIJING.to_string(), "110000");
        for text in ["", "11000", "1100000", "11000x", "010000", "１10000"] {
            assert_eq!(text.parse::<RegionCode>(), Err(RegionCodeError), "{text:?}");
        }
    }
}
