use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message as _;
use proto::anjia::adjudication::v1::adjudication_service_server::AdjudicationService;
use proto::anjia::adjudication::v1::{
    ConfirmSettlementRequest, ConfirmSettlementResponse, CorrectClaimRequest, CorrectClaimResponse, DivideClaimRequest,
    DivideClaimResponse, GetClaimRequest, GetClaimResponse, GetClearingRequest, GetClearingResponse,
    GetExplanationRequest, GetExplanationResponse, GetQuoteRequest, GetQuoteResponse, GetSettlementRequest,
    GetSettlementResponse, ListClaimsRequest, ListClaimsResponse, QuoteCareRequest, QuoteCareResponse,
    ReverseSettlementRequest, ReverseSettlementResponse,
};
use proto::convert as wire;
use tonic::{Request, Response, Status};

use super::policies::answer;
use super::{benefits, convert, encode};
use crate::app::{App, Divided};
use crate::domain::quote::Quote;
use crate::domain::settlement::Settlement;

const QUOTE: &str = "anjia.adjudication.v1.AdjudicationService/QuoteCare";
const DIVIDE: &str = "anjia.adjudication.v1.AdjudicationService/DivideClaim";
const CORRECT: &str = "anjia.adjudication.v1.AdjudicationService/CorrectClaim";
const REVERSE: &str = "anjia.adjudication.v1.AdjudicationService/ReverseSettlement";
const CONFIRM: &str = "anjia.adjudication.v1.AdjudicationService/ConfirmSettlement";

/// `AdjudicationService`.
pub(super) struct Adjudications(pub(super) App);

