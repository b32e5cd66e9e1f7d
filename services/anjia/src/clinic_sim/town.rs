//! A clinic with a morning of places, and people who let its desk act for them.

use anyhow::{Context as _, Result, anyhow};
use chassis::Context;
use chassis::channel::Channel;
use chrono::{NaiveDate, TimeDelta};
use devstack::Mesh;
use devstack::callers::{self, Client};
use proto::anjia::common::v1::{CareKind, Place, Tier};
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{
    DelegatedAction, DelegationBasis, GrantDelegationRequest, Organisation, OrganisationKind, Practitioner,
    RegisterOrganisationRequest, RegisterPractitionerRequest, RegisterResidentRequest,
};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::anjia::scheduling::v1::{
    Appointment, BookItem, BookRequest, CancelAppointmentRequest, ListAppointmentsRequest, Pool, PoolShare,
    PublishSessionsRequest, Session, book_result,
};
use proto::convert::to_timestamp;
use tonic::Status;
use types::clock::{Clock as _, SystemClock};
use types::credit_code::CreditCode;
use types::ids::{AppointmentId, RequestId, ResidentId, SlotId};
use types::national_id::NationalId;
use types::region::RegionCode;

use super::desk::Patient;

const PEOPLE: u16 = 14;
const SLOTS: i64 = 24;
const SLOT_MINUTES: i32 = 10;

pub(super) struct Town {
    identity: Channel,
    scheduling: Channel,
    pub(super) people: Vec<Person>,
    /// One place each, in order.
    pub(super) slots: Vec<SlotId>,
}

/// Somebody with a phone of their own, whose network is good.
pub(super) struct Person {
    pub(super) patient: Patient,
    context: Context,
}

fn request_id() -> String {
    RequestId::generate().to_string()
}

fn refused(method: &'static str) -> impl Fn(Status) -> anyhow::Error {
    move |status| anyhow!("{method}: {:?} {}", status.code(), status.message())
}

async fn context(mesh: &Mesh, client_id: &str) -> Result<Context> {
    mesh.fleet().credentials(client_id)?.own().await.map_err(refused("ExchangeToken"))
}

impl Town {
    pub(super) async fn settle(mesh: &Mesh) -> Result<Self> {
        let channel = |service: &str| mesh.fleet().channel(service);
        let (identity, scheduling) = (channel("identity")?, channel("scheduling")?);
        let mut town = Self { identity, scheduling, people: vec![], slots: vec![] };
        town.open_clinic(mesh).await?;
        town.slots = town.publish(mesh).await?;
        let ids: Vec<(String, ResidentId)> =
            (0..PEOPLE).map(|number| (format!("patient-{number}"), ResidentId::generate())).collect();
        let clients = ids.iter().map(|(client, id)| Client::resident(client, id.uuid()));
        mesh.fleet().register(clients.collect()).await?;
        let worker = context(mesh, "worker").await?;
        for (number, (client, id)) in (0..).zip(ids) {
            let card = town.register(&worker, number, id).await?;
            let context = context(mesh, &client).await?;
            let delegation = town.delegate(&context, id).await?;
            town.people.push(Person { patient: Patient { id, card, delegation }, context });
        }
        Ok(town)
    }

    pub(super) fn person(&self, number: usize) -> Result<&Person> {
        self.people.get(number).context("nobody has this number")
    }

    pub(super) fn slot(&self, number: usize) -> Result<SlotId> {
        self.slots.get(number).copied().context("no slot has this number")
    }

    /// Online, by the person themselves.
    pub(super) async fn books(&self, number: usize, slot: usize) -> Result<AppointmentId> {
        let (person, slot) = (self.person(number)?, self.slot(slot)?);
        let item = BookItem {
            request_id: request_id(),
            resident_id: person.patient.id.to_string(),
            slot_id: slot.to_string(),
            kind: CareKind::Outpatient.into(),
            ..BookItem::default()
        };
        let request = person.context.request(BookRequest { items: vec![item] });
        let answer =
            AppointmentServiceClient::new(self.scheduling.clone()).book(request).await.map_err(refused("Book"))?;
        match answer.into_inner().results.into_iter().next().and_then(|result| result.result) {
            Some(book_result::Result::Appointment(booked)) => Ok(booked.appointment_id.parse()?),
            other => Err(anyhow!("Book: {other:?}")),
        }
    }

    pub(super) async fn cancels(&self, number: usize, appointment: AppointmentId) -> Result<()> {
        let message = CancelAppointmentRequest {
            request_id: request_id(),
            appointment_id: appointment.to_string(),
            ..CancelAppointmentRequest::default()
        };
        let request = self.person(number)?.context.request(message);
        let answer = AppointmentServiceClient::new(self.scheduling.clone()).cancel_appointment(request).await;
        answer.map(drop).map_err(refused("CancelAppointment"))
    }

