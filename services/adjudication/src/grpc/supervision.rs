use chassis::{Context, error};
use postgres::Call;
use prost::Message as _;
use proto::anjia::adjudication::v1::supervision_service_server::SupervisionService;
use proto::anjia::adjudication::v1::{
    AssessProviderRequest, AssessProviderResponse, CloseAbuseReportRequest, CloseAbuseReportResponse, GetFundRequest,
    GetFundResponse, GetOutliersRequest, GetOutliersResponse, GetProviderStatisticsRequest,
    GetProviderStatisticsResponse, ListAbuseReportsRequest, ListAbuseReportsResponse, ListAssessmentsRequest,
    ListAssessmentsResponse, RecordFundIncomeRequest, RecordFundIncomeResponse, ReportAbuseRequest,
    ReportAbuseResponse,
};
use tonic::{Request, Response, Status};
use types::ids::AbuseReportId;
use uuid::Uuid;

use super::policies::answer;
use super::{convert_inspection as convert, encode_inspection as encode};
use crate::app::{App, Assessed};
use crate::domain::abuse::AbuseReport;

const RECEIVE: &str = "anjia.adjudication.v1.SupervisionService/RecordFundIncome";
const ASSESS: &str = "anjia.adjudication.v1.SupervisionService/AssessProvider";
const REPORT: &str = "anjia.adjudication.v1.SupervisionService/ReportAbuse";
const CLOSE: &str = "anjia.adjudication.v1.SupervisionService/CloseAbuseReport";

/// `SupervisionService`.
pub(super) struct Supervision(pub(super) App);

#[tonic::async_trait]
impl SupervisionService for Supervision {
    async fn record_fund_income(
        &self,
        request: Request<RecordFundIncomeRequest>,
    ) -> Result<Response<RecordFundIncomeResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, RECEIVE, &message, |id| received(id).encode_to_vec()).map_err(error::invalid)?;
        let income = convert::income(&message).map_err(error::invalid)?;
        let reply = self.0.record_income(&ctx, &call, income).await?;
        answer(reply.into_message(|id| received(&id)))
    }

    async fn get_fund(&self, request: Request<GetFundRequest>) -> Result<Response<GetFundResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.get_ref();
        let (from, until) = convert::months(message.from.as_ref(), message.until.as_ref()).map_err(error::invalid)?;
        let funds = self.0.fund(&ctx, from, until).await?;
        Ok(Response::new(GetFundResponse {
            months: funds.months.iter().map(encode::month).collect(),
            region_code: funds.region.to_string(),
        }))
    }

    async fn get_outliers(
        &self,
        request: Request<GetOutliersRequest>,
    ) -> Result<Response<GetOutliersResponse>, Status> {
        let ctx = Context::of(&request)?;
        let find = convert::outliers(request.get_ref()).map_err(error::invalid)?;
        let found = self.0.outliers(&ctx, find).await?;
        Ok(Response::new(encode::outliers(&found)))
    }

    async fn get_provider_statistics(
        &self,
        request: Request<GetProviderStatisticsRequest>,
    ) -> Result<Response<GetProviderStatisticsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.get_ref();
        let days =
            convert::days(message.from.as_ref(), message.until.as_ref(), convert::DAYS_MAX).map_err(error::invalid)?;
        let statistics = self.0.statistics(&ctx, days).await?;
        Ok(Response::new(GetProviderStatisticsResponse {
            statistics: statistics.iter().map(encode::statistic).collect(),
        }))
    }

    async fn assess_provider(
        &self,
        request: Request<AssessProviderRequest>,
    ) -> Result<Response<AssessProviderResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, ASSESS, &message, |assessed| assessment(assessed).encode_to_vec())
            .map_err(error::invalid)?;
        let asked = convert::assessment(&message).map_err(error::invalid)?;
        let reply = self.0.assess_provider(&ctx, &call, asked).await?;
        answer(reply.into_message(|assessed| assessment(&assessed)))
    }

    async fn list_assessments(
        &self,
        request: Request<ListAssessmentsRequest>,
    ) -> Result<Response<ListAssessmentsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let list = convert::assessments(request.get_ref()).map_err(error::invalid)?;
        let page = self.0.assessments(&ctx, list).await?;
        Ok(Response::new(ListAssessmentsResponse {
            assessments: page.items.iter().map(encode::assessment).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn report_abuse(
        &self,
        request: Request<ReportAbuseRequest>,
    ) -> Result<Response<ReportAbuseResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::confidential(&ctx.caller, REPORT, &message, |id| reported(*id).encode_to_vec())
            .map_err(error::invalid)?;
        let report = convert::report(&message).map_err(error::invalid)?;
        let reply = self.0.report_abuse(&ctx, &call, report).await?;
        answer(reply.into_message(reported))
    }

    async fn list_abuse_reports(
        &self,
        request: Request<ListAbuseReportsRequest>,
    ) -> Result<Response<ListAbuseReportsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let list = convert::reports(request.get_ref()).map_err(error::invalid)?;
        let page = self.0.abuse_reports(&ctx, list).await?;
        Ok(Response::new(ListAbuseReportsResponse {
            reports: page.items.iter().map(encode::report).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn close_abuse_report(
        &self,
        request: Request<CloseAbuseReportRequest>,
    ) -> Result<Response<CloseAbuseReportResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, CLOSE, &message, |report| closed(report).encode_to_vec()).map_err(error::invalid)?;
        let close = convert::close(&message).map_err(error::invalid)?;
        let reply = self.0.close_abuse_report(&ctx, &call, close).await?;
        answer(reply.into_message(|report| closed(&report)))
    }
}

fn received(id: &Uuid) -> RecordFundIncomeResponse {
    RecordFundIncomeResponse { fund_income_id: id.to_string() }
}

fn assessment(assessed: &Assessed) -> AssessProviderResponse {
    AssessProviderResponse { assessment: Some(encode::assessment(assessed)) }
}

fn reported(id: AbuseReportId) -> ReportAbuseResponse {
    ReportAbuseResponse { abuse_report_id: id.to_string() }
}

fn closed(report: &AbuseReport) -> CloseAbuseReportResponse {
    CloseAbuseReportResponse { report: Some(encode::report(report)) }
}
