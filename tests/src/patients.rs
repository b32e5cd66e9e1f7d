//! Residents: retired, insured, with a consent for the hospital and a credit line.

use chrono::{NaiveDate, TimeDelta};
use devstack::callers::{Client, HOSPITAL, REGION};
use proto::anjia::common::v1::Scheme;
use proto::anjia::identity::v1::consent_service_client::ConsentServiceClient;
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{
    ConsentPurpose, CoverLayer, EnrolResidentRequest, Enrolment, GrantConsentRequest, RegisterResidentRequest,
};
use proto::anjia::payment::v1::GrantCreditLineRequest;
use proto::anjia::payment::v1::bank_service_client::BankServiceClient;
use proto::google::r#type::Date;
use testkit::{TestCaller, request_id};
use types::ids::{CreditLineId, ResidentId};
use types::national_id::NationalId;
use uuid::Uuid;

use crate::{City, money, now};

const NAME: &str = "陈淑芬";
const CREDIT_LIMIT: &str = "60000.00";

/// A resident of the city who calls for herself.
#[derive(Clone)]
pub struct Patient {
    pub id: ResidentId,
    pub national_id: NationalId,
    pub caller: TestCaller,
    pub credit_line: CreditLineId,
}

impl City {
    pub async fn patient(&self) -> Patient {
        self.patients(1).await.remove(0)
    }

    /// Several at once, which is quicker than one by one.
    pub async fn patients(&self, count: usize) -> Vec<Patient> {
        let ids: Vec<ResidentId> = (0..count).map(|_| ResidentId::generate()).collect();
        let clients = ids.iter().map(|id| Client::resident(&format!("patient-{}", id.uuid().simple()), id.uuid()));
        let callers = testkit::register_in(&self.mesh, clients.collect()).await;
        let mut patients = vec![];
        for (id, caller) in ids.into_iter().zip(callers) {
            let national_id = testkit::national_id(NaiveDate::from_ymd_opt(1954, 3, 1).expect("a day"));
            let patient = Patient { id, national_id, caller, credit_line: CreditLineId::generate() };
            self.settle_in(&patient).await;
            patients.push(patient);
        }
        patients
    }

    async fn settle_in(&self, patient: &Patient) {
        let resident =
            RegisterResidentRequest { resident_id: patient.id.to_string(), ..resident(&patient.national_id) };
        let request = self.caller("worker").request(resident).await;
        let mut residents = ResidentServiceClient::new(self.channel("identity"));
        residents.register_resident(request).await.expect("a resident is registered");

        let enrolment = Enrolment {
            resident_id: patient.id.to_string(),
            scheme: Scheme::Employee.into(),
            insured_region_code: REGION.to_owned(),
            layer: CoverLayer::Basic.into(),
            from: Some(Date { year: 2014, month: 3, day: 1 }),
            retired: true,
            ..Enrolment::default()
        };
        let message = EnrolResidentRequest { request_id: request_id(), enrolment: Some(enrolment) };
        let request = self.caller("insurer-proposer").request(message).await;
        let mut enrolments = EnrolmentServiceClient::new(self.channel("identity"));
        enrolments.enrol_resident(request).await.expect("a resident is enrolled");

        let request = patient.caller.request(consent(patient, HOSPITAL)).await;
        let mut consents = ConsentServiceClient::new(self.channel("identity"));
        consents.grant_consent(request).await.expect("a consent is granted");

        let line = credit_line(&patient.national_id);
        let line = GrantCreditLineRequest { credit_line_id: patient.credit_line.to_string(), ..line };
        let request = self.caller("bank").request(line).await;
        let mut bank = BankServiceClient::new(self.channel("payment"));
        bank.grant_credit_line(request).await.expect("a credit line is granted");
    }
}

/// To let an organisation see her health data for a referral.
pub fn consent(patient: &Patient, recipient: Uuid) -> GrantConsentRequest {
    GrantConsentRequest {
        request_id: request_id(),
        resident_id: patient.id.to_string(),
        recipient_organisation_id: recipient.to_string(),
        purpose: ConsentPurpose::Referral.into(),
        until: Some(proto::convert::to_timestamp(now() + TimeDelta::days(30))),
        ..GrantConsentRequest::default()
    }
}

/// To register a resident with this number.
pub fn resident(national_id: &NationalId) -> RegisterResidentRequest {
    RegisterResidentRequest {
        request_id: request_id(),
        national_id: national_id.expose().to_owned(),
        name: NAME.to_owned(),
        region_code: REGION.to_owned(),
        community: "展览路街道".to_owned(),
        ..RegisterResidentRequest::default()
    }
}

/// To grant the resident with this number a credit line.
pub fn credit_line(national_id: &NationalId) -> GrantCreditLineRequest {
    GrantCreditLineRequest {
        request_id: request_id(),
        credit_line_id: CreditLineId::generate().to_string(),
        national_id: national_id.expose().to_owned(),
        name: NAME.to_owned(),
        agreement_sha256: "ab".repeat(32),
        limit: money(CREDIT_LIMIT),
        until: Some(proto::convert::to_timestamp(now() + TimeDelta::days(300))),
    }
}
