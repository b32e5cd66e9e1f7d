//! Bills on a patient's credit line.

use proto::anjia::adjudication::v1::Settlement;
use proto::anjia::payment::v1::authorise_bill_request::Basis;
use proto::anjia::payment::v1::bill_service_client::BillServiceClient;
use proto::anjia::payment::v1::{AuthoriseBillRequest, Bill, CaptureBillRequest, GetBillRequest, Payer, Share};
use testkit::request_id;
use tonic::Status;

use crate::{City, Patient};

impl City {
    pub fn bills(&self) -> BillServiceClient<chassis::channel::Channel> {
        BillServiceClient::new(self.channel("payment"))
    }

    /// The patient's own share of a settlement, reserved on her credit line.
    pub async fn authorise(&self, patient: &Patient, settlement: &Settlement) -> Result<Bill, Status> {
        let request = patient.caller.request(on_credit(patient, settlement)).await;
        let answer = self.bills().authorise_bill(request).await?.into_inner();
        Ok(answer.bill.expect("it answers the bill"))
    }

    /// Answered as soon as the capture has begun.
    pub async fn capture(&self, bill: &Bill) -> Result<Bill, Status> {
        let message = CaptureBillRequest { request_id: request_id(), bill_id: bill.bill_id.clone() };
        let request = self.caller("clinic").request(message).await;
        let answer = self.bills().capture_bill(request).await?.into_inner();
        Ok(answer.bill.expect("it answers the bill"))
    }

    pub async fn bill(&self, patient: &Patient, bill_id: &str) -> Result<Bill, Status> {
        let request = patient.caller.request(GetBillRequest { bill_id: bill_id.to_owned() }).await;
        let answer = self.bills().get_bill(request).await?.into_inner();
        Ok(answer.bill.expect("it answers the bill"))
    }
}

/// To put the person's share of a settlement on her credit line.
pub fn on_credit(patient: &Patient, settlement: &Settlement) -> AuthoriseBillRequest {
    let division = settlement.division.as_ref().expect("a settlement is divided");
    let share = Share {
        payer: Payer::Credit.into(),
        amount: division.person_total.clone(),
        credit_line_id: patient.credit_line.to_string(),
    };
    AuthoriseBillRequest {
        request_id: request_id(),
        basis: Some(Basis::SettlementId(settlement.settlement_id.clone())),
        payers: vec![share],
        ..AuthoriseBillRequest::default()
    }
}
