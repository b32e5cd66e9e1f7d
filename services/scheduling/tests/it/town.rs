//! A small town: a clinic, a hospital, a resident, and a worker who may book for her.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use chassis::channel::Channel;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proto::anjia::{
    common::v1::{CareKind, Credential, Place, Tier},
    identity::v1::{
        self as identity, delegation_service_client::DelegationServiceClient,
        family_doctor_service_client::FamilyDoctorServiceClient,
        organisation_service_client::OrganisationServiceClient, resident_service_client::ResidentServiceClient,
    },
    scheduling::v1::{
        Appointment, HoldSlotRequest, Pool, PoolShare, PublishSessionsRequest, Session, Slot,
        appointment_service_client::AppointmentServiceClient, session_service_client::SessionServiceClient,
        visit_service_client::VisitServiceClient,
    },
};
use proto::convert::{to_date, to_timestamp};
use sqlx::Connection as _;
use testkit::{Mesh, TestCaller, callers, request_id};
use tonic::Status;
use types::{
    clock::{Clock as _, SystemClock, local_date},
    credit_code::CreditCode,
    ids::{DelegationId, ResidentId},
    national_id::NationalId,
};

/// Xizhimen, near the clinic.
pub(crate) const HOME: Place = Place { latitude: 39.940_0, longitude: 116.352_0 };

pub(crate) struct Town {
    pub(crate) mesh: Mesh,
    pub(crate) worker: TestCaller,
    pub(crate) clinic: TestCaller,
    pub(crate) hospital: TestCaller,
    pub(crate) resident: TestCaller,
    /// The worker with the resident's delegation.
    pub(crate) acting: TestCaller,
    pub(crate) delegation: String,
    /// Of everybody who was registered.
    numbers: Mutex<HashMap<uuid::Uuid, NationalId>>,
}

pub(crate) fn now() -> DateTime<Utc> {
    SystemClock.now()
}

