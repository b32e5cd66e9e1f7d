//! A city in which a claim can be made: organisations, an insured resident, released policy, catalogue.

pub(crate) use crate::amounts::{money, shares};
use std::collections::HashMap;
use std::sync::Mutex;

use chassis::channel::Channel;
use chrono::{DateTime, NaiveDate, Utc};

use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::adjudication::v1::{self as wire};
use proto::anjia::common::v1 as common;
use proto::anjia::identity::v1 as identity;
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::identity::v1::designation_service_client::DesignationServiceClient;
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::scheduling::v1 as scheduling;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::convert::{to_date, to_money, to_timestamp};
use testkit::{Mesh, TestCaller, callers, request_id};
use types::clock::{Clock as _, SystemClock, local_date};
use types::credit_code::CreditCode;
use types::ids::{JourneyId, OrganisationId, ResidentId};
use types::national_id::NationalId;

pub(crate) const BEIJING: &str = include_str!("../../policies/beijing-employee.json");
pub(crate) const DEMONSTRATION: &str = include_str!("../../policies/demonstration-city.json");
/// Class 甲 and class 丙.
pub(crate) const COVERED: &str = "T-COVERED";
pub(crate) const OWN: &str = "T-OWN";

pub(crate) struct World {
    pub(crate) mesh: Mesh,
    pub(crate) resident: ResidentId,
    /// Of everybody who was registered.
    numbers: Mutex<HashMap<ResidentId, NationalId>>,
}

impl World {
    /// Everything but the policy.
    pub(crate) async fn without_policy() -> Self {
        Self::founded(&[]).await
    }

    pub(crate) async fn founded(settings: &[(&str, &str)]) -> Self {
        Self::founded_in(Mesh::start_with(&["scheduling", "adjudication"], settings).await).await
    }

    pub(crate) async fn founded_in(mesh: Mesh) -> Self {
        let world = Self { mesh, resident: ResidentId::from_uuid(callers::RESIDENT), numbers: Mutex::default() };
        world.organisation(callers::CLINIC, common::Tier::Community, "9199000000000001").await;
        world.organisation(callers::HOSPITAL, common::Tier::Tertiary, "9199000000000002").await;
        world.register(world.resident).await;
        world.enrol(world.resident).await;
        world.catalogue().await;
        world
    }

    pub(crate) async fn new() -> Self {
        Self::without_policy().await.insured().await
    }

    pub(crate) async fn insured(self) -> Self {
        let policy = self.propose(BEIJING).await.expect("the document is complete");
        self.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
        self
    }

