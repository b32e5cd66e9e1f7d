//! A clinic and a hospital with few places, people who want them, some of them by two ids, and those who book for them.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use scheduling::domain::{
    appointment::{Appointment, Channel, State},
    limits::Rules,
    pool::Pool,
    session::{Slot, VisitTerms},
};
use testkit::TestDb;
use types::{
    caller::Party,
    care::CareKind,
    clock::{Clock as _, SystemClock, start_of_local_day},
    ids::{
        AppointmentId, DelegationId, JourneyId, OrganisationId, PractitionerId, ReferralId, ResidentId, SessionId,
        SlotId,
    },
    region::RegionCode,
};
use uuid::Uuid;

use super::model::Model;

/// Small, so that every limit is met.
pub(super) const RULES: Rules = Rules {
    per_day_and_department: 1,
    per_week: 1,
    per_month: 3,
    per_quarter: 4,
    per_delegate_and_day: 40,
    given_up: 2,
    cooling_off_hours: 24,
    per_device_and_day: 30,
    ..Rules::PUBLISHED
};

const PERSONS: usize = 24;
/// The first few are registered twice.
const TWICE: usize = 4;
const SUSPENDED: usize = 6;
/// Sessions are on so many days, a week and a bit apart.
const DAYS: u64 = 14;
const DAYS_APART: u64 = 3;
const SLOTS: usize = 4;
const USES_MAX: u32 = 3;
const DEVICES: [&str; 2] = ["one", "other"];

/// One and the same whenever the test runs, so that every limit can be met: months end within the sessions, quarters do not.
fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2031, 1, 5).unwrap()
}

/// When a session begins that many days later.
fn morning(days: u64) -> DateTime<Utc> {
    start_of_local_day(first_day() + Days::new(days)) + TimeDelta::hours(8)
}

pub(super) struct Clinic {
    region: RegionCode,
    now: DateTime<Utc>,
    rooms: Vec<Room>,
    /// Every id, and the number of its person.
    residents: Vec<(ResidentId, usize)>,
    desk: Party,
    /// Of each person; the last has been taken back.
    delegations: Vec<DelegationId>,
    /// The episode of care of the first person's visit.
    visited: JourneyId,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) organisation: OrganisationId,
    pub(super) slot: Slot,
    pub(super) public: usize,
    pub(super) referral: usize,
}

impl Clinic {
    pub(super) async fn open(test: &TestDb) -> Self {
        let organisations = [OrganisationId::generate(), OrganisationId::generate()];
        let mut clinic = Self::unopened();
        for (number, day) in (1..=DAYS).map(|day| day * DAYS_APART).enumerate() {
            clinic.publish(test, organisations[number % 2], morning(day), [1, 2, 3, 1]).await;
        }
        clinic.know_twice(test).await;
        clinic
    }

    /// One department with so many public places in each slot of one morning.
    pub(super) async fn of_one_morning(test: &TestDb, places: usize) -> Self {
        let mut clinic = Self::unopened();
        clinic.publish(test, OrganisationId::generate(), morning(1), [places; SLOTS]).await;
        clinic
    }

    fn unopened() -> Self {
        Self {
            region: RegionCode::BEIJING,
            now: SystemClock.now(),
            rooms: vec![],
            residents: (0..PERSONS).chain(0..TWICE).map(|person| (ResidentId::generate(), person)).collect(),
            desk: Party::Practitioner(PractitionerId::generate()),
            delegations: (0..PERSONS).map(|_| DelegationId::generate()).collect(),
            visited: JourneyId::generate(),
        }
    }

    async fn publish(
        &mut self,
        test: &TestDb,
        organisation: OrganisationId,
        morning: DateTime<Utc>,
        places: [usize; SLOTS],
    ) {
        let session = SessionId::generate();
        let mut owner = test.owner().await;
        sqlx::query(
            "INSERT INTO sessions (id, region, organisation_id, tier, latitude, longitude, kinds, starts_at, ends_at, slot_length_minutes, \
             capabilities, published_by, published_at) \
             VALUES ($1, $2, $3, 'COMMUNITY', 39.9, 116.3, '{OUTPATIENT,EMERGENCY}', $4, $5, 30, '{}', 'client:test', now())",
        )
        .bind(session.uuid())
        .bind(self.region.as_str())
        .bind(organisation.uuid())
        .bind(morning)
        .bind(morning + TimeDelta::minutes(30) * i32::try_from(SLOTS).unwrap())
        .execute(&mut owner)
        .await
        .unwrap();
        for (number, public) in (0..).zip(places) {
            let starts_at = morning + TimeDelta::minutes(30 * number);
            let slot = Slot { id: SlotId::generate(), session, starts_at, ends_at: starts_at + TimeDelta::minutes(30) };
            let referral = 1_usize;
            sqlx::query(
                "WITH made AS (INSERT INTO slots (id, region, session_id, starts_at, ends_at) VALUES ($1, $2, $3, $4, $5) RETURNING id) \
                 INSERT INTO slot_pools (slot_id, pool, region, places) \
                 SELECT id, pool, $2, places FROM made, (VALUES ('PUBLIC', $6::integer), ('REFERRAL', $7::integer)) AS share (pool, places)",
            )
            .bind(slot.id.uuid())
            .bind(self.region.as_str())
            .bind(session.uuid())
            .bind(slot.starts_at)
            .bind(slot.ends_at)
            .bind(i32::try_from(public).unwrap())
            .bind(i32::try_from(referral).unwrap())
            .execute(&mut owner)
            .await
            .unwrap();
            self.rooms.push(Room { organisation, slot, public, referral });
        }
    }

