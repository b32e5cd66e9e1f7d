//! What the city has before anybody pays: organisations, an insured resident, a policy, a catalogue; places to book.

use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use proto::anjia::adjudication::v1 as adjudication;
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::common::v1 as common;
use proto::anjia::identity::v1 as identity;
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::scheduling::v1 as scheduling;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::convert::{to_date, to_timestamp};
use testkit::{callers, request_id};
use types::clock::{Clock as _, SystemClock};
use types::credit_code::CreditCode;
use types::ids::ResidentId;
use types::national_id::NationalId;

use crate::world::{ITEM, NAME, PATIENCE, World, resident};

pub(crate) const POLICY: &str = include_str!("../../../adjudication/policies/beijing-employee.json");

impl World {
    pub(crate) async fn organisation(&self, id: impl std::fmt::Display, kind: identity::OrganisationKind, code: &str) {
        let is_provider = kind == identity::OrganisationKind::Provider;
        let organisation = identity::Organisation {
            organisation_id: id.to_string(),
            kind: kind.into(),
            name: "试验机构".to_owned(),
            credit_code: CreditCode::with_check_character(&format!("{code}0")).expect("a valid code").to_string(),
            tier: if is_provider { common::Tier::Community.into() } else { 0 },
            region_code: "110000".to_owned(),
            place: is_provider.then_some(common::Place { latitude: 39.93, longitude: 116.35 }),
            designated_from: is_provider.then(|| to_date(NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date"))),
            ..Default::default()
        };
        let message =
            identity::RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
        let request = self.caller("operator").request(message).await;
        OrganisationServiceClient::new(self.mesh.channel("identity"))
            .register_organisation(request)
            .await
            .expect("the organisation is new");
    }

    pub(crate) async fn register(&self, id: ResidentId, national_id: &NationalId) {
        let message = identity::RegisterResidentRequest {
            request_id: request_id(),
            resident_id: id.to_string(),
            national_id: national_id.expose().to_owned(),
            name: NAME.to_owned(),
            region_code: "110000".to_owned(),
            community: "展览路街道".to_owned(),
            ..Default::default()
        };
        let request = self.caller("worker").request(message).await;
        ResidentServiceClient::new(self.mesh.channel("identity"))
            .register_resident(request)
            .await
            .expect("the resident is new");
    }

    pub(crate) async fn enrol(&self) {
        let enrolment = identity::Enrolment {
            resident_id: resident().to_string(),
            scheme: common::Scheme::Employee.into(),
            insured_region_code: "110000".to_owned(),
            layer: identity::CoverLayer::Basic.into(),
            from: Some(to_date(NaiveDate::from_ymd_opt(2010, 1, 1).expect("a date"))),
            retired: true,
            ..Default::default()
        };
        let message = identity::EnrolResidentRequest { request_id: request_id(), enrolment: Some(enrolment) };
        let request = self.caller("insurer-proposer").request(message).await;
        EnrolmentServiceClient::new(self.mesh.channel("identity")).enrol_resident(request).await.expect("not enrolled");
    }

    pub(crate) async fn policy(&self, document: &str) {
        let mut policies = PolicyServiceClient::new(self.mesh.channel("adjudication"));
        let message = adjudication::ProposePolicyRequest {
            request_id: request_id(),
            policy_id: String::new(),
            document_json: document.to_owned(),
        };
        let request = self.caller("insurer-proposer").request(message).await;
        let proposed = policies.propose_policy(request).await.expect("complete").into_inner();
        let policy_id = proposed.policy.unwrap_or_default().policy_id;
        let message = adjudication::ReleasePolicyRequest { request_id: request_id(), policy_id };
        let request = self.caller("insurer-releaser").request(message).await;
        policies.release_policy(request).await.expect("another officer releases it");
        let message = adjudication::PutCatalogueRequest {
            request_id: request_id(),
            region_code: "110000".to_owned(),
            effective_from: Some(to_date(NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date"))),
            items: vec![adjudication::CatalogueItem {
                item_code: ITEM.to_owned(),
                name: ITEM.to_owned(),
                catalogue_class: common::CatalogueClass::A.into(),
                first_self_pay_ratio: String::new(),
                price_limit: None,
            }],
        };
        let request = self.caller("insurer-proposer").request(message).await;
        policies.put_catalogue(request).await.expect("the item is new");
    }

    /// An appointment at the clinic, held by the resident.
    pub(crate) async fn appointment(&self) -> String {
        self.held(1, &[]).await
    }

    /// The same, so many days ahead, with these items expected.
    async fn held(&self, days: i64, items: &[&str]) -> String {
        let starts_at = SystemClock.now() + TimeDelta::days(days);
        let session = scheduling::Session {
            provider_organisation_id: callers::CLINIC.to_string(),
            kinds: vec![common::CareKind::Outpatient.into()],
            starts_at: Some(to_timestamp(starts_at)),
            ends_at: Some(to_timestamp(starts_at + TimeDelta::minutes(30))),
            slot_length_minutes: 30,
            pools: vec![scheduling::PoolShare { pool: scheduling::Pool::Public.into(), places: 1 }],
            ..Default::default()
        };
        let message = scheduling::PublishSessionsRequest { request_id: request_id(), sessions: vec![session] };
        let request = self.caller("clinic").request(message).await;
        let mut sessions = SessionServiceClient::new(self.mesh.channel("scheduling"));
        let slots = sessions.publish_sessions(request).await.expect("published").into_inner().slots;
        let message = scheduling::HoldSlotRequest {
            request_id: request_id(),
            resident_id: resident().to_string(),
            slot_id: slots[0].slot_id.clone(),
            kind: common::CareKind::Outpatient.into(),
            expected_lines: items
                .iter()
                .map(|item| common::ExpectedLine {
                    item_code: (*item).to_owned(),
                    quantity: "1".to_owned(),
                    unit_price: "25".to_owned(),
                })
                .collect(),
            ..Default::default()
        };
        let request = self.caller("resident").request(message).await;
        let held = self.appointments().hold_slot(request).await.expect("the place is free").into_inner();
        held.appointment.unwrap_or_default().appointment_id
    }

    /// The quote that follows an appointment, so many days ahead, that expects items which no catalogue knows, or none.
    pub(crate) async fn quote_of_cover_alone(&self, days: i64, items: &[&str]) -> adjudication::Quote {
        let appointment_id = self.held(days, items).await;
        let message =
            scheduling::ConfirmAppointmentRequest { request_id: request_id(), appointment_id: appointment_id.clone() };
        let request = self.caller("resident").request(message).await;
        self.appointments().confirm_appointment(request).await.expect("it is held");
        let waited = async {
            loop {
                let message = scheduling::GetAppointmentRequest { appointment_id: appointment_id.clone() };
                let request = self.caller("resident").request(message).await;
                let found = self.appointments().get_appointment(request).await.expect("the resident's own");
                let quote_id = found.into_inner().appointment.unwrap_or_default().quote_id;
                if !quote_id.is_empty() {
                    return quote_id;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let quote_id = tokio::time::timeout(PATIENCE, waited).await.expect("a quote follows");
        let request = self.caller("resident").request(adjudication::GetQuoteRequest { quote_id }).await;
        let found = self.adjudication().get_quote(request).await.expect("the resident's own").into_inner();
        found.quote.unwrap_or_default()
    }

    pub(crate) async fn cancel_appointment(&self, appointment_id: &str) {
        let message = scheduling::CancelAppointmentRequest {
            request_id: request_id(),
            appointment_id: appointment_id.to_owned(),
            reason: "otherwise engaged".to_owned(),
            resident_id: String::new(),
        };
        let request = self.caller("resident").request(message).await;
        self.appointments().cancel_appointment(request).await.expect("the resident's own");
    }

    fn appointments(&self) -> AppointmentServiceClient<chassis::channel::Channel> {
        AppointmentServiceClient::new(self.mesh.channel("scheduling"))
    }
}
