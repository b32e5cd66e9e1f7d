//! Which way a referral goes through the tiers, and who can take it.

use types::tier::Tier;

use super::{ReferralError, words::words};

words! {
    /// Which way through the tiers (双向转诊).
    Direction {
        Up = "UP",
        Down = "DOWN",
        Lateral = "LATERAL",
    }
}

impl Direction {
    /// Whether a target of tier `to` lies in this direction.
    pub fn leads(self, from: Tier, to: Tier) -> bool {
        match self {
            Self::Up => to > from,
            Self::Down => to < from,
            Self::Lateral => to == from,
        }
    }

    pub fn check(self, from: Tier, to: Tier) -> Result<(), ReferralError> {
        if self.leads(from, to) {
            return Ok(());
        }
        Err(match self {
            Self::Up => ReferralError::NotUpward,
            Self::Down => ReferralError::NotDownward,
            Self::Lateral => ReferralError::NotLateral,
        })
    }

    /// Whether the target must be able to treat the diagnosis. A patient goes down for recovery and follow-up, which any
    /// provider of the lower tier gives.
    pub const fn needs_capability(self) -> bool {
        !matches!(self, Self::Down)
    }
}

/// Whether a capability, an ICD-10 chapter or category prefix such as `I25`, covers a code.
pub fn covers(capability: &str, icd10_code: &str) -> bool {
    !capability.is_empty() && icd10_code.starts_with(capability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rf_01_a_direction_follows_the_tiers() {
        use Tier::{Community, District, Tertiary};
        assert!(Direction::Up.check(Community, Tertiary).is_ok());
        assert!(Direction::Up.check(Community, District).is_ok());
        assert!(Direction::Down.check(Tertiary, Community).is_ok());
        assert!(Direction::Lateral.check(District, District).is_ok());
        for (direction, from, to, expected) in [
            (Direction::Up, Tertiary, Community, "NotUpward"),
            (Direction::Up, District, District, "NotUpward"),
            (Direction::Down, Community, District, "NotDownward"),
            (Direction::Lateral, Community, District, "NotLateral"),
        ] {
            let error = direction.check(from, to).unwrap_err();
            assert_eq!(format!("{error:?}"), expected);
        }
    }

    #[test]
    fn a_capability_is_a_prefix_of_what_it_covers() {
        assert!(covers("I25", "I25.103"));
        assert!(covers("I", "I25.103"));
        assert!(!covers("I25.103", "I25"));
        assert!(!covers("", "I25"));
    }
}
