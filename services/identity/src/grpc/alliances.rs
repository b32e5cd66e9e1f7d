use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::alliance_service_server::AllianceService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::AllianceId;

use super::convert::{optional_alliance_kind, said, to_alliance};
use super::{Grpc, answer, page};
use crate::app::NewAlliance;
use crate::domain::alliance::Alliance;

#[tonic::async_trait]
impl AllianceService for Grpc {
    async fn form_alliance(
        &self,
        request: Request<wire::FormAllianceRequest>,
    ) -> Result<Response<wire::FormAllianceResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.AllianceService/FormAlliance";
        let call =
            Call::new(&ctx.caller, method, &message, |row| formed(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_alliance(&message).map_err(error::invalid)?;
        let reply = self.0.form_alliance(&ctx, &call, new).await?;
        answer(reply, |row| formed(&row))
    }

    async fn join_alliance(
        &self,
        request: Request<wire::JoinAllianceRequest>,
    ) -> Result<Response<wire::JoinAllianceResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.AllianceService/JoinAlliance";
        let call =
            Call::new(&ctx.caller, method, &message, |row| joined(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("alliance_id", &message.alliance_id).map_err(error::invalid)?;
        let provider = convert::id("organisation_id", &message.organisation_id).map_err(error::invalid)?;
        let from = convert::date("from", message.from.as_ref()).map_err(error::invalid)?;
        let reply = self.0.join_alliance(&ctx, &call, id, provider, from).await?;
        answer(reply, |row| joined(&row))
    }

    async fn leave_alliance(
        &self,
        request: Request<wire::LeaveAllianceRequest>,
    ) -> Result<Response<wire::LeaveAllianceResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.AllianceService/LeaveAlliance";
        let call = Call::new(&ctx.caller, method, &message, |row| left(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("alliance_id", &message.alliance_id).map_err(error::invalid)?;
        let provider = convert::id("organisation_id", &message.organisation_id).map_err(error::invalid)?;
        let until = convert::date("until", message.until.as_ref()).map_err(error::invalid)?;
        let reply = self.0.leave_alliance(&ctx, &call, id, provider, until).await?;
        answer(reply, |row| left(&row))
    }

    async fn get_alliance(
        &self,
        request: Request<wire::GetAllianceRequest>,
    ) -> Result<Response<wire::GetAllianceResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("alliance_id", &request.get_ref().alliance_id).map_err(error::invalid)?;
        let alliance = self.0.get_alliance(&ctx, id).await?;
        Ok(Response::new(wire::GetAllianceResponse { alliance: Some(to_alliance(&alliance)) }))
    }

    async fn list_alliances(
        &self,
        request: Request<wire::ListAlliancesRequest>,
    ) -> Result<Response<wire::ListAlliancesResponse>, Status> {
        let ctx = Context::of(&request)?;
        let mut message = request.into_inner();
        let page = page(message.page.take(), &message)?;
        let found = self.0.list_alliances(&ctx, &page).await?.map(|row| to_alliance(&row));
        Ok(Response::new(wire::ListAlliancesResponse {
            alliances: found.items,
            next_page_token: found.next_page_token,
        }))
    }
}

fn formed(alliance: &Permitted<Alliance>) -> wire::FormAllianceResponse {
    wire::FormAllianceResponse { alliance: Some(to_alliance(alliance)) }
}

fn joined(alliance: &Permitted<Alliance>) -> wire::JoinAllianceResponse {
    wire::JoinAllianceResponse { alliance: Some(to_alliance(alliance)) }
}

fn left(alliance: &Permitted<Alliance>) -> wire::LeaveAllianceResponse {
    wire::LeaveAllianceResponse { alliance: Some(to_alliance(alliance)) }
}

fn new_alliance(message: &wire::FormAllianceRequest) -> Result<NewAlliance, FieldError> {
    Ok(NewAlliance {
        id: convert::optional_id("alliance_id", &message.alliance_id)?.unwrap_or_else(AllianceId::generate),
        name: convert::text("name", &message.name, 100)?,
        kind: said("kind", optional_alliance_kind("kind", message.kind)?)?,
        lead: convert::id("lead_organisation_id", &message.lead_organisation_id)?,
        from: convert::date("from", message.from.as_ref())?,
    })
}
