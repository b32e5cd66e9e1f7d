//! The tier of a provider.

crate::word::vocabulary! {
    /// The tier of a provider, lowest first, so that "refers upwards" is `<`.
    Tier, "tier" {
        /// 一级, community clinics and health stations.
        Community = "COMMUNITY",
        /// 二级, district hospitals.
        District = "DISTRICT",
        /// 三级, tertiary hospitals.
        Tertiary = "TERTIARY",
    }
}

#[cfg(test)]
mod tests {
    use super::Tier;

    #[test]
    fn a_tier_reads_back_as_written_and_orders_upwards() {
        for tier in Tier::ALL {
            assert_eq!(tier.as_str().parse(), Ok(*tier));
        }
        assert!(Tier::Community < Tier::District && Tier::District < Tier::Tertiary);
        assert!("community".parse::<Tier>().is_err());
    }
}
