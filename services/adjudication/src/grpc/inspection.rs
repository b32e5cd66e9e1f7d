use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message as _;
use proto::anjia::adjudication::v1::inspection_service_server::InspectionService;
use proto::anjia::adjudication::v1::{
    AnswerFindingRequest, AnswerFindingResponse, AppealFindingRequest, AppealFindingResponse, DecideFindingRequest,
    DecideFindingResponse, GetRulePrecisionRequest, GetRulePrecisionResponse, GetRulesRequest, GetRulesResponse,
    ListFindingsRequest, ListFindingsResponse, ProposeRuleBookRequest, ProposeRuleBookResponse, ReleaseRuleBookRequest,
    ReleaseRuleBookResponse,
};
use proto::convert as wire;
use tonic::{Request, Response, Status};

use super::convert::proposal;
use super::policies::answer;
use super::{convert_inspection as convert, encode_inspection as encode};
use crate::app::App;
use crate::domain::document::Version;
use crate::domain::finding::KeptFinding;
use crate::domain::inspection::RuleBook;

const PROPOSE: &str = "anjia.adjudication.v1.InspectionService/ProposeRuleBook";
const RELEASE: &str = "anjia.adjudication.v1.InspectionService/ReleaseRuleBook";
const DECIDE: &str = "anjia.adjudication.v1.InspectionService/DecideFinding";
const ANSWER: &str = "anjia.adjudication.v1.InspectionService/AnswerFinding";
const APPEAL: &str = "anjia.adjudication.v1.InspectionService/AppealFinding";

/// `InspectionService`.
pub(super) struct Inspections(pub(super) App);

#[tonic::async_trait]
impl InspectionService for Inspections {
    async fn propose_rule_book(
        &self,
        request: Request<ProposeRuleBookRequest>,
    ) -> Result<Response<ProposeRuleBookResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, PROPOSE, &message, |version| proposed(version).encode_to_vec())
            .map_err(error::invalid)?;
        let proposal =
            proposal("rule_book_id", &message.rule_book_id, &message.document_json).map_err(error::invalid)?;
        let reply = self.0.propose(&ctx, &call, proposal).await?;
        answer(reply.into_message(|version| proposed(&version)))
    }

    async fn release_rule_book(
        &self,
        request: Request<ReleaseRuleBookRequest>,
    ) -> Result<Response<ReleaseRuleBookResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, RELEASE, &message, |version| released(version).encode_to_vec())
            .map_err(error::invalid)?;
        let id = wire::id("rule_book_id", &message.rule_book_id).map_err(error::invalid)?;
        let reply = self.0.release(&ctx, &call, id).await?;
        answer(reply.into_message(|version| released(&version)))
    }

    async fn get_rules(&self, request: Request<GetRulesRequest>) -> Result<Response<GetRulesResponse>, Status> {
        let ctx = Context::of(&request)?;
        let standings = self.0.rules(&ctx).await?;
        Ok(Response::new(encode::rules(&standings)))
    }

    async fn list_findings(
        &self,
        request: Request<ListFindingsRequest>,
    ) -> Result<Response<ListFindingsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let list = convert::findings(request.get_ref()).map_err(error::invalid)?;
        let page = self.0.findings(&ctx, list).await?;
        Ok(Response::new(ListFindingsResponse {
            findings: page.items.iter().map(|finding| encode::finding(finding)).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn decide_finding(
        &self,
        request: Request<DecideFindingRequest>,
    ) -> Result<Response<DecideFindingResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, DECIDE, &message, |finding| decided(finding).encode_to_vec())
            .map_err(error::invalid)?;
        let step = convert::decision(&message).map_err(error::invalid)?;
        let reply = self.0.decide_finding(&ctx, &call, step).await?;
        answer(reply.into_message(|finding| decided(&finding)))
    }

    async fn answer_finding(
        &self,
        request: Request<AnswerFindingRequest>,
    ) -> Result<Response<AnswerFindingResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, ANSWER, &message, |finding| answered(finding).encode_to_vec())
            .map_err(error::invalid)?;
        let step = convert::answer(&message).map_err(error::invalid)?;
        let reply = self.0.decide_finding(&ctx, &call, step).await?;
        answer(reply.into_message(|finding| answered(&finding)))
    }

    async fn appeal_finding(
        &self,
        request: Request<AppealFindingRequest>,
    ) -> Result<Response<AppealFindingResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, APPEAL, &message, |finding| appealed(finding).encode_to_vec())
            .map_err(error::invalid)?;
        let step = convert::appeal(&message).map_err(error::invalid)?;
        let reply = self.0.decide_finding(&ctx, &call, step).await?;
        answer(reply.into_message(|finding| appealed(&finding)))
    }

    async fn get_rule_precision(
        &self,
        request: Request<GetRulePrecisionRequest>,
    ) -> Result<Response<GetRulePrecisionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.get_ref();
        let (from, until) =
            convert::days(message.from.as_ref(), message.until.as_ref(), convert::DAYS_MAX).map_err(error::invalid)?;
        let rules = self.0.precision(&ctx, from, until).await?;
        Ok(Response::new(GetRulePrecisionResponse { rules: rules.iter().map(encode::precision).collect() }))
    }
}

fn proposed(version: &Version<RuleBook>) -> ProposeRuleBookResponse {
    ProposeRuleBookResponse { rule_book: Some(encode::rule_book(version)) }
}

fn released(version: &Version<RuleBook>) -> ReleaseRuleBookResponse {
    ReleaseRuleBookResponse { rule_book: Some(encode::rule_book(version)) }
}

fn decided(finding: &Permitted<KeptFinding>) -> DecideFindingResponse {
    DecideFindingResponse { finding: Some(encode::finding(finding)) }
}

fn answered(finding: &Permitted<KeptFinding>) -> AnswerFindingResponse {
    AnswerFindingResponse { finding: Some(encode::finding(finding)) }
}

fn appealed(finding: &Permitted<KeptFinding>) -> AppealFindingResponse {
    AppealFindingResponse { finding: Some(encode::finding(finding)) }
}
