//! Free places near somebody: which suit, in what order, and why.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use serde::{Deserialize, Serialize};
use types::{
    care::CareKind,
    clock::local_time,
    ids::{DepartmentId, OrganisationId, PractitionerId, SessionId, SlotId},
    place::Place,
    tier::Tier,
};

use super::{
    pool::Pool,
    price::Price,
    session::{Slot, is_fit_for},
};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

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
    /// ICD-10 code it must be fit for. Without one nobody is sent to where the feverish wait.
    pub capability: Option<String>,
}

/// Where providers are sought, as it is looked up: numbers that have an order and can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Around {
    /// Millionths of a degree: a tenth of a metre.
    pub latitude_millionths: i32,
    pub longitude_millionths: i32,
    pub radius_m: u32,
    /// Not everybody there suits: what is farther away than many others may be all that does.
    pub is_selective: bool,
}

/// Where an offer stands: sessions opened for such symptoms, then lowest tier, then distance, then time.
pub type Rank = (bool, Tier, u32, DateTime<Utc>, SlotId);

/// Where the first offer of a provider can stand.
pub type Front = (bool, Tier, u32);

/// A provider with sessions to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    pub organisation: OrganisationId,
    pub tier: Tier,
    pub place: Place,
    /// ICD-10 prefixes for which surges opened sessions there, and have not closed them.
    pub symptoms: Vec<String>,
}

/// A provider within reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearby {
    pub organisation: OrganisationId,
    pub tier: Tier,
    pub distance_m: u32,
    /// It may have places in a session opened for the symptom that is named.
    pub takes_symptoms: bool,
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
    /// A surge opened its session for symptoms: the capabilities.
    pub is_for_symptoms: bool,
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
    pub is_for_symptoms: bool,
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
    /// Providers that suit, in the order of their fronts: those that may have an offer that ranks behind `after`.
    pub fn reachable(&self, providers: &[Provider], after: Option<&Rank>) -> Vec<Nearby> {
        let mut nearby: Vec<Nearby> = providers
            .iter()
            .filter(|provider| self.tier.is_none_or(|tier| tier == provider.tier))
            .filter(|provider| self.organisation.is_none_or(|organisation| organisation == provider.organisation))
            .map(|provider| Nearby {
                organisation: provider.organisation,
                tier: provider.tier,
                distance_m: self.near.distance_m(provider.place),
                takes_symptoms: self.capability.as_deref().is_some_and(|code| provider.takes(code)),
            })
            .filter(|nearby| nearby.distance_m <= self.radius_m)
            .filter(|nearby| after.is_none_or(|after| nearby.back() >= (after.0, after.1, after.2)))
            .collect();
        nearby.sort_by_key(|nearby| (nearby.front(), nearby.organisation));
        nearby
    }

    /// How many offers a provider within reach has that rank behind `after`, up to `limit`: in sessions opened for such symptoms, and others.
    pub fn count(
        &self,
        nearby: &Nearby,
        open: &[OpenSlot],
        after: Option<&Rank>,
        limit: usize,
        now: DateTime<Utc>,
    ) -> [(Front, usize); 2] {
        let count = |is_ordinary| self.behind(nearby, open, is_ordinary, after, now).take(limit).count();
        [false, true].map(|is_ordinary| ((is_ordinary, nearby.tier, nearby.distance_m), count(is_ordinary)))
    }

    /// The best offers of all that was found, best first, those that rank behind `after`. What is open stands in the order of its start.
    pub fn best<O: AsRef<Vec<OpenSlot>>>(
        &self,
        found: &[(Nearby, O)],
        after: Option<&Rank>,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Vec<Offer> {
        let mut ranked: Vec<(Rank, &Nearby, &OpenSlot, DateTime<Utc>)> = vec![];
        for (nearby, open) in found {
            let open = open.as_ref();
            let Some(earliest) = open.iter().find(|open| self.suits(open, now)) else { continue };
            for is_ordinary in [false, true] {
                // More than these of one provider are not told.
                let first = self.behind(nearby, open, is_ordinary, after, now).take(limit);
                ranked.extend(first.map(|(rank, open)| (rank, nearby, open, earliest.starts_at)));
            }
        }
        ranked.sort_unstable_by_key(|(rank, ..)| *rank);
        ranked.truncate(limit);
        ranked.into_iter().map(|(_, nearby, open, earliest_at)| offer(nearby, open, earliest_at)).collect()
    }

    /// What suits of a provider's ordinary sessions, or of those opened for symptoms, and ranks behind `after`.
    fn behind<'a>(
        &'a self,
        nearby: &'a Nearby,
        open: &'a [OpenSlot],
        is_ordinary: bool,
        after: Option<&'a Rank>,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (Rank, &'a OpenSlot)> {
        // Without a symptom no session for symptoms suits.
        let open = if is_ordinary || self.capability.is_some() { open } else { &[] };
        open.iter()
            .filter(move |open| open.is_for_symptoms != is_ordinary && self.suits(open, now))
            .map(|open| (rank(nearby, open), open))
            .filter(move |(rank, _)| after.is_none_or(|after| rank > after))
    }

    #[expect(
        clippy::float_arithmetic,
        clippy::cast_possible_truncation,
        reason = "geometry, not money; degrees are at most 180"
    )]
    pub fn around(&self) -> Around {
        let millionths = |degrees: f64| (degrees * 1_000_000.0).round() as i32;
        Around {
            latitude_millionths: millionths(self.near.latitude),
            longitude_millionths: millionths(self.near.longitude),
            radius_m: self.radius_m,
            is_selective: self.tier.is_some() || self.organisation.is_some(),
        }
    }

    fn suits(&self, open: &OpenSlot, now: DateTime<Utc>) -> bool {
        let is_in_time = open.starts_at > now && open.starts_at >= self.from && open.starts_at <= self.until;
        let is_fit = self.capability.as_deref().is_none_or(|code| is_fit_for(&open.capabilities, code));
        is_in_time
            && is_fit
            && (self.capability.is_some() || !open.is_for_symptoms)
            && open.free_places > 0
            && (self.department.is_none() || self.department == open.department)
            && (self.practitioner.is_none() || self.practitioner == open.practitioner)
    }
}

