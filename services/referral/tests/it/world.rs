//! What every test begins with: five services, a clinic, a district and a tertiary hospital, one resident.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chassis::channel::Channel;
use chrono::{DurationRound, NaiveDate, TimeDelta};
use proto::{
    anjia::{
        adjudication::v1::{CatalogueItem, PutCatalogueRequest, policy_service_client::PolicyServiceClient},
        common::v1::{CareKind, CatalogueClass, Diagnosis, ExpectedLine, Place, Tier},
        identity::v1::{
            ConsentPurpose, DelegatedAction, DelegationBasis, DelegationLimits, Department, GrantConsentRequest,
            GrantDelegationRequest, Organisation, OrganisationKind, RegisterOrganisationRequest,
            RegisterResidentRequest, consent_service_client::ConsentServiceClient,
            delegation_service_client::DelegationServiceClient, organisation_service_client::OrganisationServiceClient,
            resident_service_client::ResidentServiceClient,
        },
        payment::v1::{GrantCreditLineRequest, bank_service_client::BankServiceClient},
        referral::v1::{
            AcceptReferralRequest, Direction, GetReferralRequest, Mandate, PaymentArrangement, Referral, ReferralKind,
            ReferralState, SubmitReferralRequest, Urgency, referral_service_client::ReferralServiceClient,
        },
        scheduling::v1::{
            CheckInRequest, IdentityProof, Pool, PoolShare, Present, PublishSessionsRequest, Session,
            appointment_service_client::AppointmentServiceClient, session_service_client::SessionServiceClient,
            visit_service_client::VisitServiceClient,
        },
    },
    convert::{to_date, to_money, to_timestamp},
};
use testkit::{
    Mesh, TestCaller,
    callers::{self, BANK, CLINIC, Client, HOSPITAL, REGION, RESIDENT},
    request_id,
};
use tonic::Status;
use types::{
    clock::{Clock, SystemClock},
    credit_code::CreditCode,
    ids::{CreditLineId, DelegationId, ResidentId},
    money::Money,
    national_id::NationalId,
};
use uuid::{Uuid, uuid};

/// A district hospital that treats nothing but diabetes.
pub(crate) const DISTRICT: Uuid = uuid!("01930000-0000-7000-8000-00000000c00d");
/// The resident's visit at the clinic.
const VISIT: Uuid = uuid!("01930000-0000-7000-8000-00000000d001");
const NAME: &str = "陈淑芬";
const ITEM: &str = "T-C";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) mesh: Mesh,
    pub(crate) national_id: NationalId,
    /// Of everybody but the services.
    region: &'static str,
    /// The callers of the journey, where they are of another region than the services.
    elsewhere: BTreeMap<String, TestCaller>,
}

