//! Free places near somebody: which suit, in what order, and why.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, PractitionerId, SessionId, SlotId},
    place::Place,
    tier::Tier,
};

use super::{
    pool::Pool,
    price::Price,
    session::{Slot, is_fit_for},
};

/// What is sought.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub near: Place,
    pub radius_m: u32,
    pub kind: CareKind,
    pub tier: Option<Tier>,
    pub organisation: Option<OrganisationId>,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub pool: Pool,
    /// Slots that start at or after this,
    pub from: DateTime<Utc>,
    /// and not after this.
    pub until: DateTime<Utc>,
    /// ICD-10 code it must be fit for.
    pub capability: Option<String>,
    pub limit: usize,
}

/// A provider with sessions to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    pub organisation: OrganisationId,
    pub tier: Tier,
    pub place: Place,
}

/// A provider within reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearby {
    pub organisation: OrganisationId,
    pub tier: Tier,
    pub distance_m: u32,
}

/// A slot with free places in one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSlot {
    pub slot: SlotId,
    pub session: SessionId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub capabilities: Vec<String>,
    pub free_places: u16,
    /// In that pool, given or not.
    pub places: u16,
}

/// A free place and why it stands where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub slot: Slot,
    pub organisation: OrganisationId,
    pub tier: Tier,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub distance_m: u32,
    pub free_places: u16,
    pub reason: Reason,
    /// The provider's earliest place that suits.
    pub earliest_at: DateTime<Utc>,
    pub booked_percent: u16,
    /// After the start, as if those who booked before were seen first, one after the other.
    pub wait_minutes: i64,
    pub price: Option<Price>,
}

/// In both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub zh: String,
    pub en: String,
}

impl Query {
    /// Providers that suit, lowest tier first, then by distance.
    pub fn reachable(&self, providers: Vec<Provider>) -> Vec<Nearby> {
        let mut nearby: Vec<Nearby> = providers
            .into_iter()
            .filter(|provider| self.tier.is_none_or(|tier| tier == provider.tier))
            .filter(|provider| self.organisation.is_none_or(|organisation| organisation == provider.organisation))
            .map(|provider| Nearby {
                organisation: provider.organisation,
                tier: provider.tier,
                distance_m: self.near.distance_m(provider.place),
            })
            .filter(|nearby| nearby.distance_m <= self.radius_m)
            .collect();
        nearby.sort_by_key(|nearby| (nearby.tier, nearby.distance_m, nearby.organisation));
        nearby
    }

    /// What a provider within reach has to offer.
    pub fn offers(&self, nearby: &Nearby, open: &[OpenSlot], now: DateTime<Utc>) -> Vec<Offer> {
        let suitable: Vec<&OpenSlot> = open.iter().filter(|open| self.suits(open, now)).collect();
        let Some(earliest_at) = suitable.iter().map(|open| open.starts_at).min() else { return vec![] };
        suitable.into_iter().map(|open| offer(nearby, open, earliest_at)).collect()
    }

    fn suits(&self, open: &OpenSlot, now: DateTime<Utc>) -> bool {
        let is_in_time = open.starts_at > now && open.starts_at >= self.from && open.starts_at <= self.until;
        let is_fit = self.capability.as_deref().is_none_or(|code| is_fit_for(&open.capabilities, code));
        is_in_time
            && is_fit
            && open.free_places > 0
            && (self.department.is_none() || self.department == open.department)
            && (self.practitioner.is_none() || self.practitioner == open.practitioner)
    }
}

impl OpenSlot {
    fn booked(&self) -> u16 {
        self.places.saturating_sub(self.free_places)
    }

    fn booked_percent(&self) -> u16 {
        let percent = u32::from(self.booked()) * 100 / u32::from(self.places.max(1));
        u16::try_from(percent).unwrap_or(u16::MAX)
    }

    fn wait_minutes(&self) -> i64 {
        let length = (self.ends_at - self.starts_at).num_minutes();
        length * i64::from(self.booked()) / i64::from(self.places.max(1))
    }
}

/// Lowest tier, then distance, then time.
pub fn order(one: &Offer, other: &Offer) -> Ordering {
    let rank = |offer: &Offer| (offer.tier, offer.distance_m, offer.slot.starts_at, offer.slot.id);
    rank(one).cmp(&rank(other))
}

fn offer(nearby: &Nearby, open: &OpenSlot, earliest_at: DateTime<Utc>) -> Offer {
    Offer {
        slot: Slot { id: open.slot, session: open.session, starts_at: open.starts_at, ends_at: open.ends_at },
        organisation: nearby.organisation,
        tier: nearby.tier,
        department: open.department,
        practitioner: open.practitioner,
        distance_m: nearby.distance_m,
        free_places: open.free_places,
        reason: reason(nearby, open),
        earliest_at,
        booked_percent: open.booked_percent(),
        wait_minutes: open.wait_minutes(),
        price: None,
    }
}

