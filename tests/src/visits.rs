//! Walk-in visits at the clinic, and what they cost.

use devstack::callers::CLINIC;
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::{ClaimLine, DivideClaimRequest, Settlement};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::anjia::scheduling::v1::{CheckInRequest, EndVisitRequest, IdentityProof, Present, Visit, VisitOutcome};
use testkit::{id_card, request_id};

use crate::{City, ITEM_IN_SCOPE, Patient, diagnoses, in_minutes, money, now};

impl City {
    /// A walk-in a while ago, already over.
    pub async fn visit(&self, patient: &Patient) -> Visit {
        let mut visits = VisitServiceClient::new(self.channel("scheduling"));
        let request = self.caller("clinic").request(walk_in(patient)).await;
        let open = visits
            .check_in(request)
            .await
            .expect("a patient is checked in")
            .into_inner()
            .visit
            .expect("it answers the visit");
        let end = EndVisitRequest {
            request_id: request_id(),
            visit_id: open.visit_id,
            outcome: VisitOutcome::Completed.into(),
            occurred_at: Some(in_minutes(-5)),
            reason: String::new(),
        };
        let request = self.caller("clinic").request(end).await;
        let ended = visits.end_visit(request).await.expect("a visit ends").into_inner();
        ended.visit.expect("it answers the visit")
    }

    /// The clinic's claim for that visit, divided.
    pub async fn settlement(&self, visit: &Visit, yuan: &str) -> Settlement {
        let mut claims = AdjudicationServiceClient::new(self.channel("adjudication"));
        let request = self.caller("clinic").request(claim(&visit.visit_id, yuan)).await;
        let divided = claims.divide_claim(request).await.expect("a claim is divided").into_inner();
        divided.settlement.expect("it answers the settlement")
    }
}

/// To check a patient in who has no appointment.
pub fn walk_in(patient: &Patient) -> CheckInRequest {
    CheckInRequest {
        request_id: request_id(),
        resident_id: patient.id.to_string(),
        kind: CareKind::Outpatient.into(),
        provider_organisation_id: CLINIC.to_string(),
        present: Present::Self_.into(),
        identity_proof: IdentityProof::IdCard.into(),
        credential: Some(id_card(&patient.national_id)),
        occurred_at: Some(in_minutes(-10)),
        ..CheckInRequest::default()
    }
}

/// To claim one line of a visit that ended minutes ago.
pub fn claim(visit_id: &str, yuan: &str) -> DivideClaimRequest {
    let day = types::clock::local_date(now() - chrono::TimeDelta::minutes(5));
    let line = ClaimLine {
        item_code: ITEM_IN_SCOPE.to_owned(),
        quantity: "1".to_owned(),
        unit_price: yuan.to_owned(),
        amount: money(yuan),
        on: Some(proto::convert::to_date(day)),
    };
    DivideClaimRequest {
        request_id: request_id(),
        visit_id: visit_id.to_owned(),
        diagnoses: diagnoses(),
        lines: vec![line],
        total: money(yuan),
        ..DivideClaimRequest::default()
    }
}
