use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::enrolment_service_server::EnrolmentService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::EnrolmentId;

use super::convert::{optional_layer, said, to_coverage, to_enrolment};
use super::{Grpc, answer};
use crate::app::NewEnrolment;
use crate::domain::enrolment::Enrolment;

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
        let id = convert::id("enrolment_id", &request.get_ref().enrolment_id).map_err(error::invalid)?;
        let enrolment = self.0.get_enrolment(&ctx, id).await?;
        Ok(Response::new(wire::GetEnrolmentResponse { enrolment: Some(to_enrolment(&enrolment)) }))
    }

    async fn get_coverage(
        &self,
        request: Request<wire::GetCoverageRequest>,
    ) -> Result<Response<wire::GetCoverageResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let on = convert::date("on", message.on.as_ref()).map_err(error::invalid)?;
        let coverage = self.0.get_coverage(&ctx, resident, on).await?;
        Ok(Response::new(wire::GetCoverageResponse { coverage: Some(to_coverage(&coverage)) }))
    }
}

fn enrolled(enrolment: &Permitted<Enrolment>) -> wire::EnrolResidentResponse {
    wire::EnrolResidentResponse { enrolment: Some(to_enrolment(enrolment)) }
}

fn new_enrolment(message: &wire::Enrolment) -> Result<NewEnrolment, FieldError> {
    Ok(NewEnrolment {
        id: convert::optional_id("enrolment_id", &message.enrolment_id)?.unwrap_or_else(EnrolmentId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        scheme: convert::scheme("scheme", message.scheme)?,
        insured_region: convert::region("insured_region_code", &message.insured_region_code)?,
        layer: said("layer", optional_layer("layer", message.layer)?)?,
        payer: convert::optional_id("payer_organisation_id", &message.payer_organisation_id)?,
        from: convert::date("from", message.from.as_ref())?,
        until: convert::optional_date("until", message.until.as_ref())?,
        retired: message.retired,
    })
}