#[tonic::async_trait]
impl AdjudicationService for Adjudications {
    async fn quote_care(&self, request: Request<QuoteCareRequest>) -> Result<Response<QuoteCareResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, QUOTE, &message, |quote| quoted(quote).encode_to_vec()).map_err(error::invalid)?;
        let asked = convert::quote(&message).map_err(error::invalid)?;
        let reply = self.0.quote_care(&ctx, &call, asked).await?;
        answer(reply.into_message(|quote| quoted(&quote)))
    }

    async fn get_quote(&self, request: Request<GetQuoteRequest>) -> Result<Response<GetQuoteResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = wire::id("quote_id", &request.get_ref().quote_id).map_err(error::invalid)?;
        let quote = self.0.quote(&ctx, id).await?;
        Ok(Response::new(GetQuoteResponse { quote: Some(encode::quote(&quote)) }))
    }

    async fn divide_claim(
        &self,
        request: Request<DivideClaimRequest>,
    ) -> Result<Response<DivideClaimResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, DIVIDE, &message, |divided| divided_claim(divided).encode_to_vec())
            .map_err(error::invalid)?;
        let billed = convert::claim(&message).map_err(error::invalid)?;
        let reply = self.0.divide_claim(&ctx, &call, billed).await?;
        answer(reply.into_message(|divided| divided_claim(&divided)))
    }

    async fn confirm_settlement(
        &self,
        request: Request<ConfirmSettlementRequest>,
    ) -> Result<Response<ConfirmSettlementResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, CONFIRM, &message, |settlement| confirmed(settlement).encode_to_vec())
            .map_err(error::invalid)?;
        let id = wire::id("settlement_id", &message.settlement_id).map_err(error::invalid)?;
        let bill = wire::id("bill_id", &message.bill_id).map_err(error::invalid)?;
        let reply = self.0.confirm_settlement(&ctx, &call, id, bill).await?;
        answer(reply.into_message(|settlement| confirmed(&settlement)))
    }

    async fn reverse_settlement(
        &self,
        request: Request<ReverseSettlementRequest>,
    ) -> Result<Response<ReverseSettlementResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, REVERSE, &message, |settlement| reversed(settlement).encode_to_vec())
            .map_err(error::invalid)?;
        let id = wire::id("settlement_id", &message.settlement_id).map_err(error::invalid)?;
        let bill = wire::id("bill_id", &message.bill_id).map_err(error::invalid)?;
        let reason = convert::reason(message.reason).map_err(error::invalid)?;
        let reply = self.0.reverse_settlement(&ctx, &call, id, bill, reason).await?;
        answer(reply.into_message(|settlement| reversed(&settlement)))
    }

    async fn correct_claim(
        &self,
        request: Request<CorrectClaimRequest>,
    ) -> Result<Response<CorrectClaimResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, CORRECT, &message, |divided| corrected(divided).encode_to_vec())
            .map_err(error::invalid)?;
        let correction = convert::correction(&message).map_err(error::invalid)?;
        let reply = Box::pin(self.0.correct_claim(&ctx, &call, correction)).await?;
        answer(reply.into_message(|divided| corrected(&divided)))
    }

    async fn get_explanation(
        &self,
        request: Request<GetExplanationRequest>,
    ) -> Result<Response<GetExplanationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = wire::id("settlement_id", &request.get_ref().settlement_id).map_err(error::invalid)?;
        let explained = self.0.explanation(&ctx, id).await?;
        Ok(Response::new(GetExplanationResponse { explanation: Some(benefits::explanation(&explained)) }))
    }

    async fn get_clearing(
        &self,
        request: Request<GetClearingRequest>,
    ) -> Result<Response<GetClearingResponse>, Status> {
        let ctx = Context::of(&request)?;
        let month = convert::month(&request.get_ref().month).map_err(error::invalid)?;
        let clearing = self.0.clearing(&ctx, month).await?;
        Ok(Response::new(GetClearingResponse { clearing: Some(benefits::clearing(&clearing)) }))
    }

    async fn get_settlement(
        &self,
        request: Request<GetSettlementRequest>,
    ) -> Result<Response<GetSettlementResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = wire::id("settlement_id", &request.get_ref().settlement_id).map_err(error::invalid)?;
        let settlement = self.0.settlement(&ctx, id).await?;
        Ok(Response::new(GetSettlementResponse { settlement: Some(encode::settlement(&settlement)) }))
    }

    async fn get_claim(&self, request: Request<GetClaimRequest>) -> Result<Response<GetClaimResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = wire::id("claim_id", &request.get_ref().claim_id).map_err(error::invalid)?;
        let claim = self.0.claim(&ctx, id).await?;
        Ok(Response::new(GetClaimResponse { claim: Some(encode::claim(&claim)) }))
    }

    async fn list_claims(&self, request: Request<ListClaimsRequest>) -> Result<Response<ListClaimsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let list = convert::claims(request.get_ref()).map_err(error::invalid)?;
        let page = self.0.claims(&ctx, list).await?;
        Ok(Response::new(ListClaimsResponse {
            claims: page.items.iter().map(|claim| encode::claim(claim)).collect(),
            next_page_token: page.next_page_token,
        }))
    }
}

fn quoted(quote: &Permitted<Quote>) -> QuoteCareResponse {
    QuoteCareResponse { quote: Some(encode::quote(quote)) }
}

fn divided_claim(divided: &Permitted<Divided>) -> DivideClaimResponse {
    DivideClaimResponse {
        claim: Some(encode::claim(&divided.claim)),
        settlement: Some(encode::settlement(&divided.settlement)),
    }
}

fn corrected(divided: &Permitted<Divided>) -> CorrectClaimResponse {
    CorrectClaimResponse {
        claim: Some(encode::claim(&divided.claim)),
        settlement: Some(encode::settlement(&divided.settlement)),
    }
}

fn reversed(settlement: &Permitted<Settlement>) -> ReverseSettlementResponse {
    ReverseSettlementResponse { settlement: Some(encode::settlement(settlement)) }
}

fn confirmed(settlement: &Permitted<Settlement>) -> ConfirmSettlementResponse {
    ConfirmSettlementResponse { settlement: Some(encode::settlement(settlement)) }
}
