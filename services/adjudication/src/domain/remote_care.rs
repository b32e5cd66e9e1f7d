//! Care away from the insured region (异地就医): whether and how it was filed.
//!
//! 医保发〔2022〕22号: the catalogue of the place of care with the entitlement of the insured region (article 6); classes of filing
//! (article 7 and 8); whoever files before the discharge is settled is in time (article 16); an emergency counts as filed (article 34).

use chrono::{DateTime, NaiveDate, Utc};
use types::care::CareKind;
use types::region::RegionCode;

use super::circumstances::Area;
use super::words::words;

words! {
    /// How care away from home was filed.
    RemoteCare {
        ResettledRetired = "RESETTLED_RETIRED",
        LongTermResident = "LONG_TERM_RESIDENT",
        TemporaryReferral = "TEMPORARY_REFERRAL",
        /// Counts as filed.
        Emergency = "EMERGENCY",
        /// Not, or not in time.
        Unfiled = "UNFILED",
    }
}

impl RemoteCare {
    /// In the words of policies.
    pub const fn area(self) -> Area {
        match self {
            Self::ResettledRetired => Area::ResettledRetired,
            Self::LongTermResident => Area::LongTermResident,
            Self::TemporaryReferral => Area::TemporaryReferral,
            Self::Emergency => Area::Emergency,
            Self::Unfiled => Area::Unfiled,
        }
    }

    pub const fn is_filed(self) -> bool {
        !matches!(self, Self::Unfiled)
    }
}

/// A filing as identity keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filing {
    pub class: RemoteCare,
    /// Where care is to be had; a code that ends in zeros stands for all of the province or city.
    pub care_region: RegionCode,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
    pub filed_at: DateTime<Utc>,
}

impl Filing {
    fn covers(&self, region: RegionCode, on: NaiveDate) -> bool {
        self.from <= on && self.until.is_none_or(|until| on <= until) && contains(self.care_region, region)
    }
}

/// Whether a region lies within another: `110000` holds `110102`.
fn contains(whole: RegionCode, part: RegionCode) -> bool {
    let (whole, part) = (whole.as_str().as_bytes(), part.as_str().as_bytes());
    whole.chunks(2).zip(part.chunks(2)).all(|(whole, part)| whole == b"00" || whole == part)
}

/// Where and when care was, and when its settlement was first confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub kind: CareKind,
    pub care_region: RegionCode,
    pub insured_region: RegionCode,
    /// First and last day of care.
    pub days: (NaiveDate, NaiveDate),
    pub settled_at: DateTime<Utc>,
}

/// How care at a place was filed; none within the insured region.
pub fn class(place: Place, filings: &[Filing]) -> Option<RemoteCare> {
    let (home, away) = (place.insured_region, place.care_region);
    if contains(home, away) || contains(away, home) {
        return None;
    }
    if place.kind == CareKind::Emergency {
        return Some(RemoteCare::Emergency);
    }
    // Filed within a stay it is good from its day on, and so for the discharge.
    let (first, last) = place.days;
    let covers = |filing: &Filing| [first, last].into_iter().any(|day| filing.covers(place.care_region, day));
    let in_time = |filing: &&Filing| filing.filed_at <= place.settled_at && covers(filing);
    // Where several hold, the one that says most for the person: the order of the words.
    let filed = filings.iter().filter(in_time).map(|filing| filing.class).min();
    Some(filed.unwrap_or(RemoteCare::Unfiled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(code: &str) -> RegionCode {
        code.parse().unwrap()
    }

    fn place(kind: CareKind, insured: &str) -> Place {
        Place {
            kind,
            care_region: region("110102"),
            insured_region: region(insured),
            days: ("2026-03-10".parse().unwrap(), "2026-03-18".parse().unwrap()),
            settled_at: "2026-03-20T08:00:00Z".parse().unwrap(),
        }
    }

    fn filing(class: RemoteCare, care_region: &str, from: &str, filed_at: &str) -> Filing {
        Filing {
            class,
            care_region: region(care_region),
            from: from.parse().unwrap(),
            until: None,
            filed_at: filed_at.parse().unwrap(),
        }
    }

    #[test]
    fn ad_06_at_home_nothing_is_filed_and_a_province_holds_its_districts() {
        assert_eq!(class(place(CareKind::Inpatient, "110000"), &[]), None);
        assert_eq!(class(place(CareKind::Inpatient, "110102"), &[]), None);
        assert_eq!(class(place(CareKind::Inpatient, "110100"), &[]), None);
        assert_eq!(class(place(CareKind::Inpatient, "310000"), &[]), Some(RemoteCare::Unfiled));
        assert_eq!(class(place(CareKind::Inpatient, "110101"), &[]), Some(RemoteCare::Unfiled));
    }

    #[test]
    fn ad_06_an_emergency_counts_as_filed() {
        let emergency = class(place(CareKind::Emergency, "310000"), &[]).unwrap();
        assert_eq!((emergency, emergency.is_filed()), (RemoteCare::Emergency, true));
    }

    #[test]
    fn ad_06_a_filing_before_the_discharge_is_settled_is_in_time_and_one_after_is_not() {
        let stay = place(CareKind::Inpatient, "310000");
        let filed = |from, at| class(stay, &[filing(RemoteCare::TemporaryReferral, "110000", from, at)]).unwrap();
        assert_eq!(filed("2026-03-01", "2026-02-28T00:00:00Z"), RemoteCare::TemporaryReferral);
        // Made after the admission, good from its day on.
        assert_eq!(filed("2026-03-10", "2026-03-20T08:00:00Z"), RemoteCare::TemporaryReferral);
        assert_eq!(filed("2026-03-10", "2026-03-20T08:00:01Z"), RemoteCare::Unfiled);
        // Good from the day on which it was filed, within the stay; and from the day after the discharge.
        assert_eq!(filed("2026-03-11", "2026-03-11T00:00:00Z"), RemoteCare::TemporaryReferral);
        assert_eq!(filed("2026-03-19", "2026-03-19T00:00:00Z"), RemoteCare::Unfiled);
    }

    #[test]
    fn ad_06_a_filing_is_good_for_its_region_and_days_and_the_best_class_counts() {
        let stay = place(CareKind::Inpatient, "310000");
        let referral = filing(RemoteCare::TemporaryReferral, "110000", "2026-03-01", "2026-03-01T00:00:00Z");
        let retired = filing(RemoteCare::ResettledRetired, "110102", "2025-01-01", "2025-01-01T00:00:00Z");
        let elsewhere = filing(RemoteCare::ResettledRetired, "440000", "2025-01-01", "2025-01-01T00:00:00Z");
        let over = Filing { until: Some("2026-03-09".parse().unwrap()), ..retired };
        assert_eq!(class(stay, &[referral, retired]), Some(RemoteCare::ResettledRetired));
        assert_eq!(class(stay, &[referral, over, elsewhere]), Some(RemoteCare::TemporaryReferral));
        assert_eq!(class(stay, &[elsewhere]), Some(RemoteCare::Unfiled));
    }
}
