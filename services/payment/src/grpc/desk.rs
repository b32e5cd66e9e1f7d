use std::sync::Arc;

use chassis::{Context, Permitted};
use postgres::Call;
use postgres::paging::PageRequest;
use prost::Message as _;
use proto::anjia::payment::v1 as pb;
use proto::anjia::payment::v1::desk_service_server::DeskService;
use proto::convert::{FieldError, id, money, optional_id, optional_text, to_money, to_timestamp};
use proto::google::r#type::Money as MoneyWire;
use tonic::{Request, Response, Status};

use super::convert;
use super::status::{Undecodable, refuse};
use crate::app::{App, Collect, ListKey, OpenPayout, Witness};
use crate::domain::bill::Bill;
use crate::domain::desk::{Means, Payout, PayoutState, Taken};
use crate::domain::error::PaymentError;

const REFERENCE_LENGTH_MAX: usize = 64;

/// `DeskService`.
pub(super) struct Desks(pub(super) Arc<App>);

fn collected(bill: &Permitted<Bill>) -> pb::CollectArrearsResponse {
    pb::CollectArrearsResponse { bill: Some(convert::bill(bill)) }
}

fn opened(payout: &Permitted<Payout>) -> pb::OpenPayoutResponse {
    pb::OpenPayoutResponse { payout: Some(wire(payout)) }
}

fn witnessed(payout: &Permitted<Payout>) -> pb::WitnessPayoutResponse {
    pb::WitnessPayoutResponse { payout: Some(wire(payout)) }
}

fn taken(amount: Option<&MoneyWire>, means: i32, reference: &str) -> Result<Taken, FieldError> {
    let amount = money("amount", amount)?;
    if !amount.is_positive() {
        return Err(FieldError::new("amount", "must be more than nothing"));
    }
    let means = match pb::DeskMeans::try_from(means) {
        Ok(pb::DeskMeans::Cash) => Means::Cash,
        Ok(pb::DeskMeans::Card) => Means::Card,
        _ => return Err(FieldError::new("means", "must be CASH or CARD")),
    };
    let reference = optional_text("reference", reference, REFERENCE_LENGTH_MAX)?;
    match (means, reference.is_empty()) {
        (Means::Cash, false) => Err(FieldError::new("reference", "must be empty for CASH")),
        (Means::Card, true) => Err(FieldError::new("reference", "is required of CARD")),
        _ => Ok(Taken { amount, means, reference }),
    }
}

fn seen(ctx: &Context, payout: &Payout) -> pb::Payout {
    let told = wire(payout);
    if payout.names_desk_to(&ctx.caller) {
        told
    } else {
        pb::Payout { opened_by: String::new(), witnessed_by: String::new(), ..told }
    }
}

fn wire(payout: &Payout) -> pb::Payout {
    let (state, paid) = match &payout.state {
        PayoutState::Open => (pb::PayoutState::Open, None),
        PayoutState::Replaced => (pb::PayoutState::Replaced, None),
        PayoutState::Paid { at, witness, receipt, .. } => (pb::PayoutState::Paid, Some((*at, witness, *receipt))),
    };
    let means = match payout.given.means {
        Means::Cash => pb::DeskMeans::Cash,
        Means::Card => pb::DeskMeans::Card,
    };
    pb::Payout {
        payout_id: payout.id.to_string(),
        bill_id: payout.bill.to_string(),
        resident_id: payout.resident.to_string(),
        payee_organisation_id: payout.payee.to_string(),
        amount: Some(to_money(payout.given.amount)),
        means: means.into(),
        reference: payout.given.reference.clone(),
        state: state.into(),
        opened_at: Some(to_timestamp(payout.opened_at)),
        paid_at: paid.map(|(at, ..)| to_timestamp(at)),
        receipt_id: paid.map(|(.., receipt)| receipt.to_string()).unwrap_or_default(),
        opened_by: payout.opened_by.to_string(),
        witnessed_by: paid.map(|(_, witness, _)| witness.to_string()).unwrap_or_default(),
    }
}

