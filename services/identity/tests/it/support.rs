//! What the tests of identity share: people who are registered, and what refusals say.

use chassis::channel::Channel;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proto::anjia::common::v1 as common;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::alliance_service_client::AllianceServiceClient;
use proto::anjia::identity::v1::bank_profile_service_client::BankProfileServiceClient;
use proto::anjia::identity::v1::community_service_client::CommunityServiceClient;
use proto::anjia::identity::v1::consent_service_client::ConsentServiceClient;
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::identity::v1::designation_service_client::DesignationServiceClient;
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::family_doctor_service_client::FamilyDoctorServiceClient;
use proto::anjia::identity::v1::guardianship_service_client::GuardianshipServiceClient;
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::vulnerability_service_client::VulnerabilityServiceClient;
use proto::convert::{to_date, to_timestamp};
use testkit::callers::{Client, HOSPITAL, PLATFORM};
use testkit::{Mesh, TestCaller, national_id, request_id};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use types::clock::{Clock, SystemClock};
use types::credit_code::CreditCode;
use types::ids::{DelegationId, OrganisationId, ResidentId};

pub(crate) const NAME: &str = "陈桂英";
pub(crate) const MOBILE: &str = "13912345678";

/// A mesh of identity alone.
pub(crate) struct World {
    pub(crate) mesh: Mesh,
}

/// A registered resident with a client of their own.
pub(crate) struct Person {
    pub(crate) id: ResidentId,
    pub(crate) number: String,
    pub(crate) caller: TestCaller,
}

impl World {
    /// The city's own app: it reads events, as no service of ours does here.
    pub(crate) async fn city_app(&self) -> TestCaller {
        let client =
            Client::new("city-app", "client:city-app".to_owned(), Some(PLATFORM), &["platform"]).told_of(&["anjia."]);
        self.mesh.register(client).await
    }

    pub(crate) async fn start() -> Self {
        Self { mesh: Mesh::start(&["identity"]).await }
    }

    pub(crate) fn channel(&self) -> Channel {
        self.mesh.channel("identity")
    }

    pub(crate) fn residents(&self) -> ResidentServiceClient<Channel> {
        ResidentServiceClient::new(self.channel())
    }

    pub(crate) fn guardianships(&self) -> GuardianshipServiceClient<Channel> {
        GuardianshipServiceClient::new(self.channel())
    }

    pub(crate) fn vulnerabilities(&self) -> VulnerabilityServiceClient<Channel> {
        VulnerabilityServiceClient::new(self.channel())
    }

    pub(crate) fn communities(&self) -> CommunityServiceClient<Channel> {
        CommunityServiceClient::new(self.channel())
    }

    pub(crate) fn organisations(&self) -> OrganisationServiceClient<Channel> {
        OrganisationServiceClient::new(self.channel())
    }

    pub(crate) fn enrolments(&self) -> EnrolmentServiceClient<Channel> {
        EnrolmentServiceClient::new(self.channel())
    }

    pub(crate) fn alliances(&self) -> AllianceServiceClient<Channel> {
        AllianceServiceClient::new(self.channel())
    }

    pub(crate) fn bank_profiles(&self) -> BankProfileServiceClient<Channel> {
        BankProfileServiceClient::new(self.channel())
    }

    pub(crate) fn designations(&self) -> DesignationServiceClient<Channel> {
        DesignationServiceClient::new(self.channel())
    }

    pub(crate) fn family_doctors(&self) -> FamilyDoctorServiceClient<Channel> {
        FamilyDoctorServiceClient::new(self.channel())
    }

    pub(crate) fn delegations(&self) -> DelegationServiceClient<Channel> {
        DelegationServiceClient::new(self.channel())
    }

    pub(crate) fn consents(&self) -> ConsentServiceClient<Channel> {
        ConsentServiceClient::new(self.channel())
    }

    pub(crate) fn caller(&self, client_id: &str) -> TestCaller {
        self.mesh.caller(client_id)
    }

