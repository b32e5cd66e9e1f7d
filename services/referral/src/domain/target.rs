//! Where a patient could be referred to: how candidates are ranked, and why.

use chrono::{DateTime, Utc};
use types::{
    ids::{OrganisationId, SlotId},
    tier::Tier,
};

/// A free place in a target's referral pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreePlace {
    pub slot: SlotId,
    pub starts_at: DateTime<Utc>,
}

/// A provider that could take the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub organisation: OrganisationId,
    pub name: String,
    pub tier: Tier,
    pub distance_m: u32,
    pub next: Option<FreePlace>,
}

/// Lowest suitable tier first, then distance; the id decides between equals, so that the order is the same each time.
pub fn rank(mut targets: Vec<Target>) -> Vec<Target> {
    targets.sort_by_key(|target| (target.tier, target.distance_m, target.organisation));
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(tier: Tier, distance_m: u32) -> Target {
        Target { organisation: OrganisationId::generate(), name: String::new(), tier, distance_m, next: None }
    }

    #[test]
    fn rf_02_the_lowest_suitable_tier_comes_first_then_the_nearest() {
        let far_district = target(Tier::District, 9_000);
        let near_tertiary = target(Tier::Tertiary, 500);
        let near_district = target(Tier::District, 800);
        let ranked = rank(vec![near_tertiary.clone(), far_district.clone(), near_district.clone()]);
        assert_eq!(ranked, [near_district, far_district, near_tertiary]);
    }
}
