//! The referral chain a stay continues: its earlier stays, and which way the patient came.
//!
//! 国办 2026-04 on tiered care: upward the deductible counts on from the lower hospital, downward there is none anew. The rule
//! itself stands in the policy document; here is only what it is applied to.

use types::money::Money;
use types::tier::Tier;

use super::input::{Chain, Direction};

/// A confirmed stay of the same journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainStay {
    pub tier: Tier,
    pub year: i32,
    pub deductible: Money,
}

/// The chain that a stay at `tier` in `year` continues; none if it is the first of its journey. `earlier` is oldest first.
pub fn continued(earlier: &[ChainStay], tier: Tier, year: i32) -> Option<Chain> {
    let last = earlier.last()?;
    let direction = match tier.cmp(&last.tier) {
        std::cmp::Ordering::Greater => Direction::Up,
        std::cmp::Ordering::Less => Direction::Down,
        std::cmp::Ordering::Equal => Direction::Lateral,
    };
    let count = |stays: usize| u32::try_from(stays).unwrap_or(u32::MAX);
    Some(Chain {
        direction,
        deductible_borne: earlier.iter().map(|stay| stay.deductible).sum(),
        stays: count(earlier.len()),
        stays_this_year: count(earlier.iter().filter(|stay| stay.year == year).count()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rf_09_the_direction_of_a_chain_follows_the_tiers() {
        let district = ChainStay { tier: Tier::District, year: 2026, deductible: Money::from_fen(50_000) };
        let before = ChainStay { tier: Tier::District, year: 2025, deductible: Money::from_fen(30_000) };

        let up = continued(&[before, district], Tier::Tertiary, 2026).unwrap();
        assert_eq!(up.direction, Direction::Up);
        assert_eq!((up.deductible_borne, up.stays, up.stays_this_year), (Money::from_fen(80_000), 2, 1));
        assert_eq!(continued(&[district], Tier::Community, 2026).unwrap().direction, Direction::Down);
        assert_eq!(continued(&[district], Tier::District, 2026).unwrap().direction, Direction::Lateral);
        assert_eq!(continued(&[], Tier::Tertiary, 2026), None);
    }
}