impl Town {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let mesh = Mesh::start_with(&["scheduling"], settings).await;
        let [worker, clinic, hospital, resident] =
            ["worker", "clinic", "hospital", "resident"].map(|name| mesh.caller(name));
        let acting = worker.clone();
        let numbers = Mutex::default();
        let mut town = Self { mesh, worker, clinic, hospital, resident, acting, delegation: String::new(), numbers };
        let clinic_place = Place { latitude: 39.941_0, longitude: 116.353_0 };
        let hospital_place = Place { latitude: 39.942_0, longitude: 116.352_0 };
        town.register_provider(callers::CLINIC, Tier::Community, clinic_place).await;
        town.register_provider(callers::HOSPITAL, Tier::Tertiary, hospital_place).await;
        town.register_practitioner(callers::DOCTOR, callers::CLINIC).await;
        town.register_practitioner(callers::SPECIALIST, callers::HOSPITAL).await;
        town.register_resident(callers::RESIDENT).await;
        let actions =
            [identity::DelegatedAction::Book, identity::DelegatedAction::Attend, identity::DelegatedAction::View];
        let delegation = town.delegate(&town.resident, callers::RESIDENT, &actions).await;
        town.acting = town.worker.acting_for(ResidentId::from_uuid(callers::RESIDENT), delegation);
        town.delegation = delegation.to_string();
        town
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.mesh.channel("scheduling"))
    }

    pub(crate) fn appointments(&self) -> AppointmentServiceClient<Channel> {
        AppointmentServiceClient::new(self.mesh.channel("scheduling"))
    }

    pub(crate) fn visits(&self) -> VisitServiceClient<Channel> {
        VisitServiceClient::new(self.mesh.channel("scheduling"))
    }

    async fn register_provider(&self, id: uuid::Uuid, tier: Tier, place: Place) {
        let body = format!("9111010{}MA0000{:03}", id.as_bytes()[15] % 10, id.as_bytes()[15]);
        let organisation = identity::Organisation {
            organisation_id: id.to_string(),
            kind: identity::OrganisationKind::Provider.into(),
            name: "试点机构".to_owned(),
            credit_code: CreditCode::with_check_character(&body).unwrap().to_string(),
            tier: tier.into(),
            region_code: callers::REGION.to_owned(),
            place: Some(place),
            departments: vec![department(id)],
            ..Default::default()
        };
        let request =
            identity::RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
        let request = self.mesh.caller("operator").request(request).await;
        OrganisationServiceClient::new(self.mesh.channel("identity")).register_organisation(request).await.unwrap();
    }

    async fn register_practitioner(&self, id: uuid::Uuid, organisation: uuid::Uuid) {
        let practitioner = identity::Practitioner {
            practitioner_id: id.to_string(),
            organisation_id: organisation.to_string(),
            name: "王医生".to_owned(),
            title: "主任医师".to_owned(),
            department_ids: vec![],
        };
        let request =
            identity::RegisterPractitionerRequest { request_id: request_id(), practitioner: Some(practitioner) };
        let request = self.mesh.caller("operator").request(request).await;
        OrganisationServiceClient::new(self.mesh.channel("identity")).register_practitioner(request).await.unwrap();
    }

    /// The resident signs with the doctor of the clinic, from today for some days.
    pub(crate) async fn sign_with_the_family_doctor(&self, days: u64) {
        let today = local_date(now());
        let message = identity::SignFamilyDoctorContractRequest {
            request_id: request_id(),
            resident_id: callers::RESIDENT.to_string(),
            organisation_id: callers::CLINIC.to_string(),
            practitioner_ids: vec![callers::DOCTOR.to_string()],
            package_code: "BASIC".to_owned(),
            from: Some(to_date(today)),
            until: Some(to_date(today + chrono::Days::new(days))),
            ..Default::default()
        };
        let request = self.resident.request(message).await;
        FamilyDoctorServiceClient::new(self.mesh.channel("identity"))
            .sign_family_doctor_contract(request)
            .await
            .unwrap();
    }

    pub(crate) async fn register_resident(&self, id: uuid::Uuid) {
        self.register_born(id, NaiveDate::from_ymd_opt(1990, 3, 1).unwrap()).await;
    }

    pub(crate) async fn register_born(&self, id: uuid::Uuid, birth_date: NaiveDate) {
        let number = testkit::national_id(birth_date);
        self.numbers.lock().unwrap().insert(id, number.clone());
        let request = identity::RegisterResidentRequest {
            request_id: request_id(),
            resident_id: id.to_string(),
            national_id: number.expose().to_owned(),
            name: "陈测试".to_owned(),
            region_code: callers::REGION.to_owned(),
            community: "展览路街道".to_owned(),
            ..Default::default()
        };
        let request = self.worker.request(request).await;
        ResidentServiceClient::new(self.mesh.channel("identity")).register_resident(request).await.unwrap();
    }

    /// The card of somebody registered.
    pub(crate) fn card(&self, id: uuid::Uuid) -> Credential {
        testkit::id_card(&self.numbers.lock().unwrap()[&id])
    }

    /// One more resident, with a token of their own.
    pub(crate) async fn newcomer(&self, name: &str) -> (TestCaller, String) {
        let id = ResidentId::generate();
        self.register_resident(id.uuid()).await;
        (self.mesh.register(callers::Client::resident(name, id.uuid())).await, id.to_string())
    }

    /// Lets the worker act for a resident.
    pub(crate) async fn delegate(
        &self,
        resident: &TestCaller,
        id: uuid::Uuid,
        actions: &[identity::DelegatedAction],
    ) -> DelegationId {
        self.delegate_within(resident, id, actions, None).await
    }

    /// The same within limits.
    pub(crate) async fn delegate_within(
        &self,
        resident: &TestCaller,
        id: uuid::Uuid,
        actions: &[identity::DelegatedAction],
        limits: Option<identity::DelegationLimits>,
    ) -> DelegationId {
        let request = identity::GrantDelegationRequest {
            request_id: request_id(),
            resident_id: id.to_string(),
            delegate: self.worker.party().to_owned(),
            basis: identity::DelegationBasis::Granted.into(),
            actions: actions.iter().map(|action| (*action).into()).collect(),
            until: Some(to_timestamp(now() + TimeDelta::days(30))),
            evidence: "SELF".to_owned(),
            limits,
            ..Default::default()
        };
        let answer = DelegationServiceClient::new(self.mesh.channel("identity"))
            .grant_delegation(resident.request(request).await)
            .await
            .unwrap();
        answer.into_inner().delegation.unwrap().delegation_id.parse().unwrap()
    }

    /// Slots of half an hour at the clinic, from a moment on.
    pub(crate) async fn clinic_slots(&self, starts_at: DateTime<Utc>, count: i32, places: i32) -> Vec<Slot> {
        self.publish(&self.clinic, vec![session(callers::CLINIC, starts_at, count, &[(Pool::Public, places)])])
            .await
            .unwrap()
    }

    pub(crate) async fn publish(&self, caller: &TestCaller, sessions: Vec<Session>) -> Result<Vec<Slot>, Status> {
        let request = PublishSessionsRequest { request_id: request_id(), sessions };
        Ok(self.sessions().publish_sessions(caller.request(request).await).await?.into_inner().slots)
    }

    /// The resident's own hold.
    pub(crate) async fn hold(&self, slot: &Slot) -> Result<Appointment, Status> {
        self.hold_as(&self.resident, hold(slot)).await
    }

    pub(crate) async fn hold_as(&self, caller: &TestCaller, request: HoldSlotRequest) -> Result<Appointment, Status> {
        let answer = self.appointments().hold_slot(caller.request(request).await).await?;
        Ok(answer.into_inner().appointment.unwrap())
    }

    pub(crate) async fn confirm(&self, caller: &TestCaller, appointment_id: &str) -> Result<Appointment, Status> {
        let request = proto::anjia::scheduling::v1::ConfirmAppointmentRequest {
            request_id: request_id(),
            appointment_id: appointment_id.to_owned(),
        };
        let answer = self.appointments().confirm_appointment(caller.request(request).await).await?;
        Ok(answer.into_inner().appointment.unwrap())
    }

    pub(crate) async fn get(&self, caller: &TestCaller, appointment_id: &str) -> Result<Appointment, Status> {
        let request = proto::anjia::scheduling::v1::GetAppointmentRequest { appointment_id: appointment_id.to_owned() };
        let answer = self.appointments().get_appointment(caller.request(request).await).await?;
        Ok(answer.into_inner().appointment.unwrap())
    }

    /// Booked and confirmed by the resident.
    pub(crate) async fn booked(&self, slot: &Slot) -> Appointment {
        let held = self.hold(slot).await.unwrap();
        self.confirm(&self.resident, &held.appointment_id).await.unwrap()
    }

    /// Places given in a slot, as the database counts them.
    pub(crate) async fn taken(&self, slot: &Slot) -> i32 {
        let mut owner = self.mesh.owner("scheduling").await;
        let id: uuid::Uuid = slot.slot_id.parse().unwrap();
        sqlx::query_scalar("SELECT sum(taken)::int FROM slot_pools WHERE slot_id = $1")
            .bind(id)
            .fetch_one(&mut owner)
            .await
            .unwrap()
    }

    /// The session that a template made for a day.
    pub(crate) async fn session_of(&self, day: &NaiveDate) -> String {
        let mut owner = self.mesh.owner("scheduling").await;
        let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM sessions WHERE day = $1 AND withdrawn_at IS NULL")
            .bind(day)
            .fetch_one(&mut owner)
            .await
            .unwrap();
        id.to_string()
    }

    /// Kinds of all events.
    pub(crate) async fn told(&self) -> Vec<String> {
        let mut owner = self.mesh.owner("scheduling").await;
        sqlx::query_scalar("SELECT kind FROM events").fetch_all(&mut owner).await.unwrap()
    }

    /// I5: nothing is ever oversold, doubled or lost; and nobody lies in two hospitals at one time.
    pub(crate) async fn assert_sound(&self) {
        let mut owner = self.mesh.owner("scheduling").await;
        let violations: Vec<(String, uuid::Uuid)> = sqlx::query_as(
            "SELECT violation, row_id FROM booking_violations UNION ALL SELECT violation, row_id FROM stay_violations",
        )
        .fetch_all(&mut owner)
        .await
        .unwrap();
        assert!(violations.is_empty(), "{violations:?}");
        owner.close().await.unwrap();
    }
}

