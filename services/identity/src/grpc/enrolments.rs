use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::enrolment_service_server::EnrolmentService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::{EnrolmentId, RemoteCareFilingId};

use super::convert::{optional_layer, optional_remote_care_kind, said};
use super::cover::{to_coverage, to_enrolment, to_filing};
use super::{Grpc, answer, page};
use crate::app::{Correction, Ending, NewEnrolment, NewFiling};
use crate::domain::enrolment::{Believed, Enrolment, Terms};
use crate::domain::remote_care::Filing;

const REASON_LENGTH_MAX: usize = 200;

#[tonic::async_trait]
impl EnrolmentService for Grpc {
    async fn enrol_resident(
        &self,
        request: Request<wire::EnrolResidentRequest>,
    ) -> Result<Response<wire::EnrolResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.EnrolmentService/EnrolResident";
        let call =
            Call::new(&ctx.caller, method, &message, |row| enrolled(row).encode_to_vec()).map_err(error::invalid)?;
        let new = convert::required("enrolment", message.enrolment.as_ref())
            .and_then(|enrolment| new_enrolment(enrolment).map_err(|wrong| wrong.within("enrolment")))
            .map_err(error::invalid)?;
        let reply = self.0.enrol_resident(&ctx, &call, new).await?;
        answer(reply, |row| enrolled(&row))
    }

    async fn get_enrolment(
        &self,
        request: Request<wire::GetEnrolmentRequest>,
    ) -> Result<Response<wire::GetEnrolmentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let id = convert::id("enrolment_id", &message.enrolment_id).map_err(error::invalid)?;
        let known_at = convert::optional_timestamp("known_at", message.known_at.as_ref()).map_err(error::invalid)?;
        let enrolment = self.0.get_enrolment(&ctx, id, known_at).await?;
        Ok(Response::new(wire::GetEnrolmentResponse { enrolment: Some(to_enrolment(&enrolment)) }))
    }

    async fn list_enrolments(
        &self,
        request: Request<wire::ListEnrolmentsRequest>,
    ) -> Result<Response<wire::ListEnrolmentsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let mut message = request.into_inner();
        let page = page(message.page.take(), &message)?;
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let believed = believed(&message).map_err(error::invalid)?;
        let found = self.0.list_enrolments(&ctx, resident, believed, &page).await?.map(|row| to_enrolment(&row));
        Ok(Response::new(wire::ListEnrolmentsResponse {
            enrolments: found.items,
            next_page_token: found.next_page_token,
        }))
    }

    async fn correct_enrolment(
        &self,
        request: Request<wire::CorrectEnrolmentRequest>,
    ) -> Result<Response<wire::CorrectEnrolmentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.EnrolmentService/CorrectEnrolment";
        let call =
            Call::new(&ctx.caller, method, &message, |row| corrected(row).encode_to_vec()).map_err(error::invalid)?;
        let correction = correction(&message).map_err(error::invalid)?;
        let reply = self.0.correct_enrolment(&ctx, &call, correction).await?;
        answer(reply, |row| corrected(&row))
    }

    async fn end_enrolment(
        &self,
        request: Request<wire::EndEnrolmentRequest>,
    ) -> Result<Response<wire::EndEnrolmentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.EnrolmentService/EndEnrolment";
        let call =
            Call::new(&ctx.caller, method, &message, |row| ended(row).encode_to_vec()).map_err(error::invalid)?;
        let ending = ending(&message).map_err(error::invalid)?;
        let reply = self.0.end_enrolment(&ctx, &call, ending).await?;
        answer(reply, |row| ended(&row))
    }

    async fn get_coverage(
        &self,
        request: Request<wire::GetCoverageRequest>,
    ) -> Result<Response<wire::GetCoverageResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let on = convert::date("on", message.on.as_ref()).map_err(error::invalid)?;
        let known_at = convert::optional_timestamp("known_at", message.known_at.as_ref()).map_err(error::invalid)?;
        let coverage = self.0.get_coverage(&ctx, resident, on, known_at).await?;
        Ok(Response::new(wire::GetCoverageResponse { coverage: Some(to_coverage(&coverage)) }))
    }

    async fn file_remote_care(
        &self,
        request: Request<wire::FileRemoteCareRequest>,
    ) -> Result<Response<wire::FileRemoteCareResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.EnrolmentService/FileRemoteCare";
        let call =
            Call::new(&ctx.caller, method, &message, |row| filed(row).encode_to_vec()).map_err(error::invalid)?;
        let new = convert::required("filing", message.filing.as_ref())
            .and_then(|filing| new_filing(filing).map_err(|wrong| wrong.within("filing")))
            .map_err(error::invalid)?;
        let reply = self.0.file_remote_care(&ctx, &call, new).await?;
        answer(reply, |row| filed(&row))
    }

    async fn get_remote_care_filing(
        &self,
        request: Request<wire::GetRemoteCareFilingRequest>,
    ) -> Result<Response<wire::GetRemoteCareFilingResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("filing_id", &request.get_ref().filing_id).map_err(error::invalid)?;
        let filing = self.0.get_remote_care_filing(&ctx, id).await?;
        Ok(Response::new(wire::GetRemoteCareFilingResponse { filing: Some(to_filing(&filing)) }))
    }

    async fn withdraw_remote_care(
        &self,
        request: Request<wire::WithdrawRemoteCareRequest>,
    ) -> Result<Response<wire::WithdrawRemoteCareResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.EnrolmentService/WithdrawRemoteCare";
        let call =
            Call::new(&ctx.caller, method, &message, |row| withdrawn(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("filing_id", &message.filing_id).map_err(error::invalid)?;
        let reply = self.0.withdraw_remote_care(&ctx, &call, id).await?;
        answer(reply, |row| withdrawn(&row))
    }
}

