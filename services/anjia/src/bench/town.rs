//! Somebody to measure with: a clinic with many places, insured residents with keys of their own, the rules of Beijing.

use anyhow::{Context as _, Result, anyhow};
use chassis::Context;
use chassis::channel::Channel;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use devstack::Mesh;
use devstack::callers::{self, Client};
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::adjudication::v1::{CatalogueItem, ProposePolicyRequest, PutCatalogueRequest, ReleasePolicyRequest};
use proto::anjia::common::v1::{CareKind, CatalogueClass, Place, Scheme, Tier};
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{
    CoverLayer, EnrolResidentRequest, Enrolment, Organisation, OrganisationKind, RegisterOrganisationRequest,
    RegisterResidentRequest,
};
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::anjia::scheduling::v1::{Pool, PoolShare, PublishSessionsRequest, Session, Slot};
use proto::convert::{to_date, to_timestamp};
use tonic::Status;
use types::clock::{Clock as _, SystemClock, local_date, start_of_local_day};
use types::credit_code::CreditCode;
use types::ids::{RequestId, ResidentId};
use types::national_id::NationalId;
use types::region::RegionCode;

use super::progress;

/// The item that is billed.
pub(super) const ITEM: &str = "BENCH001";
/// How many live here: as many calls may be in flight, each for somebody else.
pub(super) const RESIDENTS: usize = 64;
/// Nobody books more than once a day, so there are many days.
const DAYS: u64 = 120;
/// For so long people have been seen here.
const SEEN_DAYS: u64 = 31;
/// Sessions to one call.
const SESSIONS_AT_ONCE: usize = 40;
const SLOT_MINUTES: i32 = 10;
const POLICY: &str = include_str!("../../../adjudication/policies/beijing-employee.json");

pub(super) struct Town {
    pub(super) residents: Vec<Resident>,
    pub(super) identity: Channel,
    pub(super) scheduling: Channel,
    pub(super) adjudication: Channel,
    pub(super) today: NaiveDate,
}

/// One of those who call, with places that nobody else wants.
#[derive(Clone)]
pub(super) struct Resident {
    pub(super) id: ResidentId,
    pub(super) context: Context,
    /// One a day.
    pub(super) slots: Vec<String>,
}

/// A key that no request has used yet.
pub(super) fn request_id() -> String {
    RequestId::generate().to_string()
}

pub(super) fn refused(method: &'static str) -> impl Fn(Status) -> anyhow::Error {
    move |status| anyhow!("{method}: {:?} {}", status.code(), status.message())
}

/// A caller of the mesh, with a token of their own.
pub(super) async fn context(mesh: &Mesh, client_id: &str) -> Result<Context> {
    mesh.fleet().credentials(client_id)?.own().await.map_err(refused("ExchangeToken"))
}

impl Town {
    pub(super) async fn settle(mesh: &Mesh) -> Result<Self> {
        progress("settling a town to measure with");
        let channel = |service: &str| mesh.fleet().channel(service);
        let mut town = Self {
            residents: vec![],
            identity: channel("identity")?,
            scheduling: channel("scheduling")?,
            adjudication: channel("adjudication")?,
            today: local_date(SystemClock.now()),
        };
        town.open_clinic(mesh).await?;
        town.put_rules(mesh).await?;
        let slots = town.publish(mesh).await?;
        town.register(mesh, &slots).await?;
        Ok(town)
    }

    /// Of the year in which everybody was seen for the first time, some weeks ago.
    pub(super) fn first_of_january(&self) -> NaiveDate {
        NaiveDate::from_ymd_opt((self.today - Days::new(SEEN_DAYS)).year(), 1, 1).unwrap_or(self.today)
    }

    async fn open_clinic(&self, mesh: &Mesh) -> Result<()> {
        let organisation = Organisation {
            organisation_id: callers::CLINIC.to_string(),
            kind: OrganisationKind::Provider.into(),
            name: "测试社区卫生服务中心".to_owned(),
            credit_code: CreditCode::with_check_character("91110101MA0000901")?.to_string(),
            tier: Tier::Community.into(),
            region_code: callers::REGION.to_owned(),
            place: Some(Place { latitude: 39.93, longitude: 116.35 }),
            designated_from: Some(to_date(self.first_of_january())),
            ..Organisation::default()
        };
        let request = RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
        let request = context(mesh, "operator").await?.request(request);
        let mut organisations = OrganisationServiceClient::new(self.identity.clone());
        organisations.register_organisation(request).await.map_err(refused("RegisterOrganisation"))?;
        Ok(())
    }