pub(crate) fn department(organisation: uuid::Uuid) -> identity::Department {
    identity::Department {
        department_id: format!("01930000-0000-7000-8000-0000000d{:04x}", organisation.as_u128() & 0xffff),
        code: "0302".to_owned(),
        name: "心内科".to_owned(),
        capabilities: vec!["I20".to_owned(), "I25".to_owned()],
    }
}

/// A session of outpatient and chronic care, in slots of half an hour.
pub(crate) fn session(
    organisation: uuid::Uuid,
    starts_at: DateTime<Utc>,
    slots: i32,
    pools: &[(Pool, i32)],
) -> Session {
    Session {
        provider_organisation_id: organisation.to_string(),
        kinds: vec![CareKind::Outpatient.into(), CareKind::Chronic.into()],
        starts_at: Some(to_timestamp(starts_at)),
        ends_at: Some(to_timestamp(starts_at + TimeDelta::minutes(30) * slots)),
        slot_length_minutes: 30,
        pools: pools.iter().map(|(pool, places)| PoolShare { pool: (*pool).into(), places: *places }).collect(),
        ..Default::default()
    }
}

/// The resident's wish for an outpatient place.
pub(crate) fn hold(slot: &Slot) -> HoldSlotRequest {
    HoldSlotRequest {
        request_id: request_id(),
        resident_id: callers::RESIDENT.to_string(),
        slot_id: slot.slot_id.clone(),
        kind: CareKind::Outpatient.into(),
        ..Default::default()
    }
}

/// The field that a refusal names.
pub(crate) fn field(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    let details = status.get_details_bad_request().unwrap_or_else(|| panic!("no field named: {status:?}"));
    details.field_violations[0].field.clone()
}

pub(crate) async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