impl Desks {
    async fn collect(
        &self,
        ctx: &Context,
        message: &pb::CollectArrearsRequest,
    ) -> Result<pb::CollectArrearsResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.DeskService/CollectArrears", message, |bill| {
            collected(bill).encode_to_vec()
        })?;
        let asked = Collect {
            bill: id("bill_id", &message.bill_id)?,
            taken: taken(message.amount.as_ref(), message.means, &message.reference)?,
        };
        let reply = self.0.collect_arrears(ctx, &call, asked).await?;
        reply.into_message(|bill| collected(&bill)).undecodable()
    }

    async fn open(
        &self,
        ctx: &Context,
        message: &pb::OpenPayoutRequest,
    ) -> Result<pb::OpenPayoutResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.DeskService/OpenPayout", message, |payout| {
            opened(payout).encode_to_vec()
        })?;
        let asked = OpenPayout {
            id: optional_id("payout_id", &message.payout_id)?,
            bill: id("bill_id", &message.bill_id)?,
            given: taken(message.amount.as_ref(), message.means, &message.reference)?,
        };
        let reply = self.0.open_payout(ctx, &call, asked).await?;
        reply.into_message(|payout| opened(&payout)).undecodable()
    }

    async fn witness(
        &self,
        ctx: &Context,
        message: &pb::WitnessPayoutRequest,
    ) -> Result<pb::WitnessPayoutResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.DeskService/WitnessPayout", message, |payout| {
            witnessed(payout).encode_to_vec()
        })?;
        let asked =
            Witness { payout: id("payout_id", &message.payout_id)?, seen: money("amount", message.amount.as_ref())? };
        let reply = self.0.witness_payout(ctx, &call, asked).await?;
        reply.into_message(|payout| witnessed(&payout)).undecodable()
    }

    async fn list(
        &self,
        ctx: &Context,
        message: &pb::ListPayoutsRequest,
    ) -> Result<pb::ListPayoutsResponse, PaymentError> {
        let whose = convert::whose(&message.resident_id, &message.payee_organisation_id)?;
        let asked = message.page.clone().unwrap_or_default();
        let query = pb::ListPayoutsRequest { page: None, ..message.clone() }.encode_to_vec();
        let page: PageRequest<ListKey> =
            PageRequest::parse(asked.page_size, &asked.page_token, &query).map_err(|error| error.within("page"))?;
        let found = self.0.list_payouts(ctx, whose, &page).await?.map(|payout| seen(ctx, &payout));
        Ok(pb::ListPayoutsResponse { payouts: found.items, next_page_token: found.next_page_token })
    }
}

#[tonic::async_trait]
impl DeskService for Desks {
    async fn collect_arrears(
        &self,
        request: Request<pb::CollectArrearsRequest>,
    ) -> Result<Response<pb::CollectArrearsResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.collect(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn open_payout(
        &self,
        request: Request<pb::OpenPayoutRequest>,
    ) -> Result<Response<pb::OpenPayoutResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.open(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn witness_payout(
        &self,
        request: Request<pb::WitnessPayoutRequest>,
    ) -> Result<Response<pb::WitnessPayoutResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.witness(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn get_payout(
        &self,
        request: Request<pb::GetPayoutRequest>,
    ) -> Result<Response<pb::GetPayoutResponse>, Status> {
        let ctx = Context::of(&request)?;
        let payout_id = id("payout_id", &request.get_ref().payout_id).map_err(chassis::error::invalid)?;
        let payout = self.0.get_payout(&ctx, payout_id).await.map_err(refuse)?;
        Ok(Response::new(pb::GetPayoutResponse { payout: Some(seen(&ctx, &payout)) }))
    }

    async fn list_payouts(
        &self,
        request: Request<pb::ListPayoutsRequest>,
    ) -> Result<Response<pb::ListPayoutsResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.list(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }
}
