use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::designation_service_server::DesignationService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::DesignationId;

use super::convert::{optional_designation_kind, said, to_designation};
use super::{Grpc, answer, page};
use crate::app::{DesignationChange, NewDesignation};
use crate::domain::designation::Designation;

#[tonic::async_trait]
impl DesignationService for Grpc {
    async fn designate_provider(
        &self,
        request: Request<wire::DesignateProviderRequest>,
    ) -> Result<Response<wire::DesignateProviderResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.DesignationService/DesignateProvider";
        let call =
            Call::new(&ctx.caller, method, &message, |row| designated(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_designation(&message).map_err(error::invalid)?;
        let reply = self.0.designate_provider(&ctx, &call, new).await?;
        answer(reply, |row| designated(&row))
    }

    async fn suspend_designation(
        &self,
        request: Request<wire::SuspendDesignationRequest>,
    ) -> Result<Response<wire::SuspendDesignationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.DesignationService/SuspendDesignation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| suspended(row).encode_to_vec()).map_err(error::invalid)?;
        let id = id(&message.designation_id).map_err(error::invalid)?;
        let from = convert::date("from", message.from.as_ref()).map_err(error::invalid)?;
        let reason = reason(&message.reason).map_err(error::invalid)?;
        let change = DesignationChange::Suspend { from, reason };
        let reply = self.0.change_designation(&ctx, &call, id, change).await?;
        answer(reply, |row| suspended(&row))
    }

    async fn resume_designation(
        &self,
        request: Request<wire::ResumeDesignationRequest>,
    ) -> Result<Response<wire::ResumeDesignationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.DesignationService/ResumeDesignation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| resumed(row).encode_to_vec()).map_err(error::invalid)?;
        let id = id(&message.designation_id).map_err(error::invalid)?;
        let from = convert::date("from", message.from.as_ref()).map_err(error::invalid)?;
        let reply = self.0.change_designation(&ctx, &call, id, DesignationChange::Resume { from }).await?;
        answer(reply, |row| resumed(&row))
    }

    async fn end_designation(
        &self,
        request: Request<wire::EndDesignationRequest>,
    ) -> Result<Response<wire::EndDesignationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.DesignationService/EndDesignation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| ended(row).encode_to_vec()).map_err(error::invalid)?;
        let id = id(&message.designation_id).map_err(error::invalid)?;
        let until = convert::date("until", message.until.as_ref()).map_err(error::invalid)?;
        let reason = reason(&message.reason).map_err(error::invalid)?;
        let reply = self.0.change_designation(&ctx, &call, id, DesignationChange::End { until, reason }).await?;
        answer(reply, |row| ended(&row))
    }

    async fn get_designation(
        &self,
        request: Request<wire::GetDesignationRequest>,
    ) -> Result<Response<wire::GetDesignationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = id(&request.get_ref().designation_id).map_err(error::invalid)?;
        let designation = self.0.get_designation(&ctx, id).await?;
        Ok(Response::new(wire::GetDesignationResponse { designation: Some(to_designation(&designation)) }))
    }

    async fn list_designations(
        &self,
        request: Request<wire::ListDesignationsRequest>,
    ) -> Result<Response<wire::ListDesignationsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let mut message = request.into_inner();
        let page = page(message.page.take(), &message)?;
        let provider =
            convert::id("provider_organisation_id", &message.provider_organisation_id).map_err(error::invalid)?;
        let on = convert::optional_date("on", message.on.as_ref()).map_err(error::invalid)?;
        let found = self.0.list_designations(&ctx, provider, on, &page).await?.map(|row| to_designation(&row));
        Ok(Response::new(wire::ListDesignationsResponse {
            designations: found.items,
            next_page_token: found.next_page_token,
        }))
    }
}

fn designated(designation: &Permitted<Designation>) -> wire::DesignateProviderResponse {
    wire::DesignateProviderResponse { designation: Some(to_designation(designation)) }
}

fn suspended(designation: &Permitted<Designation>) -> wire::SuspendDesignationResponse {
    wire::SuspendDesignationResponse { designation: Some(to_designation(designation)) }
}

fn resumed(designation: &Permitted<Designation>) -> wire::ResumeDesignationResponse {
    wire::ResumeDesignationResponse { designation: Some(to_designation(designation)) }
}

fn ended(designation: &Permitted<Designation>) -> wire::EndDesignationResponse {
    wire::EndDesignationResponse { designation: Some(to_designation(designation)) }
}

fn new_designation(message: &wire::DesignateProviderRequest) -> Result<NewDesignation, FieldError> {
    Ok(NewDesignation {
        id: convert::optional_id("designation_id", &message.designation_id)?.unwrap_or_else(DesignationId::generate),
        provider: convert::id("provider_organisation_id", &message.provider_organisation_id)?,
        kind: said("kind", optional_designation_kind("kind", message.kind)?)?,
        from: convert::date("from", message.from.as_ref())?,
        until: convert::optional_date("until", message.until.as_ref())?,
    })
}

fn id(text: &str) -> Result<DesignationId, FieldError> {
    convert::id("designation_id", text)
}

fn reason(text: &str) -> Result<String, FieldError> {
    convert::text("reason", text, 200)
}