    /// The clinic's, as the platform knows them.
    pub(super) async fn appointments(&self, mesh: &Mesh) -> Result<Vec<Appointment>> {
        let message = ListAppointmentsRequest {
            provider_organisation_id: callers::CLINIC.to_string(),
            page: Some(proto::anjia::common::v1::PageRequest { page_size: 200, page_token: String::new() }),
            ..ListAppointmentsRequest::default()
        };
        let request = context(mesh, "clinic").await?.request(message);
        let answer = AppointmentServiceClient::new(self.scheduling.clone()).list_appointments(request).await;
        Ok(answer.map_err(refused("ListAppointments"))?.into_inner().appointments)
    }

    async fn open_clinic(&self, mesh: &Mesh) -> Result<()> {
        let operator = context(mesh, "operator").await?;
        let organisation = Organisation {
            organisation_id: callers::CLINIC.to_string(),
            kind: OrganisationKind::Provider.into(),
            name: "山口社区卫生服务站".to_owned(),
            credit_code: CreditCode::with_check_character("91110101MA0000902")?.to_string(),
            tier: Tier::Community.into(),
            region_code: callers::REGION.to_owned(),
            place: Some(Place { latitude: 40.02, longitude: 115.98 }),
            ..Organisation::default()
        };
        let message = RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
        let mut organisations = OrganisationServiceClient::new(self.identity.clone());
        organisations
            .register_organisation(operator.request(message))
            .await
            .map_err(refused("RegisterOrganisation"))?;
        let practitioner = Practitioner {
            practitioner_id: callers::DOCTOR.to_string(),
            organisation_id: callers::CLINIC.to_string(),
            name: "王医生".to_owned(),
            title: "主治医师".to_owned(),
            department_ids: vec![],
        };
        let message = RegisterPractitionerRequest { request_id: request_id(), practitioner: Some(practitioner) };
        let answer = organisations.register_practitioner(operator.request(message)).await;
        answer.map(drop).map_err(refused("RegisterPractitioner"))
    }

    async fn publish(&self, mesh: &Mesh) -> Result<Vec<SlotId>> {
        let starts_at = SystemClock.now() + TimeDelta::hours(1);
        let length = TimeDelta::minutes(SLOT_MINUTES.into());
        let session = Session {
            provider_organisation_id: callers::CLINIC.to_string(),
            practitioner_id: callers::DOCTOR.to_string(),
            kinds: vec![CareKind::Outpatient.into()],
            starts_at: Some(to_timestamp(starts_at)),
            ends_at: Some(to_timestamp(starts_at + length * i32::try_from(SLOTS)?)),
            slot_length_minutes: SLOT_MINUTES,
            pools: vec![PoolShare { pool: Pool::Public.into(), places: 1 }],
            ..Session::default()
        };
        let message = PublishSessionsRequest { request_id: request_id(), sessions: vec![session] };
        let request = context(mesh, "clinic").await?.request(message);
        let answer = SessionServiceClient::new(self.scheduling.clone()).publish_sessions(request).await;
        let slots = answer.map_err(refused("PublishSessions"))?.into_inner().slots;
        slots.iter().map(|slot| Ok(slot.slot_id.parse()?)).collect()
    }

    async fn register(&self, worker: &Context, number: u16, id: ResidentId) -> Result<NationalId> {
        let birth_date = NaiveDate::from_ymd_opt(1968, 5, 1).context("a day")?;
        let card = NationalId::from_parts(RegionCode::DEMONSTRATION, birth_date, number)?;
        let message = RegisterResidentRequest {
            request_id: request_id(),
            resident_id: id.to_string(),
            national_id: card.expose().to_owned(),
            name: "陈测试".to_owned(),
            region_code: callers::REGION.to_owned(),
            community: "山口村".to_owned(),
            ..RegisterResidentRequest::default()
        };
        let answer = ResidentServiceClient::new(self.identity.clone()).register_resident(worker.request(message)).await;
        answer.map_err(refused("RegisterResident"))?;
        Ok(card)
    }

    /// Lets the clinic's desk book and cancel for them.
    async fn delegate(&self, person: &Context, id: ResidentId) -> Result<types::ids::DelegationId> {
        let message = GrantDelegationRequest {
            request_id: request_id(),
            resident_id: id.to_string(),
            delegate: format!("practitioner:{}", callers::DOCTOR),
            basis: DelegationBasis::Granted.into(),
            actions: vec![DelegatedAction::Book.into(), DelegatedAction::View.into()],
            until: Some(to_timestamp(SystemClock.now() + TimeDelta::days(1))),
            evidence: "SELF".to_owned(),
            ..GrantDelegationRequest::default()
        };
        let answer =
            DelegationServiceClient::new(self.identity.clone()).grant_delegation(person.request(message)).await;
        let granted = answer.map_err(refused("GrantDelegation"))?.into_inner().delegation.context("no delegation")?;
        Ok(granted.delegation_id.parse()?)
    }
}
