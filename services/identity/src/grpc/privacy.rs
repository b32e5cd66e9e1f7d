use chassis::{Context, Permitted, error, export};
use postgres::{Call, retention};
use prost::Message;
use proto::anjia::common::v1::Localized;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::privacy_service_server::PrivacyService;
use proto::convert::{self, FieldError, to_timestamp};
use tonic::{Request, Response, Status};

use super::{Grpc, answer};
use crate::app::PERSONAL;
use crate::domain::erasure::{Erasure, Kept, Obligation, Report, Standing, State, Step, Word};

const TEXT_LENGTH_MAX: usize = 200;
const WORD_LENGTH_MAX: usize = 60;
const REPORTED_MAX: usize = 100;

#[tonic::async_trait]
impl PrivacyService for Grpc {
    async fn export_resident(
        &self,
        request: Request<wire::ExportResidentRequest>,
    ) -> Result<Response<wire::ExportResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let asked = request.get_ref().export.as_ref();
        let page = export::page(&self.0.db, &ctx, "identity.resident.export", PERSONAL, asked).await?;
        Ok(Response::new(wire::ExportResidentResponse { page: Some(page) }))
    }

    async fn request_erasure(
        &self,
        request: Request<wire::RequestErasureRequest>,
    ) -> Result<Response<wire::RequestErasureResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.PrivacyService/RequestErasure";
        let call =
            Call::new(&ctx.caller, method, &message, |row| requested(row).encode_to_vec()).map_err(error::invalid)?;
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let evidence =
            convert::optional_text("evidence", &message.evidence, TEXT_LENGTH_MAX).map_err(error::invalid)?;
        let reply = self.0.request_erasure(&ctx, &call, resident, evidence).await?;
        answer(reply, |row| requested(&row))
    }

    async fn get_erasure(
        &self,
        request: Request<wire::GetErasureRequest>,
    ) -> Result<Response<wire::GetErasureResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("erasure_id", &request.get_ref().erasure_id).map_err(error::invalid)?;
        let found = self.0.get_erasure(&ctx, id).await?;
        Ok(Response::new(wire::GetErasureResponse { erasure: Some(to_erasure(&found)) }))
    }

    async fn cancel_erasure(
        &self,
        request: Request<wire::CancelErasureRequest>,
    ) -> Result<Response<wire::CancelErasureResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.PrivacyService/CancelErasure";
        let call =
            Call::new(&ctx.caller, method, &message, |row| cancelled(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("erasure_id", &message.erasure_id).map_err(error::invalid)?;
        let reply = self.0.cancel_erasure(&ctx, &call, id).await?;
        answer(reply, |row| cancelled(&row))
    }

    async fn report_erasure(
        &self,
        request: Request<wire::ReportErasureRequest>,
    ) -> Result<Response<wire::ReportErasureResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.get_ref();
        let id = convert::id("erasure_id", &message.erasure_id).map_err(error::invalid)?;
        let report = report(message).map_err(error::invalid)?;
        let step = self.0.report_erasure(&ctx, id, report).await?;
        Ok(Response::new(wire::ReportErasureResponse { step: to_step(step).into() }))
    }
}

fn requested(erasure: &Permitted<Erasure>) -> wire::RequestErasureResponse {
    wire::RequestErasureResponse { erasure: Some(to_erasure(erasure)) }
}

fn cancelled(erasure: &Permitted<Erasure>) -> wire::CancelErasureResponse {
    wire::CancelErasureResponse { erasure: Some(to_erasure(erasure)) }
}