pub(crate) fn resident_id() -> ResidentId {
    ResidentId::from_uuid(RESIDENT)
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(REGION, &[]).await
    }

    /// As [`Self::start`], with everybody in this region; the services are of the region they always are.
    pub(crate) async fn start_in(region: &'static str) -> Self {
        Self::start_with(region, &[("REGIONS", region)]).await
    }

    async fn start_with(region: &'static str, settings: &[(&str, &str)]) -> Self {
        let services = ["identity", "scheduling", "adjudication", "payment", "referral"];
        let mesh = Mesh::start_with(&services, settings).await;
        let mut elsewhere = BTreeMap::new();
        if region != REGION {
            for client in callers::journey() {
                // The same party by another name: a client is of one region for good.
                let name = client.client_id.clone();
                let there = Client { client_id: format!("{name}-{region}"), region: region.to_owned(), ..client };
                elsewhere.insert(name, mesh.register(there).await);
            }
        }
        let national_id = testkit::national_id(NaiveDate::from_ymd_opt(1954, 3, 1).unwrap());
        let world = Self { mesh, national_id, region, elsewhere };
        world.organisation(BANK, "示范银行", "91110000400000003", None, &[]).await;
        world.organisation(CLINIC, "展览路社区卫生服务中心", "12110000400000001", Some(Tier::Community), &[]).await;
        world.organisation(HOSPITAL, "示范三级医院", "12110000400000002", Some(Tier::Tertiary), &["I25"]).await;
        world.organisation(DISTRICT, "示范区医院", "12110000400000005", Some(Tier::District), &["E11"]).await;
        world.resident().await;
        world.seen_at_the_clinic().await;
        world
    }

    pub(crate) fn caller(&self, client_id: &str) -> TestCaller {
        self.elsewhere.get(client_id).cloned().unwrap_or_else(|| self.mesh.caller(client_id))
    }

    pub(crate) fn referrals(&self) -> ReferralServiceClient<Channel> {
        ReferralServiceClient::new(self.mesh.channel("referral"))
    }

    pub(crate) fn appointments(&self) -> AppointmentServiceClient<Channel> {
        AppointmentServiceClient::new(self.mesh.channel("scheduling"))
    }

    pub(crate) fn delegations(&self) -> DelegationServiceClient<Channel> {
        DelegationServiceClient::new(self.mesh.channel("identity"))
    }

    async fn organisation(&self, id: Uuid, name: &str, code: &str, tier: Option<Tier>, capabilities: &[&str]) {
        let department = Department {
            department_id: Uuid::now_v7().to_string(),
            code: "0302".to_owned(),
            name: "内科".to_owned(),
            capabilities: capabilities.iter().map(ToString::to_string).collect(),
        };
        let kind = if tier.is_some() { OrganisationKind::Provider } else { OrganisationKind::Bank };
        let organisation = Organisation {
            organisation_id: id.to_string(),
            kind: kind.into(),
            name: name.to_owned(),
            credit_code: CreditCode::with_check_character(code).unwrap().to_string(),
            tier: tier.unwrap_or_default().into(),
            region_code: self.region.to_owned(),
            place: tier.map(place),
            designated_from: tier.map(|_| to_date(NaiveDate::from_ymd_opt(2020, 1, 1).unwrap())),
            departments: if capabilities.is_empty() { vec![] } else { vec![department] },
            ..Organisation::default()
        };
        let message = RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
        let request = self.caller("operator").request(message).await;
        OrganisationServiceClient::new(self.mesh.channel("identity")).register_organisation(request).await.unwrap();
    }

    async fn resident(&self) {
        let message = RegisterResidentRequest {
            request_id: request_id(),
            resident_id: RESIDENT.to_string(),
            national_id: self.national_id.expose().to_owned(),
            name: NAME.to_owned(),
            region_code: self.region.to_owned(),
            community: "展览路街道".to_owned(),
            ..RegisterResidentRequest::default()
        };
        let request = self.caller("worker").request(message).await;
        ResidentServiceClient::new(self.mesh.channel("identity")).register_resident(request).await.unwrap();
    }

    async fn seen_at_the_clinic(&self) {
        let message = CheckInRequest {
            request_id: request_id(),
            visit_id: VISIT.to_string(),
            resident_id: RESIDENT.to_string(),
            kind: CareKind::Outpatient.into(),
            provider_organisation_id: CLINIC.to_string(),
            present: Present::Self_.into(),
            identity_proof: IdentityProof::IdCard.into(),
            credential: Some(testkit::id_card(&self.national_id)),
            occurred_at: Some(to_timestamp(now() - TimeDelta::minutes(10))),
            ..CheckInRequest::default()
        };
        let request = self.caller("clinic").request(message).await;
        VisitServiceClient::new(self.mesh.channel("scheduling")).check_in(request).await.unwrap();
    }

    /// The resident lets a provider see her data for a referral.
    pub(crate) async fn consent(&self, recipient: Uuid) {
        let message = GrantConsentRequest {
            request_id: request_id(),
            resident_id: RESIDENT.to_string(),
            recipient_organisation_id: recipient.to_string(),
            purpose: ConsentPurpose::Referral.into(),
            until: Some(to_timestamp(now() + TimeDelta::days(30))),
            ..GrantConsentRequest::default()
        };
        let request = self.caller("resident").request(message).await;
        ConsentServiceClient::new(self.mesh.channel("identity")).grant_consent(request).await.unwrap();
    }

    /// The resident lets the family doctor act for her.
    pub(crate) async fn delegate(&self, actions: &[DelegatedAction]) -> (TestCaller, DelegationId) {
        self.delegate_within(actions, None).await
    }

    /// The same within limits.
    pub(crate) async fn delegate_within(
        &self,
        actions: &[DelegatedAction],
        limits: Option<DelegationLimits>,
    ) -> (TestCaller, DelegationId) {
        let doctor = self.caller("clinic");
        let id = DelegationId::generate();
        let message = GrantDelegationRequest {
            request_id: request_id(),
            delegation_id: id.to_string(),
            resident_id: RESIDENT.to_string(),
            delegate: doctor.party().to_owned(),
            basis: DelegationBasis::Granted.into(),
            actions: actions.iter().map(|action| i32::from(*action)).collect(),
            until: Some(to_timestamp(now() + TimeDelta::days(1))),
            evidence: "SELF".to_owned(),
            limits,
            ..GrantDelegationRequest::default()
        };
        let request = self.caller("resident").request(message).await;
        self.delegations().grant_delegation(request).await.unwrap();
        (doctor.acting_for(resident_id(), id), id)
    }

    /// A credit line of the resident.
    pub(crate) async fn credit_line(&self, limit: Money) -> CreditLineId {
        let id = CreditLineId::generate();
        let message = GrantCreditLineRequest {
            request_id: request_id(),
            credit_line_id: id.to_string(),
            national_id: self.national_id.expose().to_owned(),
            name: NAME.to_owned(),
            agreement_sha256: "ab".repeat(32),
            limit: Some(to_money(limit)),
            until: Some(to_timestamp(now() + TimeDelta::days(300))),
        };
        let request = self.caller("bank").request(message).await;
        BankServiceClient::new(self.mesh.channel("payment")).grant_credit_line(request).await.unwrap();
        id
    }

    /// What the expected line may be priced with: an item that is the patient's own.
    pub(crate) async fn catalogue(&self) {
        let item = CatalogueItem {
            item_code: ITEM.to_owned(),
            name: "示范项目".to_owned(),
            catalogue_class: CatalogueClass::C.into(),
            first_self_pay_ratio: String::new(),
            price_limit: None,
        };
        let message = PutCatalogueRequest {
            request_id: request_id(),
            region_code: self.region.to_owned(),
            effective_from: Some(proto::google::r#type::Date { year: 2023, month: 1, day: 1 }),
            items: vec![item],
        };
        let request = self.caller("insurer-proposer").request(message).await;
        PolicyServiceClient::new(self.mesh.channel("adjudication")).put_catalogue(request).await.unwrap();
    }

    /// Referral slots of the tertiary hospital, one place each.
    pub(crate) async fn ward(&self) -> Vec<String> {
        let hour = (now() + TimeDelta::hours(3)).duration_trunc(TimeDelta::hours(1)).unwrap();
        let session = Session {
            provider_organisation_id: HOSPITAL.to_string(),
            kinds: vec![CareKind::Inpatient.into()],
            starts_at: Some(to_timestamp(hour)),
            ends_at: Some(to_timestamp(hour + TimeDelta::hours(4))),
            slot_length_minutes: 30,
            pools: vec![PoolShare { pool: Pool::Referral.into(), places: 1 }],
            ..Session::default()
        };
        let message = PublishSessionsRequest { request_id: request_id(), sessions: vec![session] };
        let request = self.caller("hospital").request(message).await;
        let published =
            SessionServiceClient::new(self.mesh.channel("scheduling")).publish_sessions(request).await.unwrap();
        published.into_inner().slots.into_iter().map(|slot| slot.slot_id).collect()
    }

    pub(crate) async fn submit(&self, caller: &TestCaller, message: SubmitReferralRequest) -> Result<Referral, Status> {
        let answer = self.referrals().submit_referral(caller.request(message).await).await?;
        Ok(answer.into_inner().referral.unwrap())
    }

    /// Submitted by the resident herself, with her consent, to be paid at the desk.
    pub(crate) async fn submitted(&self) -> Referral {
        self.consent(HOSPITAL).await;
        self.submit(&self.caller("resident"), referral(desk())).await.unwrap()
    }

    pub(crate) async fn accept(&self, message: AcceptReferralRequest) -> Result<Referral, Status> {
        let answer = self.referrals().accept_referral(self.caller("hospital").request(message).await).await?;
        Ok(answer.into_inner().referral.unwrap())
    }

    pub(crate) async fn get(&self, caller: &TestCaller, referral_id: &str) -> Result<Referral, Status> {
        let message = GetReferralRequest { referral_id: referral_id.to_owned() };
        Ok(self.referrals().get_referral(caller.request(message).await).await?.into_inner().referral.unwrap())
    }

    /// As the hospital sees it once it has left `state`.
    pub(crate) async fn left(&self, state: ReferralState, referral_id: &str) -> Referral {
        let since = Instant::now();
        loop {
            let referral = self.get(&self.caller("hospital"), referral_id).await.unwrap();
            if referral.state() != state {
                return referral;
            }
            assert!(since.elapsed() < PATIENCE, "still {state:?}: {}", self.mesh.log("referral"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Accepted and arranged, or undone.
    pub(crate) async fn decided(&self, message: AcceptReferralRequest) -> Referral {
        let accepting = self.accept(message).await.unwrap();
        assert_eq!(accepting.state(), ReferralState::Accepting);
        self.left(ReferralState::Accepting, &accepting.referral_id).await
    }
}

/// The higher the tier, the further east.
fn place(tier: Tier) -> Place {
    let longitude = match tier {
        Tier::Unspecified | Tier::Community => 116.34,
        Tier::District => 116.36,
        Tier::Tertiary => 116.37,
    };
    Place { latitude: 39.93, longitude }
}

pub(crate) fn now() -> chrono::DateTime<chrono::Utc> {
    SystemClock.now()
}

pub(crate) fn yuan(yuan: i64) -> Money {
    Money::from_fen(yuan * 100)
}

pub(crate) fn desk() -> Mandate {
    Mandate { payment: PaymentArrangement::Desk.into(), ..Mandate::default() }
}

pub(crate) fn credit(line: CreditLineId, own_share_max: Money) -> Mandate {
    Mandate {
        payment: PaymentArrangement::Credit.into(),
        credit_line_id: line.to_string(),
        own_share_max: Some(to_money(own_share_max)),
        ..Mandate::default()
    }
}

/// Up from the clinic, which saw her, to the tertiary hospital.
pub(crate) fn referral(mandate: Mandate) -> SubmitReferralRequest {
    SubmitReferralRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        direction: Direction::Up.into(),
        kind: ReferralKind::Visit.into(),
        from_organisation_id: CLINIC.to_string(),
        to_organisation_id: HOSPITAL.to_string(),
        diagnoses: vec![Diagnosis { icd10_code: "I25.103".to_owned(), name: "冠心病".to_owned() }],
        urgency: Urgency::Routine.into(),
        clinical_summary: "胸闷一月，\n活动后加重。".to_owned(),
        mandate: Some(mandate),
        visit_id: VISIT.to_string(),
        ..SubmitReferralRequest::default()
    }
}

/// Without a price.
pub(crate) fn acceptance(referral: &Referral, slot_id: &str) -> AcceptReferralRequest {
    AcceptReferralRequest {
        request_id: request_id(),
        referral_id: referral.referral_id.clone(),
        version: referral.version,
        slot_id: slot_id.to_owned(),
        kind: CareKind::Inpatient.into(),
        expected_lines: vec![],
    }
}

/// With an expected price that is all the patient's own.
pub(crate) fn priced(referral: &Referral, slot_id: &str, price: &str) -> AcceptReferralRequest {
    let line = ExpectedLine { item_code: ITEM.to_owned(), quantity: "1".to_owned(), unit_price: price.to_owned() };
    AcceptReferralRequest { expected_lines: vec![line], ..acceptance(referral, slot_id) }
}