    async fn put_rules(&self, mesh: &Mesh) -> Result<()> {
        let mut policies = PolicyServiceClient::new(self.adjudication.clone());
        let [proposer, releaser] = ["insurer-proposer", "insurer-releaser"];
        let proposer = context(mesh, proposer).await?;
        let proposal = ProposePolicyRequest {
            request_id: request_id(),
            policy_id: String::new(),
            document_json: POLICY.to_owned(),
        };
        let answer = policies.propose_policy(proposer.request(proposal)).await.map_err(refused("ProposePolicy"))?;
        let policy_id = answer.into_inner().policy.context("a proposal without a policy")?.policy_id;
        let release = ReleasePolicyRequest { request_id: request_id(), policy_id };
        let release = context(mesh, releaser).await?.request(release);
        policies.release_policy(release).await.map_err(refused("ReleasePolicy"))?;
        let item = CatalogueItem {
            item_code: ITEM.to_owned(),
            name: "一般诊疗费".to_owned(),
            catalogue_class: CatalogueClass::A.into(),
            first_self_pay_ratio: String::new(),
            price_limit: None,
        };
        let catalogue = PutCatalogueRequest {
            request_id: request_id(),
            region_code: callers::REGION.to_owned(),
            effective_from: Some(to_date(self.first_of_january())),
            items: vec![item],
        };
        policies.put_catalogue(proposer.request(catalogue)).await.map_err(refused("PutCatalogue"))?;
        Ok(())
    }

    /// The slots of each day.
    async fn publish(&self, mesh: &Mesh) -> Result<Vec<Vec<Slot>>> {
        let clinic = context(mesh, "clinic").await?;
        let days: Vec<DateTime<Utc>> =
            (1..=DAYS).map(|days| start_of_local_day(self.today + Days::new(days)) + TimeDelta::hours(8)).collect();
        let mut slots: Vec<Slot> = vec![];
        for mornings in days.chunks(SESSIONS_AT_ONCE) {
            let sessions = mornings.iter().map(|morning| session(*morning)).collect::<Result<_>>()?;
            let request = clinic.request(PublishSessionsRequest { request_id: request_id(), sessions });
            let mut client = SessionServiceClient::new(self.scheduling.clone());
            slots
                .extend(client.publish_sessions(request).await.map_err(refused("PublishSessions"))?.into_inner().slots);
        }
        slots.sort_by_key(|slot| slot.starts_at.map(|at| at.seconds));
        Ok(slots.chunks(RESIDENTS).map(<[Slot]>::to_vec).collect())
    }

    async fn register(&mut self, mesh: &Mesh, slots: &[Vec<Slot>]) -> Result<()> {
        let ids: Vec<(String, ResidentId)> =
            (0..RESIDENTS).map(|number| (format!("bench-{number}"), ResidentId::generate())).collect();
        let clients = ids.iter().map(|(client_id, id)| Client::resident(client_id, id.uuid()));
        mesh.fleet().register(clients.collect()).await?;
        let worker = context(mesh, "worker").await?;
        let officer = context(mesh, "insurer-proposer").await?;
        for (number, (client_id, id)) in ids.into_iter().enumerate() {
            self.register_one(&worker, &officer, number, id).await?;
            let of_day = |day: &Vec<Slot>| day.get(number).map(|slot| slot.slot_id.clone());
            let slots = slots.iter().filter_map(of_day).collect();
            let context = context(mesh, &client_id).await?;
            self.residents.push(Resident { id, context, slots });
        }
        Ok(())
    }

    /// Registers and insures somebody. All have one name, so each has a birthday of their own: else all would be taken for one.
    pub(super) async fn register_one(
        &self,
        worker: &Context,
        officer: &Context,
        number: usize,
        id: ResidentId,
    ) -> Result<()> {
        let birth_date = NaiveDate::from_ymd_opt(1960, 5, 1).context("a day")? + Days::new(u64::try_from(number)?);
        let number = NationalId::from_parts(RegionCode::DEMONSTRATION, birth_date, 1)?;
        let resident = RegisterResidentRequest {
            request_id: request_id(),
            resident_id: id.to_string(),
            national_id: number.expose().to_owned(),
            name: "陈测试".to_owned(),
            mobile: String::new(),
            region_code: callers::REGION.to_owned(),
            community: "测试街道".to_owned(),
            ..RegisterResidentRequest::default()
        };
        let mut residents = ResidentServiceClient::new(self.identity.clone());
        residents.register_resident(worker.request(resident)).await.map_err(refused("RegisterResident"))?;
        let enrolment = Enrolment {
            resident_id: id.to_string(),
            scheme: Scheme::Employee.into(),
            insured_region_code: callers::REGION.to_owned(),
            layer: CoverLayer::Basic.into(),
            from: Some(to_date(self.first_of_january())),
            retired: true,
            ..Enrolment::default()
        };
        let enrolment = EnrolResidentRequest { request_id: request_id(), enrolment: Some(enrolment) };
        let mut enrolments = EnrolmentServiceClient::new(self.identity.clone());
        enrolments.enrol_resident(officer.request(enrolment)).await.map_err(refused("EnrolResident"))?;
        Ok(())
    }
}

/// A slot for each of those who live here.
fn session(morning: DateTime<Utc>) -> Result<Session> {
    let minutes = i64::from(SLOT_MINUTES) * i64::try_from(RESIDENTS)?;
    Ok(Session {
        provider_organisation_id: callers::CLINIC.to_string(),
        kinds: vec![CareKind::Outpatient.into()],
        starts_at: Some(to_timestamp(morning)),
        ends_at: Some(to_timestamp(morning + TimeDelta::minutes(minutes))),
        slot_length_minutes: SLOT_MINUTES,
        pools: vec![PoolShare { pool: Pool::Public.into(), places: 1 }],
        ..Session::default()
    })
}