fn report(message: &wire::ReportErasureRequest) -> Result<Report, FieldError> {
    let word = match message.word() {
        wire::ErasureWord::Open => Word::Open,
        wire::ErasureWord::Clear => Word::Clear,
        wire::ErasureWord::Closed => Word::Closed,
        wire::ErasureWord::Erased => Word::Erased,
        wire::ErasureWord::Unspecified => return Err(FieldError::new("word", "must be said")),
    };
    if message.open.len() > REPORTED_MAX || message.kept.len() > REPORTED_MAX {
        return Err(FieldError::new("open", "has at most 100 entries, and so has kept"));
    }
    if (word == Word::Open) == message.open.is_empty() {
        return Err(FieldError::new("open", "is named with OPEN, and only then"));
    }
    let open = message.open.iter().map(|open| {
        let kind = convert::text("open.kind", &open.kind, WORD_LENGTH_MAX)?;
        Ok(Obligation { kind, id: convert::text("open.id", &open.id, WORD_LENGTH_MAX)? })
    });
    let kept = message.kept.iter().map(|kept| {
        let rule = convert::text("kept.rule", &kept.rule, WORD_LENGTH_MAX)?;
        if kept.rows < 1 {
            return Err(FieldError::new("kept.rows", "must be 1 or more"));
        }
        Ok(Kept { rule, rows: kept.rows, until: convert::optional_timestamp("kept.until", kept.until.as_ref())? })
    });
    Ok(Report { word, open: open.collect::<Result<_, FieldError>>()?, kept: kept.collect::<Result<_, FieldError>>()? })
}

fn to_erasure(erasure: &Erasure) -> wire::Erasure {
    let (erased_at, completed_at) = match erasure.state {
        State::Erased { at } => (Some(at), None),
        State::Completed { erased_at, at } => (Some(erased_at), Some(at)),
        State::Requested | State::Blocked | State::Closing { .. } | State::Cancelled { .. } => (None, None),
    };
    wire::Erasure {
        erasure_id: erasure.id.to_string(),
        resident_id: erasure.resident.to_string(),
        state: to_state(erasure.state).into(),
        requested_at: Some(to_timestamp(erasure.requested_at)),
        evidence: erasure.evidence.clone(),
        standings: erasure.standings.iter().map(to_standing).collect(),
        erased_at: erased_at.map(to_timestamp),
        completed_at: completed_at.map(to_timestamp),
        receipt: erasure.receipt.as_ref().map(|receipt| Localized { zh: receipt.zh.clone(), en: receipt.en.clone() }),
    }
}

const fn to_state(state: State) -> wire::ErasureState {
    match state {
        State::Requested => wire::ErasureState::Requested,
        State::Blocked => wire::ErasureState::Blocked,
        State::Closing { .. } => wire::ErasureState::Closing,
        State::Erased { .. } => wire::ErasureState::Erased,
        State::Completed { .. } => wire::ErasureState::Completed,
        State::Cancelled { .. } => wire::ErasureState::Cancelled,
    }
}

const fn to_step(step: Step) -> wire::ErasureStep {
    match step {
        Step::Watch => wire::ErasureStep::Watch,
        Step::Close => wire::ErasureStep::Close,
        Step::Erase => wire::ErasureStep::Erase,
        Step::Cancel => wire::ErasureStep::Cancel,
        Step::Rest => wire::ErasureStep::Rest,
    }
}

fn to_standing(standing: &Standing) -> wire::ErasureStanding {
    let word = match standing.word {
        None => wire::ErasureWord::Unspecified,
        Some(Word::Open) => wire::ErasureWord::Open,
        Some(Word::Clear) => wire::ErasureWord::Clear,
        Some(Word::Closed) => wire::ErasureWord::Closed,
        Some(Word::Erased) => wire::ErasureWord::Erased,
    };
    let open = |open: &Obligation| wire::OpenObligation { kind: open.kind.clone(), id: open.id.clone() };
    wire::ErasureStanding {
        service: standing.service.clone(),
        word: word.into(),
        open: standing.open.iter().map(open).collect(),
        kept: standing.kept.iter().map(to_kept).collect(),
        reported_at: standing.reported_at.map(to_timestamp),
    }
}

/// With the words of the rule, which this service knows as every other does.
fn to_kept(kept: &Kept) -> wire::KeptData {
    let rule = retention::rule(&kept.rule);
    wire::KeptData {
        rule: kept.rule.clone(),
        rows: kept.rows,
        until: kept.until.map(to_timestamp),
        why: rule.map(|rule| Localized { zh: rule.why_zh.clone(), en: rule.why_en.clone() }),
        source: rule.map(|rule| rule.source.clone()).unwrap_or_default(),
    }
}
