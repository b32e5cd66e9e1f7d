//! From the clinic up to the hospital.

use devstack::callers::{CLINIC, HOSPITAL};
use proto::anjia::common::v1::CareKind;
use proto::anjia::referral::v1::referral_service_client::ReferralServiceClient;
use proto::anjia::referral::v1::{
    AcceptReferralRequest, Direction, GetReferralRequest, Mandate, PaymentArrangement, Referral, ReferralKind,
    SubmitReferralRequest, Urgency,
};
use proto::anjia::scheduling::v1::Visit;
use testkit::request_id;
use tonic::Status;

use crate::{City, Patient, diagnoses, expected, money};

impl City {
    /// A referral in the patient's own name after a visit at the clinic, whose own share may go on her credit line.
    pub async fn submit_referral(&self, patient: &Patient) -> Referral {
        let visit = self.visit(patient).await;
        let request = patient.caller.request(referral(patient, &visit)).await;
        let answer = self.referrals().submit_referral(request).await.expect("a referral is submitted");
        answer.into_inner().referral.expect("it answers the referral")
    }

    /// The hospital accepts into a bed. Answered as soon as the saga has begun.
    pub async fn accept(&self, referral: &Referral, slot_id: &str) -> Result<Referral, Status> {
        let request = self.caller("hospital").request(acceptance(referral, slot_id)).await;
        let answer = self.referrals().accept_referral(request).await?.into_inner();
        Ok(answer.referral.expect("it answers the referral"))
    }

    /// As the hospital sees it.
    pub async fn referral(&self, referral_id: &str) -> Result<Referral, Status> {
        let message = GetReferralRequest { referral_id: referral_id.to_owned() };
        let request = self.caller("hospital").request(message).await;
        let answer = self.referrals().get_referral(request).await?.into_inner();
        Ok(answer.referral.expect("it answers the referral"))
    }

    pub fn referrals(&self) -> ReferralServiceClient<chassis::channel::Channel> {
        ReferralServiceClient::new(self.channel("referral"))
    }
}

/// To accept a referral as it stands.
pub fn acceptance(referral: &Referral, slot_id: &str) -> AcceptReferralRequest {
    AcceptReferralRequest {
        request_id: request_id(),
        referral_id: referral.referral_id.clone(),
        version: referral.version,
        slot_id: slot_id.to_owned(),
        kind: CareKind::Inpatient.into(),
        expected_lines: expected("20000.00"),
    }
}

/// To refer her down again for recovery, in her own name, after the stay that she was referred up for.
pub fn referral_down(patient: &Patient, up: &Referral, stay: &Visit) -> SubmitReferralRequest {
    SubmitReferralRequest {
        direction: Direction::Down.into(),
        from_organisation_id: HOSPITAL.to_string(),
        to_organisation_id: CLINIC.to_string(),
        clinical_summary: "术后恢复良好，请社区随访。".to_owned(),
        mandate: Some(Mandate { payment: PaymentArrangement::Desk.into(), ..Mandate::default() }),
        previous_referral_id: up.referral_id.clone(),
        journey_id: up.journey_id.clone(),
        ..referral(patient, stay)
    }
}

/// To refer a patient up in her own name after a visit, the own share on her credit line.
pub fn referral(patient: &Patient, visit: &Visit) -> SubmitReferralRequest {
    SubmitReferralRequest {
        request_id: request_id(),
        resident_id: patient.id.to_string(),
        direction: Direction::Up.into(),
        kind: ReferralKind::Visit.into(),
        from_organisation_id: CLINIC.to_string(),
        to_organisation_id: HOSPITAL.to_string(),
        diagnoses: diagnoses(),
        urgency: Urgency::Routine.into(),
        clinical_summary: "胸闷一月，活动后加重。".to_owned(),
        mandate: Some(Mandate {
            payment: PaymentArrangement::Credit.into(),
            credit_line_id: patient.credit_line.to_string(),
            own_share_max: money("50000.00"),
            ..Mandate::default()
        }),
        visit_id: visit.visit_id.clone(),
        ..SubmitReferralRequest::default()
    }
}