impl Provider {
    fn takes(&self, icd10_code: &str) -> bool {
        !self.symptoms.is_empty() && is_fit_for(&self.symptoms, icd10_code)
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

impl Nearby {
    pub const fn front(&self) -> Front {
        (!self.takes_symptoms, self.tier, self.distance_m)
    }

    /// Where its last offer can stand.
    const fn back(&self) -> Front {
        (true, self.tier, self.distance_m)
    }
}

impl Offer {
    pub fn rank(&self) -> Rank {
        (!self.is_for_symptoms, self.tier, self.distance_m, self.slot.starts_at, self.slot.id)
    }
}

fn rank(nearby: &Nearby, open: &OpenSlot) -> Rank {
    (!open.is_for_symptoms, nearby.tier, nearby.distance_m, open.starts_at, open.slot)
}

fn offer(nearby: &Nearby, open: &OpenSlot, earliest_at: DateTime<Utc>) -> Offer {
    Offer {
        slot: Slot { id: open.slot, session: open.session, starts_at: open.starts_at, ends_at: open.ends_at },
        organisation: nearby.organisation,
        tier: nearby.tier,
        department: open.department,
        practitioner: open.practitioner,
        is_for_symptoms: open.is_for_symptoms,
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
        _ if open.is_for_symptoms => ("专为此类症状开设，优先", "Opened for such symptoms, so it comes first"),
        Tier::Community => ("社区（一级）机构优先", "Community clinics come first"),
        Tier::District => ("二级医院，适合的最低级别优先", "District hospital; the lowest suitable tier comes first"),
        Tier::Tertiary => ("三级医院，适合的最低级别优先", "Tertiary hospital; the lowest suitable tier comes first"),
    };
    let distance_m = nearby.distance_m;
    let local = local_time(open.starts_at);
    let free = open.free_places;
    // Without chrono's patterns, which are read anew for each offer of each search.
    let (month, day, hour, minute) = (local.month(), local.day(), local.hour(), local.minute());
    let month_en = MONTHS.get(local.month0() as usize).copied().unwrap_or_default();
    Reason {
        zh: format!("{tier_zh}；距离 {distance_m} 米；{month}月{day}日 {hour:02}:{minute:02} 余号 {free} 个"),
        en: format!("{tier_en}; {distance_m} m away; {day} {month_en} {hour:02}:{minute:02} with {free} free"),
    }
}

#[cfg(test)]
#[path = "offer_tests.rs"]
mod tests;