fn enrolled(enrolment: &Permitted<Enrolment>) -> wire::EnrolResidentResponse {
    wire::EnrolResidentResponse { enrolment: Some(to_enrolment(enrolment)) }
}

fn corrected(enrolment: &Permitted<Enrolment>) -> wire::CorrectEnrolmentResponse {
    wire::CorrectEnrolmentResponse { enrolment: Some(to_enrolment(enrolment)) }
}

fn ended(enrolment: &Permitted<Enrolment>) -> wire::EndEnrolmentResponse {
    wire::EndEnrolmentResponse { enrolment: Some(to_enrolment(enrolment)) }
}

fn filed(filing: &Permitted<Filing>) -> wire::FileRemoteCareResponse {
    wire::FileRemoteCareResponse { filing: Some(to_filing(filing)) }
}

fn withdrawn(filing: &Permitted<Filing>) -> wire::WithdrawRemoteCareResponse {
    wire::WithdrawRemoteCareResponse { filing: Some(to_filing(filing)) }
}

fn new_enrolment(message: &wire::Enrolment) -> Result<NewEnrolment, FieldError> {
    Ok(NewEnrolment {
        id: convert::optional_id("enrolment_id", &message.enrolment_id)?.unwrap_or_else(EnrolmentId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        terms: terms(message)?,
    })
}

fn terms(message: &wire::Enrolment) -> Result<Terms, FieldError> {
    let from = convert::date("from", message.from.as_ref())?;
    let retired_from = convert::optional_date("retired_from", message.retired_from.as_ref())?;
    let order = i16::try_from(message.order).ok().filter(|order| (0..=9).contains(order));
    Ok(Terms {
        scheme: convert::scheme("scheme", message.scheme)?,
        insured_region: convert::region("insured_region_code", &message.insured_region_code)?,
        layer: said("layer", optional_layer("layer", message.layer)?)?,
        order: order.ok_or_else(|| FieldError::new("order", "must be 1 to 9, or 0 for 1"))?.max(1),
        payer: convert::optional_id("payer_organisation_id", &message.payer_organisation_id)?,
        from,
        until: convert::optional_date("until", message.until.as_ref())?,
        retired_from: retired_from.or_else(|| message.retired.then_some(from)),
        joined_on: convert::optional_date("joined_on", message.joined_on.as_ref())?,
        waiting_waived_for: convert::optional_text("waiting_waived_for", &message.waiting_waived_for, 100)?,
        student: message.student,
    })
}

fn correction(message: &wire::CorrectEnrolmentRequest) -> Result<Correction, FieldError> {
    let enrolment = convert::required("enrolment", message.enrolment.as_ref())?;
    let within = |wrong: FieldError| wrong.within("enrolment");
    Ok(Correction {
        id: convert::id("enrolment_id", &enrolment.enrolment_id).map_err(within)?,
        resident: convert::id("resident_id", &enrolment.resident_id).map_err(within)?,
        version: version(message.version)?,
        terms: terms(enrolment).map_err(within)?,
        reason: convert::text("reason", &message.reason, REASON_LENGTH_MAX)?,
    })
}

fn ending(message: &wire::EndEnrolmentRequest) -> Result<Ending, FieldError> {
    Ok(Ending {
        id: convert::id("enrolment_id", &message.enrolment_id)?,
        version: version(message.version)?,
        until: convert::date("until", message.until.as_ref())?,
        reason: convert::text("reason", &message.reason, REASON_LENGTH_MAX)?,
    })
}

fn version(version: i32) -> Result<i32, FieldError> {
    if version > 0 { Ok(version) } else { Err(FieldError::new("version", "must be that of the enrolment")) }
}

fn believed(message: &wire::ListEnrolmentsRequest) -> Result<Believed, FieldError> {
    match (convert::optional_timestamp("known_at", message.known_at.as_ref())?, message.all_versions) {
        (Some(_), true) => Err(FieldError::new("known_at", "must be unset with all_versions")),
        (None, true) => Ok(Believed::Ever),
        (Some(known_at), false) => Ok(Believed::At(known_at)),
        (None, false) => Ok(Believed::Now),
    }
}

fn new_filing(message: &wire::RemoteCareFiling) -> Result<NewFiling, FieldError> {
    Ok(NewFiling {
        id: convert::optional_id("filing_id", &message.filing_id)?.unwrap_or_else(RemoteCareFilingId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        kind: said("kind", optional_remote_care_kind("kind", message.kind)?)?,
        care_region: convert::region("care_region_code", &message.care_region_code)?,
        from: convert::date("from", message.from.as_ref())?,
        until: convert::optional_date("until", message.until.as_ref())?,
        evidence: convert::text("evidence", &message.evidence, 200)?,
    })
}
