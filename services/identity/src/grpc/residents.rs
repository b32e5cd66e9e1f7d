use chassis::{Context, Permitted, error};
use postgres::Call;
use postgres::paging::PageRequest;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::resident_service_server::ResidentService;
use proto::convert;
use tonic::{Request, Response, Status};
use types::ids::{DuplicateId, IdentifierId};
use types::redacted::Redacted;

use super::people::{self, NAME_LENGTH_MAX, to_change, to_pair, to_resident};
use super::{Grpc, answer};
use crate::app::NewIdentifier;
use crate::domain::resident::ShownResident;

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
        let new = people::new_resident(&message)?;
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
        let identifier = people::identifier(&message.national_id, message.credential.as_ref())?;
        let name = convert::optional_text("name", &message.name, NAME_LENGTH_MAX).map_err(error::invalid)?;
        let name = Some(name).filter(|name| !name.is_empty()).map(Redacted::new);
        let shown = self.0.find_resident(&ctx, &identifier, name.as_ref()).await?;
        Ok(Response::new(wire::FindResidentResponse { resident: Some(to_resident(&shown)) }))
    }

    async fn update_resident(
        &self,
        request: Request<wire::UpdateResidentRequest>,
    ) -> Result<Response<wire::UpdateResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.ResidentService/UpdateResident";
        let call =
            Call::new(&ctx.caller, method, &message, |row| updated(row).encode_to_vec()).map_err(error::invalid)?;
        let update = people::update(&message).map_err(error::invalid)?;
        let reply = self.0.update_resident(&ctx, &call, update).await?;
        answer(reply, |row| updated(&row))
    }

    async fn list_resident_changes(
        &self,
        request: Request<wire::ListResidentChangesRequest>,
    ) -> Result<Response<wire::ListResidentChangesResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let id = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let page = PageRequest::parse(message.page_size, &message.page_token, message.resident_id.as_bytes())
            .map_err(error::invalid)?;
        let page = self.0.list_resident_changes(&ctx, id, &page).await?;
        Ok(Response::new(wire::ListResidentChangesResponse {
            changes: page.items.iter().map(to_change).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn add_identifier(
        &self,
        request: Request<wire::AddIdentifierRequest>,
    ) -> Result<Response<wire::AddIdentifierResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.ResidentService/AddIdentifier";
        let call =
            Call::new(&ctx.caller, method, &message, |row| added(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::optional_id("identifier_id", &message.identifier_id).map_err(error::invalid)?;
        let shown = convert::required("credential", message.credential.as_ref()).map_err(error::invalid)?;
        let new = NewIdentifier {
            id: id.unwrap_or_else(IdentifierId::generate),
            resident: convert::id("resident_id", &message.resident_id).map_err(error::invalid)?,
            identifier: people::credential(shown)?,
            validity: people::validity(message.valid_from.as_ref(), message.valid_until.as_ref())
                .map_err(error::invalid)?,
            evidence: people::evidence("evidence", &message.evidence).map_err(error::invalid)?,
        };
        let reply = self.0.add_identifier(&ctx, &call, new).await?;
        answer(reply, |row| added(&row))
    }

    async fn withdraw_identifier(
        &self,
        request: Request<wire::WithdrawIdentifierRequest>,
    ) -> Result<Response<wire::WithdrawIdentifierResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.ResidentService/WithdrawIdentifier";
        let call =
            Call::new(&ctx.caller, method, &message, |row| withdrawn(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("identifier_id", &message.identifier_id).map_err(error::invalid)?;
        let reason = people::evidence("reason", &message.reason).map_err(error::invalid)?;
        let reply = self.0.withdraw_identifier(&ctx, &call, id, reason).await?;
        answer(reply, |row| withdrawn(&row))
    }

    async fn verify_credential(
        &self,
        request: Request<wire::VerifyCredentialRequest>,
    ) -> Result<Response<wire::VerifyCredentialResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let id = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let shown = convert::required("credential", message.credential.as_ref()).map_err(error::invalid)?;
        let answer = self.0.verify_credential(&ctx, id, &people::credential(shown)?).await?;
        Ok(Response::new(wire::VerifyCredentialResponse { matches: answer.matches }))
    }

    async fn list_possible_duplicates(
        &self,
        request: Request<wire::ListPossibleDuplicatesRequest>,
    ) -> Result<Response<wire::ListPossibleDuplicatesResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let resident = convert::optional_id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let page = PageRequest::parse(message.page_size, &message.page_token, message.resident_id.as_bytes())
            .map_err(error::invalid)?;
        let page = self.0.list_possible_duplicates(&ctx, resident, &page).await?;
        Ok(Response::new(wire::ListPossibleDuplicatesResponse {
            duplicates: page.items.iter().map(to_pair).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn dismiss_duplicate(
        &self,
        request: Request<wire::DismissDuplicateRequest>,
    ) -> Result<Response<wire::DismissDuplicateResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.ResidentService/DismissDuplicate";
        let call =
            Call::new(&ctx.caller, method, &message, |id| dismissed(id).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("duplicate_id", &message.duplicate_id).map_err(error::invalid)?;
        let evidence = people::evidence("evidence", &message.evidence).map_err(error::invalid)?;
        let reply = self.0.dismiss_duplicate(&ctx, &call, id, evidence).await?;
        answer(reply, |id| dismissed(&id))
    }
}

fn registered(shown: &Permitted<ShownResident>) -> wire::RegisterResidentResponse {
    wire::RegisterResidentResponse { resident: Some(to_resident(shown)) }
}

fn updated(shown: &Permitted<ShownResident>) -> wire::UpdateResidentResponse {
    wire::UpdateResidentResponse { resident: Some(to_resident(shown)) }
}

fn added(shown: &Permitted<ShownResident>) -> wire::AddIdentifierResponse {
    wire::AddIdentifierResponse { resident: Some(to_resident(shown)) }
}

fn withdrawn(shown: &Permitted<ShownResident>) -> wire::WithdrawIdentifierResponse {
    wire::WithdrawIdentifierResponse { resident: Some(to_resident(shown)) }
}

fn dismissed(id: &DuplicateId) -> wire::DismissDuplicateResponse {
    wire::DismissDuplicateResponse { duplicate_id: id.to_string() }
}
