use std::sync::Arc;

use chassis::{Context, Permitted};
use postgres::Call;
use postgres::paging::PageRequest;
use prost::Message as _;
use proto::anjia::payment::v1 as pb;
use proto::anjia::payment::v1::bill_service_server::BillService;
use proto::convert::{id, optional_id, required};
use tonic::{Request, Response, Status};

use super::convert;
use super::status::{Undecodable, refuse};
use crate::app::{App, Cancel, ListKey, receipt_wire};
use crate::domain::bill::Bill;
use crate::domain::error::PaymentError;

/// `BillService`.
pub(super) struct Bills(pub(super) Arc<App>);

fn authorised(bill: &Permitted<Bill>) -> pb::AuthoriseBillResponse {
    pb::AuthoriseBillResponse { bill: Some(convert::bill(bill)) }
}

fn capturing(bill: &Permitted<Bill>) -> pb::CaptureBillResponse {
    pb::CaptureBillResponse { bill: Some(convert::bill(bill)) }
}

fn refunding(bill: &Permitted<Bill>) -> pb::RefundBillResponse {
    pb::RefundBillResponse { bill: Some(convert::bill(bill)) }
}

#[expect(clippy::ref_option, reason = "the form in which a call encodes its answer")]
fn cancelled(bill: &Option<Permitted<Bill>>) -> pb::CancelBillResponse {
    pb::CancelBillResponse { bill: bill.as_ref().map(|bill| convert::bill(bill)) }
}

impl Bills {
    async fn authorise(
        &self,
        ctx: &Context,
        message: &pb::AuthoriseBillRequest,
    ) -> Result<pb::AuthoriseBillResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.BillService/AuthoriseBill", message, |bill| {
            authorised(bill).encode_to_vec()
        })?;
        let reply = self.0.authorise(ctx, &call, convert::authorise(message)?).await?;
        reply.into_message(|bill| authorised(&bill)).undecodable()
    }

    async fn capture(
        &self,
        ctx: &Context,
        message: &pb::CaptureBillRequest,
    ) -> Result<pb::CaptureBillResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.BillService/CaptureBill", message, |bill| {
            capturing(bill).encode_to_vec()
        })?;
        let reply = self.0.capture(ctx, &call, id("bill_id", &message.bill_id)?).await?;
        reply.into_message(|bill| capturing(&bill)).undecodable()
    }

    async fn cancel(
        &self,
        ctx: &Context,
        message: &pb::CancelBillRequest,
    ) -> Result<pb::CancelBillResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.BillService/CancelBill", message, |bill| {
            cancelled(bill).encode_to_vec()
        })?;
        let asked = Cancel {
            bill: id("bill_id", &message.bill_id)?,
            resident: optional_id("resident_id", &message.resident_id)?,
        };
        let reply = self.0.cancel(ctx, &call, asked).await?;
        reply.into_message(|bill| cancelled(&bill)).undecodable()
    }

    async fn refund(
        &self,
        ctx: &Context,
        message: &pb::RefundBillRequest,
    ) -> Result<pb::RefundBillResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.BillService/RefundBill", message, |bill| {
            refunding(bill).encode_to_vec()
        })?;
        let reply = self.0.refund(ctx, &call, convert::refund(message)?).await?;
        reply.into_message(|bill| refunding(&bill)).undecodable()
    }

    async fn list(&self, ctx: &Context, message: &pb::ListBillsRequest) -> Result<pb::ListBillsResponse, PaymentError> {
        let whose = convert::whose(&message.resident_id, &message.payee_organisation_id)?;
        let asked = message.page.clone().unwrap_or_default();
        let query = pb::ListBillsRequest { page: None, ..message.clone() }.encode_to_vec();
        let page: PageRequest<ListKey> =
            PageRequest::parse(asked.page_size, &asked.page_token, &query).map_err(|error| error.within("page"))?;
        let found = self.0.list_bills(ctx, whose, &page).await?.map(|bill| convert::bill(&bill));
        Ok(pb::ListBillsResponse { bills: found.items, next_page_token: found.next_page_token })
    }

    async fn verify(
        &self,
        ctx: &Context,
        message: &pb::VerifyReceiptRequest,
    ) -> Result<pb::VerifyReceiptResponse, PaymentError> {
        let receipt = required("receipt", message.receipt.as_ref())?;
        let receipt_id = id("receipt.receipt_id", &receipt.receipt_id)?;
        let proof = self.0.verify_receipt(ctx, receipt_id, receipt).await?;
        Ok(pb::VerifyReceiptResponse {
            audit_position: proof.audit_position,
            audit_hash: hex::encode(proof.audit_hash),
        })
    }
}

#[tonic::async_trait]
impl BillService for Bills {
    async fn authorise_bill(
        &self,
        request: Request<pb::AuthoriseBillRequest>,
    ) -> Result<Response<pb::AuthoriseBillResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.authorise(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn capture_bill(
        &self,
        request: Request<pb::CaptureBillRequest>,
    ) -> Result<Response<pb::CaptureBillResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.capture(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn cancel_bill(
        &self,
        request: Request<pb::CancelBillRequest>,
    ) -> Result<Response<pb::CancelBillResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.cancel(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn refund_bill(
        &self,
        request: Request<pb::RefundBillRequest>,
    ) -> Result<Response<pb::RefundBillResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.refund(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn get_bill(&self, request: Request<pb::GetBillRequest>) -> Result<Response<pb::GetBillResponse>, Status> {
        let ctx = Context::of(&request)?;
        let bill_id = id("bill_id", &request.get_ref().bill_id).map_err(chassis::error::invalid)?;
        let bill = self.0.get_bill(&ctx, bill_id).await.map_err(refuse)?;
        Ok(Response::new(pb::GetBillResponse { bill: Some(convert::bill(&bill)) }))
    }

    async fn list_bills(
        &self,
        request: Request<pb::ListBillsRequest>,
    ) -> Result<Response<pb::ListBillsResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.list(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn get_receipt(
        &self,
        request: Request<pb::GetReceiptRequest>,
    ) -> Result<Response<pb::GetReceiptResponse>, Status> {
        let ctx = Context::of(&request)?;
        let receipt_id = id("receipt_id", &request.get_ref().receipt_id).map_err(chassis::error::invalid)?;
        let receipt = self.0.get_receipt(&ctx, receipt_id).await.map_err(refuse)?;
        Ok(Response::new(pb::GetReceiptResponse { receipt: Some(receipt_wire(&receipt)) }))
    }

    async fn verify_receipt(
        &self,
        request: Request<pb::VerifyReceiptRequest>,
    ) -> Result<Response<pb::VerifyReceiptResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.verify(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }
}
