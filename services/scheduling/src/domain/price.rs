//! What care is expected to cost, from what was quoted before.

use std::collections::HashMap;

use types::{care::CareKind, ids::DepartmentId, money::Money, tier::Tier};

/// From fewer quotes nothing is told: they would be somebody's own.
pub const QUOTES_MIN: i32 = 5;

/// Medians.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub total: Money,
    pub own_share: Money,
    pub quotes: i32,
    /// Not the tier's as a whole.
    pub is_departments: bool,
}

/// What is known of one region, by tier, kind and department.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(pub HashMap<(Tier, CareKind, Option<DepartmentId>), Price>);

impl Prices {
    /// The department's, where enough is known of it, else the tier's.
    pub fn of(&self, tier: Tier, kind: CareKind, department: Option<DepartmentId>) -> Option<Price> {
        let departments = department.and_then(|department| self.0.get(&(tier, kind, Some(department))));
        departments.or_else(|| self.0.get(&(tier, kind, None))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_03_the_departments_price_is_told_before_the_tiers() {
        let price = |fen, is_departments| {
            let amount = Money::from_fen(fen);
            Price { total: amount, own_share: amount, quotes: 5, is_departments }
        };
        let (known, other) = (DepartmentId::generate(), DepartmentId::generate());
        let key = |department| (Tier::Community, CareKind::Outpatient, department);
        let prices = Prices(HashMap::from([(key(Some(known)), price(100, true)), (key(None), price(200, false))]));
        let of = |department| prices.of(Tier::Community, CareKind::Outpatient, department);
        assert_eq!(of(Some(known)), Some(price(100, true)));
        assert_eq!((of(Some(other)), of(None)), (Some(price(200, false)), Some(price(200, false))));
        assert_eq!(prices.of(Tier::Tertiary, CareKind::Outpatient, Some(known)), None);
    }
}