fn reason(nearby: &Nearby, open: &OpenSlot) -> Reason {
    let (tier_zh, tier_en) = match nearby.tier {
        Tier::Community => ("社区（一级）机构优先", "Community clinics come first"),
        Tier::District => ("二级医院，适合的最低级别优先", "District hospital; the lowest suitable tier comes first"),
        Tier::Tertiary => ("三级医院，适合的最低级别优先", "Tertiary hospital; the lowest suitable tier comes first"),
    };
    let distance_m = nearby.distance_m;
    let local = open.starts_at + TimeDelta::hours(8);
    let free = open.free_places;
    Reason {
        zh: format!("{tier_zh}；距离 {distance_m} 米；{} 余号 {free} 个", local.format("%-m月%-d日 %H:%M")),
        en: format!("{tier_en}; {distance_m} m away; {} with {free} free", local.format("%-d %b %H:%M")),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const TIANANMEN: Place = Place { latitude: 39.908_7, longitude: 116.397_5 };

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn query() -> Query {
        Query {
            near: TIANANMEN,
            radius_m: 10_000,
            kind: CareKind::Outpatient,
            tier: None,
            organisation: None,
            department: None,
            practitioner: None,
            pool: Pool::Public,
            from: at(0),
            until: at(48),
            capability: None,
            limit: 20,
        }
    }

    fn provider(number: u128, tier: Tier, latitude: f64) -> Provider {
        let organisation = OrganisationId::from_uuid(Uuid::from_u128(number));
        Provider { organisation, tier, place: Place { latitude, ..TIANANMEN } }
    }

    fn open(number: u128, hours: i64) -> OpenSlot {
        OpenSlot {
            slot: SlotId::from_uuid(Uuid::from_u128(number)),
            session: SessionId::from_uuid(Uuid::from_u128(1)),
            starts_at: at(hours),
            ends_at: at(hours + 1),
            department: None,
            practitioner: None,
            capabilities: vec!["I25".to_owned()],
            free_places: 2,
            places: 2,
        }
    }

    #[test]
    fn sc_03_distances_are_whole_metres_on_the_ground() {
        let summer_palace = Place { latitude: 39.999_8, longitude: 116.275_5 };
        assert_eq!(TIANANMEN.distance_m(TIANANMEN), 0);
        assert!((14_400..14_600).contains(&TIANANMEN.distance_m(summer_palace)));
        let date_line = |longitude| Place { latitude: 0.0, longitude };
        assert!(date_line(179.9).distance_m(date_line(-179.9)) < 23_000);
    }

    #[test]
    fn sc_03_the_lowest_tier_comes_first_then_the_nearest() {
        let providers = vec![
            provider(1, Tier::Tertiary, 39.908_7),
            provider(2, Tier::Community, 39.938_7),
            provider(3, Tier::Community, 39.918_7),
            provider(4, Tier::Community, 40.108_7),
        ];
        let order: Vec<u128> =
            query().reachable(providers).iter().map(|nearby| nearby.organisation.uuid().as_u128()).collect();
        assert_eq!(order, [3, 2, 1], "the fourth is 22 km away");
    }

    #[test]
    fn sc_03_only_suitable_slots_to_come_are_offered() {
        let nearby = query().reachable(vec![provider(1, Tier::Community, 39.908_7)]).remove(0);
        let full = OpenSlot { free_places: 0, ..open(4, 5) };
        let slots = [open(1, 1), open(2, 5), open(3, 49), full];
        let offered = |query: Query| -> Vec<u128> {
            query.offers(&nearby, &slots, at(2)).iter().map(|offer| offer.slot.id.uuid().as_u128()).collect()
        };
        assert_eq!(offered(query()), [2]);
        assert_eq!(offered(Query { capability: Some("I25.103".to_owned()), ..query() }), [2]);
        assert!(offered(Query { capability: Some("J44".to_owned()), ..query() }).is_empty());
        let other = Some(DepartmentId::from_uuid(Uuid::from_u128(9)));
        assert!(offered(Query { department: other, ..query() }).is_empty());
    }

    #[test]
    fn sc_03_an_offer_tells_how_long_one_waits_for_it_and_at_it() {
        let nearby = query().reachable(vec![provider(1, Tier::Community, 39.908_7)]).remove(0);
        let half_full = OpenSlot { places: 5, ..open(2, 7) };
        let offers = query().offers(&nearby, &[half_full, open(1, 5)], at(2));
        assert!(offers.iter().all(|offer| offer.earliest_at == at(5)));
        let of = |offer: &Offer| (offer.booked_percent, offer.wait_minutes);
        assert_eq!((of(&offers[0]), of(&offers[1])), ((60, 36), (0, 0)), "three of five in an hour come before");
    }

    #[test]
    fn sc_03_the_reason_says_tier_distance_and_local_time() {
        let nearby = Nearby {
            organisation: OrganisationId::from_uuid(Uuid::from_u128(1)),
            tier: Tier::Community,
            distance_m: 850,
        };
        let reason = reason(&nearby, &open(1, 1));
        assert_eq!(reason.en, "Community clinics come first; 850 m away; 1 Jan 09:00 with 2 free");
        assert_eq!(reason.zh, "社区（一级）机构优先；距离 850 米；1月1日 09:00 余号 2 个");
    }
}
