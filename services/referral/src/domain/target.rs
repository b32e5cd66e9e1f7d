//! Where a patient could be referred to: how candidates are ranked, and why.

use chrono::{DateTime, Utc};
use types::{
    ids::{OrganisationId, SlotId},
    tier::Tier,
};

/// A point on the globe, in degrees (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
}

impl Place {
    /// Distance along the surface, good to half a percent, in whole metres.
    #[expect(clippy::float_arithmetic, reason = "a distance on the globe, not money")]
    #[expect(clippy::cast_possible_truncation, reason = "no two places are further apart than 20 004 000 m")]
    pub fn distance_m(self, other: Self) -> i32 {
        const EARTH_RADIUS_M: f64 = 6_371_000.0;
        let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let chord = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        let haversine = chord.mul_add(half(self.longitude, other.longitude), half(self.latitude, other.latitude));
        (2.0 * EARTH_RADIUS_M * haversine.sqrt().min(1.0).asin()).round() as i32
    }
}

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
    pub distance_m: i32,
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

    fn target(tier: Tier, distance_m: i32) -> Target {
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

    #[test]
    fn distances_are_those_of_the_map() {
        let tiananmen = Place { latitude: 39.9087, longitude: 116.3975 };
        let fuwai = Place { latitude: 39.9253, longitude: 116.3517 };
        assert_eq!(tiananmen.distance_m(tiananmen), 0);
        assert!((4_200..4_500).contains(&tiananmen.distance_m(fuwai)));
    }
}