    pub(crate) fn policies(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.mesh.channel("adjudication"))
    }

    pub(crate) fn adjudication(&self) -> AdjudicationServiceClient<Channel> {
        AdjudicationServiceClient::new(self.mesh.channel("adjudication"))
    }

    pub(crate) fn caller(&self, client_id: &str) -> TestCaller {
        self.mesh.caller(client_id)
    }

    pub(crate) async fn propose(&self, document: &str) -> Result<wire::Policy, tonic::Status> {
        let request = wire::ProposePolicyRequest {
            request_id: request_id(),
            policy_id: String::new(),
            document_json: document.to_owned(),
        };
        let request = self.caller("insurer-proposer").request(request).await;
        Ok(self.policies().propose_policy(request).await?.into_inner().policy.unwrap_or_default())
    }

    pub(crate) async fn release(&self, officer: &str, policy_id: &str) -> Result<wire::Policy, tonic::Status> {
        let request = wire::ReleasePolicyRequest { request_id: request_id(), policy_id: policy_id.to_owned() };
        let request = self.caller(officer).request(request).await;
        Ok(self.policies().release_policy(request).await?.into_inner().policy.unwrap_or_default())
    }

    pub(crate) async fn organisation(&self, id: impl std::fmt::Display, tier: common::Tier, code: &str) {
        let organisation = identity::Organisation {
            organisation_id: id.to_string(),
            kind: identity::OrganisationKind::Provider.into(),
            name: "试验机构".to_owned(),
            credit_code: CreditCode::with_check_character(&format!("{code}0")).expect("a valid code").to_string(),
            tier: tier.into(),
            region_code: "110000".to_owned(),
            place: Some(common::Place { latitude: 39.93, longitude: 116.35 }),
            designated_from: Some(to_date(NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date"))),
            departments: vec![identity::Department {
                department_id: uuid::Uuid::now_v7().to_string(),
                code: "0302".to_owned(),
                name: "内科".to_owned(),
                capabilities: vec!["I25".to_owned()],
            }],
            ..Default::default()
        };
        let request =
            identity::RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
        let request = self.caller("operator").request(request).await;
        OrganisationServiceClient::new(self.mesh.channel("identity"))
            .register_organisation(request)
            .await
            .expect("the organisation is new");
    }

    pub(crate) async fn register(&self, resident: ResidentId) {
        let born = NaiveDate::from_ymd_opt(1950, 3, 1).expect("a date");
        let number = testkit::national_id(born);
        self.numbers.lock().expect("nobody panics with it").insert(resident, number.clone());
        let request = identity::RegisterResidentRequest {
            request_id: request_id(),
            resident_id: resident.to_string(),
            national_id: number.expose().to_owned(),
            name: "陈测试".to_owned(),
            region_code: "110000".to_owned(),
            community: "展览路街道".to_owned(),
            ..Default::default()
        };
        let request = self.caller("worker").request(request).await;
        ResidentServiceClient::new(self.mesh.channel("identity"))
            .register_resident(request)
            .await
            .expect("the resident is new");
    }

    /// Lets the worker act for the resident.
    pub(crate) async fn delegate(&self, action: identity::DelegatedAction) -> TestCaller {
        let worker = self.caller("worker");
        let request = identity::GrantDelegationRequest {
            request_id: request_id(),
            resident_id: self.resident.to_string(),
            delegate: worker.party().to_owned(),
            basis: identity::DelegationBasis::Granted.into(),
            actions: vec![action.into()],
            until: Some(to_timestamp(SystemClock.now() + chrono::TimeDelta::days(30))),
            evidence: "SELF".to_owned(),
            ..Default::default()
        };
        let request = self.caller("resident").request(request).await;
        let granted = DelegationServiceClient::new(self.mesh.channel("identity"))
            .grant_delegation(request)
            .await
            .expect("the resident may grant it")
            .into_inner();
        let id = granted.delegation.unwrap_or_default().delegation_id.parse().expect("an id");
        worker.acting_for(self.resident, id)
    }

    /// A tertiary hospital whose contract is suspended from today on.
    pub(crate) async fn suspended_hospital(&self) -> String {
        let begun = NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date");
        let (id, designation_id) = self.contracted_hospital(begun, None).await;
        let message = identity::SuspendDesignationRequest {
            request_id: request_id(),
            designation_id,
            from: Some(to_date(today())),
            reason: "违规".to_owned(),
        };
        let request = self.caller("insurer-proposer").request(message).await;
        let mut designations = DesignationServiceClient::new(self.mesh.channel("identity"));
        designations.suspend_designation(request).await.expect("a contract in force");
        id
    }

    /// A tertiary hospital with a contract of these days, and the contract.
    pub(crate) async fn contracted_hospital(&self, from: NaiveDate, until: Option<NaiveDate>) -> (String, String) {
        let id = OrganisationId::generate().to_string();
        let channel = self.mesh.channel("identity");
        let mut organisations = OrganisationServiceClient::new(channel.clone());
        let insurer = identity::Organisation {
            organisation_id: callers::INSURER.to_string(),
            kind: identity::OrganisationKind::Insurer.into(),
            name: "试验医保局".to_owned(),
            credit_code: CreditCode::with_check_character("91990000000000030").expect("a valid code").to_string(),
            region_code: "110000".to_owned(),
            ..Default::default()
        };
        let hospital = identity::Organisation {
            organisation_id: id.clone(),
            kind: identity::OrganisationKind::Provider.into(),
            tier: common::Tier::Tertiary.into(),
            credit_code: CreditCode::with_check_character("91990000000000040").expect("a valid code").to_string(),
            place: Some(common::Place { latitude: 39.93, longitude: 116.35 }),
            ..insurer.clone()
        };
        for organisation in [insurer, hospital] {
            let message =
                identity::RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
            let request = self.caller("operator").request(message).await;
            organisations.register_organisation(request).await.expect("the organisation is new");
        }
        let officer = self.caller("insurer-proposer");
        let mut designations = DesignationServiceClient::new(channel);
        let message = identity::DesignateProviderRequest {
            request_id: request_id(),
            provider_organisation_id: id.clone(),
            kind: identity::DesignationKind::Inpatient.into(),
            from: Some(to_date(from)),
            until: until.map(to_date),
            ..Default::default()
        };
        let made = designations.designate_provider(officer.request(message).await).await.expect("no contract yet");
        (id, made.into_inner().designation.unwrap_or_default().designation_id)
    }

    /// A client of a resident's own.
    pub(crate) async fn resident_caller(&self, client_id: &str, resident: ResidentId) -> TestCaller {
        self.mesh.register(callers::Client::resident(client_id, resident.uuid())).await
    }

    /// In the resident scheme of the demonstration city.
    pub(crate) async fn enrol_in_demonstration(&self, resident: ResidentId, joined_on: Option<NaiveDate>, from: &str) {
        self.record(identity::Enrolment {
            resident_id: resident.to_string(),
            scheme: common::Scheme::Resident.into(),
            insured_region_code: "990000".to_owned(),
            layer: identity::CoverLayer::Basic.into(),
            from: Some(to_date(from.parse().expect("a day"))),
            joined_on: joined_on.map(to_date),
            ..Default::default()
        })
        .await;
    }

    pub(crate) async fn enrol(&self, resident: ResidentId) {
        self.record(identity::Enrolment {
            resident_id: resident.to_string(),
            scheme: common::Scheme::Employee.into(),
            insured_region_code: "110000".to_owned(),
            layer: identity::CoverLayer::Basic.into(),
            from: Some(to_date(NaiveDate::from_ymd_opt(2010, 1, 1).expect("a date"))),
            retired: true,
            ..Default::default()
        })
        .await;
    }

    pub(crate) async fn record(&self, enrolment: identity::Enrolment) {
        let request = identity::EnrolResidentRequest { request_id: request_id(), enrolment: Some(enrolment) };
        let request = self.caller("insurer-proposer").request(request).await;
        EnrolmentServiceClient::new(self.mesh.channel("identity"))
            .enrol_resident(request)
            .await
            .expect("not enrolled yet");
    }

    async fn catalogue(&self) {
        let item = |code: &str, class: common::CatalogueClass| wire::CatalogueItem {
            item_code: code.to_owned(),
            name: code.to_owned(),
            catalogue_class: class.into(),
            ..Default::default()
        };
        let request = wire::PutCatalogueRequest {
            request_id: request_id(),
            region_code: "110000".to_owned(),
            effective_from: Some(to_date(NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date"))),
            items: vec![item(COVERED, common::CatalogueClass::A), item(OWN, common::CatalogueClass::C)],
        };
        let request = self.caller("insurer-proposer").request(request).await;
        self.policies().put_catalogue(request).await.expect("the items are new");
    }

    /// A visit that began and ended a moment ago.
    pub(crate) async fn visit(
        &self,
        desk: &str,
        resident: ResidentId,
        kind: common::CareKind,
        journey: JourneyId,
    ) -> String {
        let visit = self.check_in(desk, resident, kind, journey, scheduling::IdentityProof::IdCard).await;
        let request = scheduling::EndVisitRequest {
            request_id: request_id(),
            visit_id: visit.clone(),
            outcome: scheduling::VisitOutcome::Completed.into(),
            occurred_at: Some(to_timestamp(moment_ago())),
            reason: String::new(),
        };
        let request = self.caller(desk).request(request).await;
        VisitServiceClient::new(self.mesh.channel("scheduling")).end_visit(request).await.expect("the visit is open");
        visit
    }

    pub(crate) fn number(&self, resident: ResidentId) -> NationalId {
        self.numbers.lock().expect("nobody panics with it")[&resident].clone()
    }

    pub(crate) async fn check_in(
        &self,
        desk: &str,
        resident: ResidentId,
        kind: common::CareKind,
        journey: JourneyId,
        proof: scheduling::IdentityProof,
    ) -> String {
        let caller = self.caller(desk);
        let proven = proof != scheduling::IdentityProof::None;
        let request = scheduling::CheckInRequest {
            request_id: request_id(),
            resident_id: resident.to_string(),
            kind: kind.into(),
            provider_organisation_id: caller.client().organisation_id.clone().unwrap_or_default(),
            present: scheduling::Present::Self_.into(),
            identity_proof: proof.into(),
            credential: proven.then(|| testkit::id_card(&self.number(resident))),
            occurred_at: Some(to_timestamp(moment_ago())),
            journey_id: journey.to_string(),
            ..Default::default()
        };
        let request = caller.request(request).await;
        let answer = VisitServiceClient::new(self.mesh.channel("scheduling"))
            .check_in(request)
            .await
            .expect("the patient is there")
            .into_inner();
        answer.visit.unwrap_or_default().visit_id
    }

    /// Divides one line of a class for a visit.
    pub(crate) async fn divide(
        &self,
        desk: &str,
        visit: &str,
        item: &str,
        amount: &str,
    ) -> Result<wire::DivideClaimResponse, tonic::Status> {
        let request = self.caller(desk).request(claim(visit, item, amount)).await;
        Ok(self.adjudication().divide_claim(request).await?.into_inner())
    }

    pub(crate) async fn confirm(&self, settlement_id: &str, bill_id: &str) -> Result<wire::Settlement, tonic::Status> {
        let request = wire::ConfirmSettlementRequest {
            request_id: request_id(),
            settlement_id: settlement_id.to_owned(),
            bill_id: bill_id.to_owned(),
        };
        let request = self.caller("payment").request(request).await;
        Ok(self.adjudication().confirm_settlement(request).await?.into_inner().settlement.unwrap_or_default())
    }
}

pub(crate) fn claim(visit: &str, item: &str, amount: &str) -> wire::DivideClaimRequest {
    let money = money(amount);
    wire::DivideClaimRequest {
        request_id: request_id(),
        visit_id: visit.to_owned(),
        diagnoses: vec![common::Diagnosis { icd10_code: "I10.x00".to_owned(), name: "高血压".to_owned() }],
        lines: vec![wire::ClaimLine {
            item_code: item.to_owned(),
            quantity: "1".to_owned(),
            unit_price: amount.to_owned(),
            amount: Some(to_money(money)),
            on: Some(to_date(local_date(moment_ago()))),
        }],
        total: Some(to_money(money)),
        ..Default::default()
    }
}

/// Late enough to be over, early enough to be today; on the first second of a year, still of that year.
pub(crate) fn moment_ago() -> DateTime<Utc> {
    SystemClock.now() - chrono::TimeDelta::milliseconds(50)
}

pub(crate) fn today() -> NaiveDate {
    local_date(moment_ago())
}
