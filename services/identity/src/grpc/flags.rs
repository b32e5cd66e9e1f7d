use chassis::{Context, Permitted, error};
use postgres::Call;
use postgres::paging::PageRequest;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::vulnerability_service_server::VulnerabilityService;
use proto::convert::{self, FieldError, to_date, to_timestamp};
use tonic::{Request, Response, Status};
use types::ids::{FlagId, OrganisationId};

use super::convert::{optional_vulnerability, said, to_vulnerability};
use super::{Grpc, answer, people};
use crate::app::NewFlag;
use crate::domain::vulnerability::Flag;

#[tonic::async_trait]
impl VulnerabilityService for Grpc {
    async fn set_flag(
        &self,
        request: Request<wire::SetFlagRequest>,
    ) -> Result<Response<wire::SetFlagResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.VulnerabilityService/SetFlag";
        let call = Call::new(&ctx.caller, method, &message, |row| set(row).encode_to_vec()).map_err(error::invalid)?;
        let new = convert::required("flag", message.flag.as_ref())
            .and_then(|flag| new_flag(flag).map_err(|wrong| wrong.within("flag")))
            .map_err(error::invalid)?;
        let reply = self.0.set_flag(&ctx, &call, new).await?;
        answer(reply, |row| set(&row))
    }

    async fn end_flag(
        &self,
        request: Request<wire::EndFlagRequest>,
    ) -> Result<Response<wire::EndFlagResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.VulnerabilityService/EndFlag";
        let call =
            Call::new(&ctx.caller, method, &message, |row| ended(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("flag_id", &message.flag_id).map_err(error::invalid)?;
        let last_day = convert::date("last_day", message.last_day.as_ref()).map_err(error::invalid)?;
        let reason = people::evidence("reason", &message.reason).map_err(error::invalid)?;
        let reply = self.0.end_flag(&ctx, &call, id, last_day, reason).await?;
        answer(reply, |row| ended(&row))
    }

    async fn list_flags(
        &self,
        request: Request<wire::ListFlagsRequest>,
    ) -> Result<Response<wire::ListFlagsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let page = PageRequest::parse(message.page_size, &message.page_token, message.resident_id.as_bytes())
            .map_err(error::invalid)?;
        let page = self.0.list_flags(&ctx, resident, &page).await?;
        Ok(Response::new(wire::ListFlagsResponse {
            flags: page.items.iter().map(|flag| to_flag(flag)).collect(),
            next_page_token: page.next_page_token,
        }))
    }
}

fn set(flag: &Permitted<Flag>) -> wire::SetFlagResponse {
    wire::SetFlagResponse { flag: Some(to_flag(flag)) }
}

fn ended(flag: &Permitted<Flag>) -> wire::EndFlagResponse {
    wire::EndFlagResponse { flag: Some(to_flag(flag)) }
}

fn new_flag(message: &wire::VulnerabilityFlag) -> Result<NewFlag, FieldError> {
    Ok(NewFlag {
        id: convert::optional_id("flag_id", &message.flag_id)?.unwrap_or_else(FlagId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        kind: said("kind", optional_vulnerability("kind", message.kind)?)?,
        document_reference: people::evidence("document_reference", &message.document_reference)?,
        from: convert::date("from", message.from.as_ref())?,
        until: convert::optional_date("until", message.until.as_ref())?,
    })
}

pub(super) fn to_flag(flag: &Flag) -> wire::VulnerabilityFlag {
    wire::VulnerabilityFlag {
        flag_id: flag.id.to_string(),
        resident_id: flag.resident.to_string(),
        kind: to_vulnerability(flag.kind),
        document_reference: flag.document_reference.clone(),
        from: Some(to_date(flag.from)),
        until: flag.last_day().map(to_date),
        setter_organisation_id: flag.setter.as_ref().map(OrganisationId::to_string).unwrap_or_default(),
        set_at: Some(to_timestamp(flag.set_at)),
        ended_at: flag.ended.as_ref().map(|ended| to_timestamp(ended.at)),
        end_reason: flag.ended.as_ref().map(|ended| ended.reason.clone()).unwrap_or_default(),
    }
}