    /// Second ids, the delegation that was taken back, who is suspended, and who came without an appointment.
    async fn know_twice(&self, test: &TestDb) {
        let mut owner = test.owner().await;
        for (id, person) in &self.residents[PERSONS..] {
            sqlx::query(
                "INSERT INTO resident_aliases (resident_id, region, survivor_id, since) VALUES ($1, $2, $3, now() - interval '1 day')",
            )
            .bind(id.uuid())
            .bind(self.region.as_str())
            .bind(self.residents[*person].0.uuid())
            .execute(&mut owner)
            .await
            .unwrap();
        }
        sqlx::query("INSERT INTO revoked_delegations (delegation_id, region, revoked_at) VALUES ($1, $2, now())")
            .bind(self.delegations[PERSONS - 1].uuid())
            .bind(self.region.as_str())
            .execute(&mut owner)
            .await
            .unwrap();
        sqlx::query(
            "INSERT INTO suspensions (id, region, resident_id, since, until, appointment_ids, state) \
             VALUES (gen_random_uuid(), $1, $2, now() - interval '1 day', now() + interval '1 day', ARRAY[gen_random_uuid()], 'STANDING')",
        )
        .bind(self.region.as_str())
        .bind(self.residents[SUSPENDED].0.uuid())
        .execute(&mut owner)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO visits (id, region, resident_id, organisation_id, tier, kind, journey_id, present, identity_proof, checked_in_by, \
                 opened_at, state, ended_at, outcome) \
             VALUES (gen_random_uuid(), $1, $2, gen_random_uuid(), 'COMMUNITY', 'OUTPATIENT', $3, 'SELF', 'NONE', 'client:test', now(), 'ENDED', \
                 now(), 'COMPLETED')",
        )
        .bind(self.region.as_str())
        .bind(self.residents[0].0.uuid())
        .bind(self.visited.uuid())
        .execute(&mut owner)
        .await
        .unwrap();
    }

    pub(super) fn model(&self) -> Model {
        Model::new(&self.rooms, &self.residents, self.delegations[PERSONS - 1], SUSPENDED, (self.visited, 0))
    }

    pub(super) const fn region(&self) -> RegionCode {
        self.region
    }

    pub(super) const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Every slot of a provider.
    pub(super) fn slots(&self, organisation: OrganisationId) -> impl Iterator<Item = Slot> {
        self.rooms.iter().filter(move |room| room.organisation == organisation).map(|room| room.slot)
    }

    pub(super) fn somebody(&self, rng: &mut StdRng) -> ResidentId {
        self.residents.choose(rng).unwrap().0
    }

    /// A wish of somebody for something, held or firm, with how often their delegation may be used.
    pub(super) fn draw(&self, rng: &mut StdRng) -> (Appointment, Option<u32>) {
        let (resident, person) = *self.residents.choose(rng).unwrap();
        let room = self.rooms.choose(rng).unwrap();
        let pool = if rng.random_ratio(1, 5) { Pool::Referral } else { Pool::Public };
        let is_delegated = rng.random_ratio(1, 4);
        let is_firm = rng.random_ratio(1, 2);
        let appointment = Appointment {
            kind: if rng.random_ratio(1, 10) { CareKind::Emergency } else { CareKind::Outpatient },
            pool,
            booked_by: if is_delegated { self.desk.clone() } else { Party::Resident(resident) },
            delegation: is_delegated.then(|| self.delegations[person]),
            referral: (pool == Pool::Referral).then(ReferralId::generate),
            device: rng.random_ratio(1, 8).then(|| (*DEVICES.choose(rng).unwrap()).to_owned()),
            confirmed_at: is_firm.then_some(self.now),
            state: if is_firm { State::Confirmed } else { State::Held },
            ..self.held(resident, room)
        };
        (appointment, is_delegated.then_some(USES_MAX))
    }

    /// A public place in a room of the clinic, held by the resident themselves.
    pub(super) fn held(&self, resident: ResidentId, room: &Room) -> Appointment {
        Appointment {
            id: AppointmentId::generate(),
            resident,
            slot: room.slot,
            more_slots: vec![],
            organisation: room.organisation,
            department: None,
            practitioner: None,
            kind: CareKind::Outpatient,
            pool: Pool::Public,
            channel: Channel::Desk,
            booked_by: Party::Resident(resident),
            device: None,
            delegation: None,
            referral: None,
            journey: JourneyId::generate(),
            stated_lines: vec![],
            terms: VisitTerms::default(),
            quote: None,
            revision: 1,
            held_at: self.now,
            hold_expires_at: self.now + TimeDelta::hours(1),
            confirmed_at: None,
            state: State::Held,
        }
    }

    pub(super) fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    /// Places given, by slot and pool, where there are any.
    pub(super) async fn taken(&self, test: &TestDb) -> Vec<(SlotId, &'static str, usize)> {
        let rows: Vec<(Uuid, String, i32)> =
            sqlx::query_as("SELECT slot_id, pool, taken FROM slot_pools WHERE taken > 0 ORDER BY slot_id, pool")
                .fetch_all(&mut test.owner().await)
                .await
                .unwrap();
        let row = |(slot, pool, taken): (Uuid, String, i32)| {
            (SlotId::from_uuid(slot), Pool::from_word(&pool).unwrap().as_str(), usize::try_from(taken).unwrap())
        };
        rows.into_iter().map(row).collect()
    }

    pub(super) async fn violations(&self, test: &TestDb) -> Vec<String> {
        sqlx::query_scalar("SELECT violation FROM booking_violations").fetch_all(&mut test.owner().await).await.unwrap()
    }
}
