//! Clearing between the funds of regions (异地就医清算): each pays its own providers, and is paid back by the insured region.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use types::money::Money;
use types::region::RegionCode;

/// What one pair of regions came to in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// Where the care was.
    pub care_region: RegionCode,
    pub insured_region: RegionCode,
    pub amount: Money,
    pub bookings: i64,
}

/// A region's account with another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    pub receivable: Money,
    pub payable: Money,
    pub bookings: i64,
}

impl Balance {
    pub fn net(&self) -> Money {
        self.receivable - self.payable
    }
}

/// A region's accounts of a month with all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearing {
    pub region: RegionCode,
    /// Its first day.
    pub month: NaiveDate,
    pub balances: BTreeMap<RegionCode, Balance>,
}

impl Clearing {
    /// Nets what is owed by region. What does not concern the region is passed over.
    pub fn of(region: RegionCode, month: NaiveDate, owed: &[Owed]) -> Self {
        let mut balances: BTreeMap<RegionCode, Balance> = BTreeMap::new();
        for owed in owed {
            if owed.care_region == region {
                let balance = balances.entry(owed.insured_region).or_default();
                balance.receivable += owed.amount;
                balance.bookings += owed.bookings;
            } else if owed.insured_region == region {
                let balance = balances.entry(owed.care_region).or_default();
                balance.payable += owed.amount;
                balance.bookings += owed.bookings;
            }
        }
        Self { region, month, balances }
    }

    pub fn net(&self) -> Money {
        self.balances.values().map(Balance::net).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_06_the_net_amounts_of_all_regions_add_up_to_zero() {
        let codes = ["110000", "310000", "440000"].map(|code| code.parse::<RegionCode>().unwrap());
        let owed: Vec<Owed> = [(0, 1, 10_000), (1, 0, 2_500), (2, 0, 333), (0, 2, -100)]
            .map(|(care, insured, fen)| Owed {
                care_region: codes[care],
                insured_region: codes[insured],
                amount: Money::from_fen(fen),
                bookings: 1,
            })
            .into();
        let month = "2026-03-01".parse().unwrap();
        let clearings = codes.map(|region| Clearing::of(region, month, &owed));
        assert_eq!(clearings.iter().map(Clearing::net).sum::<Money>(), Money::ZERO);
        let beijing = &clearings[0];
        assert_eq!(beijing.balances[&codes[1]].net(), Money::from_fen(7_500));
        assert_eq!(beijing.balances[&codes[1]].net(), -clearings[1].balances[&codes[0]].net());
        assert_eq!(beijing.net(), Money::from_fen(10_000 - 2_500 - 333 - 100));
    }
}
