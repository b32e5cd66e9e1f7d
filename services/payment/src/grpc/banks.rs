use std::sync::Arc;

use chassis::{Context, Permitted};
use postgres::Call;
use prost::Message as _;
use proto::anjia::payment::v1 as pb;
use proto::anjia::payment::v1::bank_service_server::BankService;
use proto::convert::id;
use tonic::{Request, Response, Status};

use super::convert;
use super::status::{Undecodable, refuse};
use crate::app::App;
use crate::domain::credit_line::{CreditLine, Standing, State};
use crate::domain::error::PaymentError;
use crate::domain::order::BankOrder;

/// `BankService`.
pub(super) struct Banks(pub(super) Arc<App>);

fn granted(line: &Permitted<CreditLine>) -> pb::GrantCreditLineResponse {
    // Its term was checked to lie ahead; granting anew does not lift a suspension.
    let state = match line.standing {
        Standing::Active => State::Active,
        Standing::Suspended => State::Suspended,
    };
    pb::GrantCreditLineResponse { credit_line: Some(convert::credit_line(line, state)) }
}

fn reported(order: &Permitted<BankOrder>) -> pb::ReportOrderResponse {
    pb::ReportOrderResponse { order: Some(convert::order(order)) }
}

impl Banks {
    async fn grant(
        &self,
        ctx: &Context,
        message: &pb::GrantCreditLineRequest,
    ) -> Result<pb::GrantCreditLineResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.BankService/GrantCreditLine", message, |line| {
            granted(line).encode_to_vec()
        })?;
        let reply = self.0.grant(ctx, &call, convert::grant(message)?).await?;
        reply.into_message(|line| granted(&line)).undecodable()
    }

    async fn query(
        &self,
        ctx: &Context,
        message: &pb::QueryOrdersRequest,
    ) -> Result<pb::QueryOrdersResponse, PaymentError> {
        let orders = self.0.query_orders(ctx, convert::query(message)?).await?;
        Ok(pb::QueryOrdersResponse { orders: orders.iter().map(|order| convert::order(order)).collect() })
    }

    async fn report(
        &self,
        ctx: &Context,
        message: &pb::ReportOrderRequest,
    ) -> Result<pb::ReportOrderResponse, PaymentError> {
        let call = Call::new(&ctx.caller, "anjia.payment.v1.BankService/ReportOrder", message, |order| {
            reported(order).encode_to_vec()
        })?;
        let reply = self.0.report(ctx, &call, convert::report(message)?).await?;
        reply.into_message(|order| reported(&order)).undecodable()
    }
}

#[tonic::async_trait]
impl BankService for Banks {
    async fn grant_credit_line(
        &self,
        request: Request<pb::GrantCreditLineRequest>,
    ) -> Result<Response<pb::GrantCreditLineResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.grant(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn get_credit_line(
        &self,
        request: Request<pb::GetCreditLineRequest>,
    ) -> Result<Response<pb::GetCreditLineResponse>, Status> {
        let ctx = Context::of(&request)?;
        let line_id = id("credit_line_id", &request.get_ref().credit_line_id).map_err(chassis::error::invalid)?;
        let (line, state) = self.0.get_credit_line(&ctx, line_id).await.map_err(refuse)?;
        Ok(Response::new(pb::GetCreditLineResponse { credit_line: Some(convert::credit_line(&line, state)) }))
    }

    async fn query_orders(
        &self,
        request: Request<pb::QueryOrdersRequest>,
    ) -> Result<Response<pb::QueryOrdersResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.query(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn report_order(
        &self,
        request: Request<pb::ReportOrderRequest>,
    ) -> Result<Response<pb::ReportOrderResponse>, Status> {
        let ctx = Context::of(&request)?;
        self.report(&ctx, request.get_ref()).await.map(Response::new).map_err(refuse)
    }
}
