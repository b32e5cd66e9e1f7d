//! Where something is.

use serde::{Deserialize, Serialize};

/// A point on the globe, in degrees (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
}

impl Place {
    /// Great-circle distance in whole metres; within 0.6 % of the true one.
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "geometry, not money; at most half the circumference of the earth"
    )]
    pub fn distance_m(self, other: Self) -> u32 {
        const EARTH_RADIUS_M: f64 = 6_371_008.8;
        let (latitude, latitude_other) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half_latitude = ((latitude_other - latitude) / 2.0).sin();
        let half_longitude = ((other.longitude - self.longitude).to_radians() / 2.0).sin();
        let chord = half_latitude.powi(2) + latitude.cos() * latitude_other.cos() * half_longitude.powi(2);
        (2.0 * EARTH_RADIUS_M * chord.sqrt().min(1.0).asin()).round() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_map() {
        let tiananmen = Place { latitude: 39.9087, longitude: 116.3975 };
        let fuwai = Place { latitude: 39.9253, longitude: 116.3517 };
        assert_eq!(tiananmen.distance_m(tiananmen), 0);
        assert!((4_200..4_500).contains(&tiananmen.distance_m(fuwai)));
        assert_eq!(tiananmen.distance_m(fuwai), fuwai.distance_m(tiananmen));
    }
}
