use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::resident_service_server::ResidentService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::ResidentId;
use types::national_id::NationalId;
use types::redacted::Redacted;

use super::convert::to_resident;
use super::{Grpc, answer};
use crate::app::NewResident;
use crate::domain::IdentityError;
use crate::domain::resident::ShownResident;

const NAME_LENGTH_MAX: usize = 100;

#[tonic::async_trait]
impl ResidentService for Grpc {
    async fn register_resident(
        &self,
        request: Request<wire::RegisterResidentRequest>,
    ) -> Result<Response<wire::RegisterResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.ResidentService/RegisterResident";
        let call =
            Call::new(&ctx.caller, method, &message, |row| registered(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_resident(&message)?;
        let reply = self.0.register_resident(&ctx, &call, new).await?;
        answer(reply, |row| registered(&row))
    }

    async fn get_resident(
        &self,
        request: Request<wire::GetResidentRequest>,
    ) -> Result<Response<wire::GetResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("resident_id", &request.get_ref().resident_id).map_err(error::invalid)?;
        let shown = self.0.get_resident(&ctx, id).await?;
        Ok(Response::new(wire::GetResidentResponse { resident: Some(to_resident(&shown)) }))
    }

    async fn find_resident(
        &self,
        request: Request<wire::FindResidentRequest>,
    ) -> Result<Response<wire::FindResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let national_id = national_id(&message.national_id)?;
        let name = convert::optional_text("name", &message.name, NAME_LENGTH_MAX).map_err(error::invalid)?;
        let name = Some(name).filter(|name| !name.is_empty()).map(Redacted::new);
        let shown = self.0.find_resident(&ctx, &national_id, name.as_ref()).await?;
        Ok(Response::new(wire::FindResidentResponse { resident: Some(to_resident(&shown)) }))
    }
}

fn registered(shown: &Permitted<ShownResident>) -> wire::RegisterResidentResponse {
    wire::RegisterResidentResponse { resident: Some(to_resident(shown)) }
}

fn new_resident(message: &wire::RegisterResidentRequest) -> Result<NewResident, IdentityError> {
    Ok(NewResident {
        id: convert::optional_id("resident_id", &message.resident_id)?.unwrap_or_else(ResidentId::generate),
        national_id: national_id(&message.national_id)?,
        name: convert::text("name", &message.name, NAME_LENGTH_MAX)?.into(),
        mobile: mobile(&message.mobile)?.map(Redacted::new),
        region: convert::region("region_code", &message.region_code)?,
        community: convert::text("community", &message.community, 100)?,
    })
}

/// A missing number is a wrong field; one that cannot be is refused by its own reason.
fn national_id(value: &str) -> Result<NationalId, IdentityError> {
    if value.is_empty() {
        return Err(FieldError::new("national_id", "is required").into());
    }
    Ok(NationalId::parse(value)?)
}

fn mobile(value: &str) -> Result<Option<String>, FieldError> {
    if value.is_empty() {
        return Ok(None);
    }
    let digits = value.strip_prefix('+').unwrap_or(value);
    if !(5..=15).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(FieldError::new("mobile", "must have 5 to 15 digits, with or without + before them"));
    }
    Ok(Some(value.to_owned()))
}
