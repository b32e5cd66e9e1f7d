//! How far a delegation reaches. Identity says the limits; whoever acts under them counts, where the act is written.

use std::collections::BTreeSet;

use crate::care::CareKind;
use crate::ids::OrganisationId;
use crate::money::Money;

/// Limits of a delegation. What is empty or none is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Kinds of care it is for.
    pub care_kinds: BTreeSet<CareKind>,
    /// Providers it is for.
    pub organisations: BTreeSet<OrganisationId>,
    /// Bookings that may be made under it.
    pub uses_max: Option<u32>,
    /// The resident's money that may be committed under it, all bills together.
    pub amount_max: Option<Money>,
}

impl Limits {
    pub fn admits_kind(&self, kind: CareKind) -> bool {
        self.care_kinds.is_empty() || self.care_kinds.contains(&kind)
    }

    pub fn admits_organisation(&self, organisation: OrganisationId) -> bool {
        self.organisations.is_empty() || self.organisations.contains(&organisation)
    }

    /// Whether one more booking may be made after those that were.
    pub fn admits_use_after(&self, used: i64) -> bool {
        self.uses_max.is_none_or(|max| used < i64::from(max))
    }

    /// Whether this much may be committed altogether.
    pub fn admits_amount(&self, committed: Money) -> bool {
        self.amount_max.is_none_or(|max| committed <= max)
    }

    /// Whether others are as narrow as these in every respect: nobody passes on more than they have.
    pub fn include(&self, others: &Self) -> bool {
        is_within(&self.care_kinds, &others.care_kinds)
            && is_within(&self.organisations, &others.organisations)
            && at_most(self.uses_max, others.uses_max)
            && at_most(self.amount_max, others.amount_max)
    }
}

fn is_within<T: Ord>(wide: &BTreeSet<T>, narrow: &BTreeSet<T>) -> bool {
    wide.is_empty() || (!narrow.is_empty() && narrow.is_subset(wide))
}

fn at_most<T: PartialOrd>(wide: Option<T>, narrow: Option<T>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow <= wide,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            care_kinds: BTreeSet::from([CareKind::Outpatient, CareKind::Exam]),
            organisations: BTreeSet::from([OrganisationId::generate()]),
            uses_max: Some(2),
            amount_max: Some(Money::from_fen(10_000)),
        }
    }

    #[test]
    fn id_04_a_limit_is_reached_and_not_passed() {
        let limits = limits();
        assert!(limits.admits_use_after(1) && !limits.admits_use_after(2));
        assert!(limits.admits_amount(Money::from_fen(10_000)) && !limits.admits_amount(Money::from_fen(10_001)));
        assert!(limits.admits_kind(CareKind::Exam) && !limits.admits_kind(CareKind::Inpatient));
        assert!(!limits.admits_organisation(OrganisationId::generate()));
        assert!(limits.organisations.iter().all(|own| limits.admits_organisation(*own)));
    }

    #[test]
    fn id_04_without_limits_everything_is_admitted() {
        let none = Limits::default();
        assert!(none.admits_use_after(i64::MAX) && none.admits_amount(Money::from_fen(i64::MAX)));
        assert!(none.admits_kind(CareKind::Inpatient) && none.admits_organisation(OrganisationId::generate()));
    }

    #[test]
    fn id_04_wider_limits_are_not_included_in_any_respect() {
        let own = limits();
        assert!(own.include(&own) && Limits::default().include(&own));
        let wider = [
            Limits::default(),
            Limits { care_kinds: BTreeSet::new(), ..own.clone() },
            Limits { care_kinds: BTreeSet::from([CareKind::Pharmacy]), ..own.clone() },
            Limits { organisations: BTreeSet::from([OrganisationId::generate()]), ..own.clone() },
            Limits { uses_max: Some(3), ..own.clone() },
            Limits { uses_max: None, ..own.clone() },
            Limits { amount_max: Some(Money::from_fen(10_001)), ..own.clone() },
        ];
        for wider in wider {
            assert!(!own.include(&wider), "{wider:?}");
        }
        assert!(own.include(&Limits { uses_max: Some(1), ..own.clone() }));
    }
}
