//! Communities, the cells of their grids, and who looks after them.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use types::ids::OrganisationId;
use types::region::RegionCode;

/// A code of twelve digits: county, street, community.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommunityCode(String);

#[derive(Debug, thiserror::Error)]
#[error("a community code has twelve digits and does not begin with 0")]
pub struct CommunityCodeError;

impl FromStr for CommunityCode {
    type Err = CommunityCodeError;

    fn from_str(text: &str) -> Result<Self, CommunityCodeError> {
        let is_code = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        if is_code { Ok(Self(text.to_owned())) } else { Err(CommunityCodeError) }
    }
}

impl fmt::Display for CommunityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl CommunityCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Community {
    pub code: CommunityCode,
    pub region: RegionCode,
    pub name: String,
    pub street: String,
    pub grid_cells: Vec<String>,
    /// Whose workers list the residents.
    pub organisations: Vec<OrganisationId>,
    pub recorded_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_community_code_has_twelve_digits() {
        assert_eq!("110102003001".parse::<CommunityCode>().unwrap().to_string(), "110102003001");
        for text in ["", "11010200300", "1101020030011", "010102003001", "11010200300x"] {
            assert!(text.parse::<CommunityCode>().is_err(), "{text:?}");
        }
    }
}
