use chassis::{Context, channel::Channel};
use proto::{
    anjia::{
        common::v1::PageRequest,
        payment::v1::{self as wire, bill_service_client::BillServiceClient},
    },
    convert::{self, FieldError},
};
use types::{
    ids::{JourneyId, ResidentId},
    money::Money,
};
use uuid::Uuid;

use super::{PAGE_SIZE, PAGES_MAX, Setback, broken, setback, translate};
use crate::domain::{
    ReferralError,
    acceptance::{Answer, Call, Plan, request_id},
    journey::{Milestone, Resource},
    mandate,
};

const PEER: &str = "payment";

/// Payment: the reservation of the own share.
#[derive(Clone)]
pub struct Payment {
    bills: BillServiceClient<Channel>,
}

impl Payment {
    pub const AUTHORISE: &str = "anjia.payment.v1.BillService/AuthoriseBill";
    pub const CANCEL: &str = "anjia.payment.v1.BillService/CancelBill";

    pub fn new(channel: Channel) -> Self {
        Self { bills: BillServiceClient::new(channel) }
    }

    /// Reserves the own share of the quote on the mandated credit line.
    pub async fn authorise(&self, ctx: &Context, plan: &Plan, own_share: Money) -> Result<Answer, Setback> {
        let payers = match plan.mandate.payment {
            mandate::Payment::Credit { line, .. } => vec![wire::Share {
                payer: wire::Payer::Credit.into(),
                amount: Some(convert::to_money(own_share)),
                credit_line_id: line.to_string(),
            }],
            mandate::Payment::Desk => Vec::new(),
        };
        let request = wire::AuthoriseBillRequest {
            request_id: request_id(plan.saga, Call::Authorise { own_share }).to_string(),
            bill_id: plan.bill.to_string(),
            basis: Some(wire::authorise_bill_request::Basis::QuoteId(plan.quote.to_string())),
            payers,
        };
        let answer = self.bills.clone().authorise_bill(ctx.request(request)).await;
        answer.map(|_| Answer::Authorised).map_err(|status| setback(&status))
    }

    /// Gives the reservation up, also one that payment has not heard of yet.
    pub async fn cancel(&self, ctx: &Context, plan: &Plan) -> Result<Answer, Setback> {
        let request = wire::CancelBillRequest {
            request_id: request_id(plan.saga, Call::CancelBill).to_string(),
            bill_id: plan.bill.to_string(),
            resident_id: plan.resident.to_string(),
        };
        let answer = self.bills.clone().cancel_bill(ctx.request(request)).await;
        answer.map(|_| Answer::Undone).map_err(|status| setback(&status))
    }

    /// A resident's bills of one journey.
    pub async fn milestones(
        &self,
        ctx: &Context,
        resident: ResidentId,
        journey: JourneyId,
    ) -> Result<Vec<Milestone>, ReferralError> {
        let journey = journey.to_string();
        let mut found = Vec::new();
        let mut page_token = String::new();
        for _ in 0..PAGES_MAX {
            let request = wire::ListBillsRequest {
                resident_id: resident.to_string(),
                page: Some(PageRequest { page_size: PAGE_SIZE, page_token }),
                ..wire::ListBillsRequest::default()
            };
            let answer = self
                .bills
                .clone()
                .list_bills(ctx.request(request))
                .await
                .map_err(|status| translate(PEER, &status))?
                .into_inner();
            for bill in answer.bills.iter().filter(|bill| bill.journey_id == journey) {
                found.push(milestone(bill).map_err(broken(PEER))?);
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}

fn milestone(bill: &wire::Bill) -> Result<Milestone, FieldError> {
    let at = bill.captured_at.as_ref().or(bill.opened_at.as_ref());
    Ok(Milestone {
        at: convert::timestamp("opened_at", at)?,
        resource: Resource::Bill,
        id: convert::id::<Uuid>("bill_id", &bill.bill_id)?,
        state: bill.state().as_str_name().trim_start_matches("BILL_STATE_").to_owned(),
        organisation: convert::optional_id("payee_organisation_id", &bill.payee_organisation_id)?,
    })
}

chassis::watched! {
    /// Payment's audit, looked at in referral's own name.
    PaymentAudit, payment by referral
}
