use chassis::{Context, Permitted, error};
use postgres::Call;
use postgres::paging::PageRequest;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::guardianship_service_server::GuardianshipService;
use proto::convert::{self, FieldError, to_date, to_timestamp};
use tonic::{Request, Response, Status};
use types::ids::{GuardianshipId, OrganisationId};

use super::convert::{optional_guardianship_kind, optional_relation, said, to_guardianship_kind, to_relation};
use super::{Grpc, answer, people};
use crate::app::NewGuardianship;
use crate::domain::guardianship::Guardianship;

#[tonic::async_trait]
impl GuardianshipService for Grpc {
    async fn register_guardianship(
        &self,
        request: Request<wire::RegisterGuardianshipRequest>,
    ) -> Result<Response<wire::RegisterGuardianshipResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.GuardianshipService/RegisterGuardianship";
        let call =
            Call::new(&ctx.caller, method, &message, |row| registered(row).encode_to_vec()).map_err(error::invalid)?;
        let new = convert::required("guardianship", message.guardianship.as_ref())
            .and_then(|new| new_guardianship(new).map_err(|wrong| wrong.within("guardianship")))
            .map_err(error::invalid)?;
        let reply = self.0.register_guardianship(&ctx, &call, new).await?;
        answer(reply, |row| registered(&row))
    }

    async fn confirm_guardianship(
        &self,
        request: Request<wire::ConfirmGuardianshipRequest>,
    ) -> Result<Response<wire::ConfirmGuardianshipResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.GuardianshipService/ConfirmGuardianship";
        let call =
            Call::new(&ctx.caller, method, &message, |row| confirmed(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("guardianship_id", &message.guardianship_id).map_err(error::invalid)?;
        let evidence = people::evidence("evidence", &message.evidence).map_err(error::invalid)?;
        let reply = self.0.confirm_guardianship(&ctx, &call, id, evidence).await?;
        answer(reply, |row| confirmed(&row))
    }

    async fn get_guardianship(
        &self,
        request: Request<wire::GetGuardianshipRequest>,
    ) -> Result<Response<wire::GetGuardianshipResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("guardianship_id", &request.get_ref().guardianship_id).map_err(error::invalid)?;
        let found = self.0.get_guardianship(&ctx, id).await?;
        Ok(Response::new(wire::GetGuardianshipResponse { guardianship: Some(to_guardianship(&found)) }))
    }

    async fn list_guardianships(
        &self,
        request: Request<wire::ListGuardianshipsRequest>,
    ) -> Result<Response<wire::ListGuardianshipsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let ward = convert::id("ward_resident_id", &message.ward_resident_id).map_err(error::invalid)?;
        let page = PageRequest::parse(message.page_size, &message.page_token, message.ward_resident_id.as_bytes())
            .map_err(error::invalid)?;
        let page = self.0.list_guardianships(&ctx, ward, &page).await?;
        Ok(Response::new(wire::ListGuardianshipsResponse {
            guardianships: page.items.iter().map(to_guardianship).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn end_guardianship(
        &self,
        request: Request<wire::EndGuardianshipRequest>,
    ) -> Result<Response<wire::EndGuardianshipResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.GuardianshipService/EndGuardianship";
        let call =
            Call::new(&ctx.caller, method, &message, |row| ended(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("guardianship_id", &message.guardianship_id).map_err(error::invalid)?;
        let reason = people::evidence("reason", &message.reason).map_err(error::invalid)?;
        let reply = self.0.end_guardianship(&ctx, &call, id, reason).await?;
        answer(reply, |row| ended(&row))
    }
}

fn registered(guardianship: &Permitted<Guardianship>) -> wire::RegisterGuardianshipResponse {
    wire::RegisterGuardianshipResponse { guardianship: Some(to_guardianship(guardianship)) }
}

fn confirmed(guardianship: &Permitted<Guardianship>) -> wire::ConfirmGuardianshipResponse {
    wire::ConfirmGuardianshipResponse { guardianship: Some(to_guardianship(guardianship)) }
}

fn ended(guardianship: &Permitted<Guardianship>) -> wire::EndGuardianshipResponse {
    wire::EndGuardianshipResponse { guardianship: Some(to_guardianship(guardianship)) }
}

fn new_guardianship(message: &wire::Guardianship) -> Result<NewGuardianship, FieldError> {
    let id = convert::optional_id("guardianship_id", &message.guardianship_id)?;
    Ok(NewGuardianship {
        id: id.unwrap_or_else(GuardianshipId::generate),
        ward: convert::id("ward_resident_id", &message.ward_resident_id)?,
        guardian: convert::id("guardian_resident_id", &message.guardian_resident_id)?,
        kind: said("kind", optional_guardianship_kind("kind", message.kind)?)?,
        relation: said("relation", optional_relation("relation", message.relation)?)?,
        papers: people::evidence("papers", &message.papers)?,
        from: convert::date("from", message.from.as_ref())?,
        until: convert::optional_date("until", message.until.as_ref())?,
    })
}

fn to_guardianship(guardianship: &Permitted<Guardianship>) -> wire::Guardianship {
    let (confirmed, ended) = (guardianship.confirmed.as_ref(), guardianship.ended.as_ref());
    wire::Guardianship {
        guardianship_id: guardianship.id.to_string(),
        ward_resident_id: guardianship.ward.to_string(),
        guardian_resident_id: guardianship.guardian.to_string(),
        kind: to_guardianship_kind(guardianship.kind),
        relation: to_relation(guardianship.relation),
        papers: guardianship.papers.clone(),
        witness_organisation_id: guardianship.witness.as_ref().map(OrganisationId::to_string).unwrap_or_default(),
        from: Some(to_date(guardianship.from)),
        until: guardianship.until.map(to_date),
        registered_by: guardianship.registered_by.to_string(),
        registered_at: Some(to_timestamp(guardianship.registered_at)),
        confirmed_by: confirmed.map(|signature| signature.by.to_string()).unwrap_or_default(),
        confirmed_at: confirmed.map(|signature| to_timestamp(signature.at)),
        confirmation_evidence: confirmed.map(|signature| signature.evidence.clone()).unwrap_or_default(),
        ended_at: ended.map(|ended| to_timestamp(ended.at)),
        end_reason: ended.map(|ended| ended.reason.clone()).unwrap_or_default(),
    }
}