    /// A person the worker has registered.
    pub(crate) async fn person(&self, client_id: &str) -> Person {
        let message = new_resident();
        let number = message.national_id.clone();
        let resident = self.register(&self.caller("worker"), message).await.unwrap();
        let id: ResidentId = resident.resident_id.parse().unwrap();
        let caller = self.mesh.register(Client::resident(client_id, id.uuid())).await;
        Person { id, number, caller }
    }

    pub(crate) async fn register(
        &self,
        caller: &TestCaller,
        message: wire::RegisterResidentRequest,
    ) -> Result<wire::Resident, Status> {
        let answer = self.residents().register_resident(caller.request(message).await).await?;
        Ok(answer.into_inner().resident.unwrap())
    }

    /// The hospital of the journey.
    pub(crate) async fn hospital(&self) -> OrganisationId {
        let id = OrganisationId::from_uuid(HOSPITAL);
        let organisation = wire::Organisation { organisation_id: id.to_string(), ..hospital("91110000600037341") };
        self.register_organisation(organisation).await.unwrap();
        id
    }

    pub(crate) async fn register_organisation(
        &self,
        organisation: wire::Organisation,
    ) -> Result<wire::Organisation, Status> {
        let message = wire::RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
        let request = self.caller("operator").request(message).await;
        Ok(self.organisations().register_organisation(request).await?.into_inner().organisation.unwrap())
    }

    pub(crate) async fn enrol(
        &self,
        caller: &TestCaller,
        enrolment: wire::Enrolment,
    ) -> Result<wire::Enrolment, Status> {
        let message = wire::EnrolResidentRequest { request_id: request_id(), enrolment: Some(enrolment) };
        let answer = self.enrolments().enrol_resident(caller.request(message).await).await?;
        Ok(answer.into_inner().enrolment.unwrap())
    }

    pub(crate) async fn grant(
        &self,
        caller: &TestCaller,
        message: wire::GrantDelegationRequest,
    ) -> Result<wire::Delegation, Status> {
        let answer = self.delegations().grant_delegation(caller.request(message).await).await?;
        Ok(answer.into_inner().delegation.unwrap())
    }

    /// The person lets the worker do something.
    pub(crate) async fn delegate(&self, person: &Person, actions: &[wire::DelegatedAction]) -> DelegationId {
        let message = new_delegation(person.id, self.caller("worker").party(), actions);
        self.grant(&person.caller, message).await.unwrap().delegation_id.parse().unwrap()
    }

    pub(crate) async fn revoke(&self, person: &Person, id: DelegationId) -> Result<wire::Delegation, Status> {
        let message = wire::RevokeDelegationRequest { request_id: request_id(), delegation_id: id.to_string() };
        let answer = self.delegations().revoke_delegation(person.caller.request(message).await).await?;
        Ok(answer.into_inner().delegation.unwrap())
    }

    pub(crate) async fn consent(
        &self,
        caller: &TestCaller,
        message: wire::GrantConsentRequest,
    ) -> Result<wire::Consent, Status> {
        let answer = self.consents().grant_consent(caller.request(message).await).await?;
        Ok(answer.into_inner().consent.unwrap())
    }

    /// How many audit entries there are of an action about a person.
    pub(crate) async fn audited(&self, action: &str, resident: ResidentId) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE action = $1 AND resident_id = $2")
            .bind(action)
            .bind(resident.uuid())
            .fetch_one(&mut self.mesh.owner("identity").await)
            .await
            .unwrap()
    }

    /// How many events there are of a kind about a subject.
    pub(crate) async fn told(&self, kind: &str, subject: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = $1 AND subject = $2")
            .bind(kind)
            .bind(subject)
            .fetch_one(&mut self.mesh.owner("identity").await)
            .await
            .unwrap()
    }
}

pub(crate) fn new_resident() -> wire::RegisterResidentRequest {
    wire::RegisterResidentRequest {
        request_id: request_id(),
        resident_id: String::new(),
        national_id: national_id(day("1954-03-01")).expose().to_owned(),
        name: NAME.to_owned(),
        mobile: MOBILE.to_owned(),
        region_code: "110000".to_owned(),
        community: "展览路街道".to_owned(),
        ..wire::RegisterResidentRequest::default()
    }
}

/// A tertiary hospital with cardiology, under the credit code with these first seventeen characters.
pub(crate) fn hospital(credit_code_body: &str) -> wire::Organisation {
    wire::Organisation {
        organisation_id: String::new(),
        kind: wire::OrganisationKind::Provider.into(),
        name: "安家医院".to_owned(),
        credit_code: CreditCode::with_check_character(credit_code_body).unwrap().to_string(),
        tier: common::Tier::Tertiary.into(),
        region_code: "110102".to_owned(),
        place: Some(common::Place { latitude: 39.93, longitude: 116.35 }),
        designated_from: Some(to_date(day("2020-01-01"))),
        designated_until: None,
        departments: vec![wire::Department {
            department_id: String::new(),
            code: "0302".to_owned(),
            name: "心内科".to_owned(),
            capabilities: vec!["I20".to_owned(), "I25".to_owned()],
        }],
        ..Default::default()
    }
}

pub(crate) fn new_enrolment(resident: ResidentId, from: &str, until: Option<&str>) -> wire::Enrolment {
    wire::Enrolment {
        enrolment_id: String::new(),
        resident_id: resident.to_string(),
        scheme: common::Scheme::Employee.into(),
        insured_region_code: "110000".to_owned(),
        layer: wire::CoverLayer::Basic.into(),
        payer_organisation_id: String::new(),
        from: Some(to_date(day(from))),
        until: until.map(|until| to_date(day(until))),
        retired: true,
        ..Default::default()
    }
}

pub(crate) fn new_delegation(
    resident: ResidentId,
    delegate: &str,
    actions: &[wire::DelegatedAction],
) -> wire::GrantDelegationRequest {
    wire::GrantDelegationRequest {
        request_id: request_id(),
        delegation_id: String::new(),
        resident_id: resident.to_string(),
        delegate: delegate.to_owned(),
        basis: wire::DelegationBasis::Granted.into(),
        actions: actions.iter().map(|action| (*action).into()).collect(),
        until: Some(to_timestamp(now() + TimeDelta::days(30))),
        evidence: "SELF".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn new_consent(resident: ResidentId, recipient: OrganisationId) -> wire::GrantConsentRequest {
    wire::GrantConsentRequest {
        request_id: request_id(),
        consent_id: String::new(),
        resident_id: resident.to_string(),
        recipient_organisation_id: recipient.to_string(),
        purpose: wire::ConsentPurpose::Referral.into(),
        until: Some(to_timestamp(now() + TimeDelta::days(30))),
        ..Default::default()
    }
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// An end that comes soon, but not before a busy machine has answered; see [`sleep_past`].
pub(crate) fn soon() -> prost_types::Timestamp {
    to_timestamp(now() + TimeDelta::seconds(3))
}

/// Sleeps until that end has passed.
pub(crate) async fn sleep_past(end: Option<prost_types::Timestamp>) {
    let end = proto::convert::timestamp("end", end.as_ref()).unwrap();
    let left = (end - now()).to_std().unwrap_or_default();
    tokio::time::sleep(left + std::time::Duration::from_millis(50)).await;
}

/// Code and stable reason of a refusal.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.expect_err("this should have been refused");
    (status.code(), testkit::reason(&status))
}

/// The field that a refusal names.
#[track_caller]
pub(crate) fn wrong_field<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    let status = result.expect_err("this should have been refused");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = status.get_details_bad_request().expect("a field is named").field_violations;
    violations.into_iter().map(|violation| violation.field).collect::<Vec<_>>().join(" ")
}

pub(crate) fn not_found(reason: &str) -> (Code, String) {
    (Code::NotFound, reason.to_owned())
}

pub(crate) fn denied(reason: &str) -> (Code, String) {
    (Code::PermissionDenied, reason.to_owned())
}

pub(crate) fn exists(reason: &str) -> (Code, String) {
    (Code::AlreadyExists, reason.to_owned())
}
