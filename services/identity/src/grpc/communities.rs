use chassis::{Context, Permitted, error};
use postgres::Call;
use postgres::paging::PageRequest;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::community_service_server::CommunityService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::OrganisationId;

use super::convert::optional_vulnerability;
use super::people::{self, to_resident};
use super::{Grpc, answer};
use crate::app::{Neighbours, NewCommunity};
use crate::domain::community::{Community, CommunityCode};

const CELLS_MAX: usize = 500;
const ORGANISATIONS_MAX: usize = 20;

#[tonic::async_trait]
impl CommunityService for Grpc {
    async fn put_community(
        &self,
        request: Request<wire::PutCommunityRequest>,
    ) -> Result<Response<wire::PutCommunityResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.CommunityService/PutCommunity";
        let call = Call::new(&ctx.caller, method, &message, |row| put(row).encode_to_vec()).map_err(error::invalid)?;
        let new = convert::required("community", message.community.as_ref())
            .and_then(|new| new_community(new).map_err(|wrong| wrong.within("community")))
            .map_err(error::invalid)?;
        let reply = self.0.put_community(&ctx, &call, new).await?;
        answer(reply, |row| put(&row))
    }

    async fn get_community(
        &self,
        request: Request<wire::GetCommunityRequest>,
    ) -> Result<Response<wire::GetCommunityResponse>, Status> {
        let ctx = Context::of(&request)?;
        let code = code("community_code", &request.get_ref().community_code).map_err(error::invalid)?;
        let found = self.0.get_community(&ctx, &code).await?;
        Ok(Response::new(wire::GetCommunityResponse { community: Some(to_community(&found)) }))
    }

    async fn list_communities(
        &self,
        request: Request<wire::ListCommunitiesRequest>,
    ) -> Result<Response<wire::ListCommunitiesResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        if message.code_prefix.len() > 12 || !message.code_prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error::invalid(FieldError::new("code_prefix", "must be at most twelve digits")));
        }
        let page = PageRequest::parse(message.page_size, &message.page_token, message.code_prefix.as_bytes())
            .map_err(error::invalid)?;
        let page = self.0.list_communities(&ctx, &message.code_prefix, &page).await?;
        Ok(Response::new(wire::ListCommunitiesResponse {
            communities: page.items.iter().map(to_community).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn list_residents(
        &self,
        request: Request<wire::ListResidentsRequest>,
    ) -> Result<Response<wire::ListResidentsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let wanted = neighbours(&message).map_err(error::invalid)?;
        let query = wire::ListResidentsRequest { page_size: 0, page_token: String::new(), ..message.clone() };
        let page = PageRequest::parse(message.page_size, &message.page_token, &query.encode_to_vec())
            .map_err(error::invalid)?;
        let page = self.0.list_residents(&ctx, &wanted, &page).await?;
        Ok(Response::new(wire::ListResidentsResponse {
            residents: page.items.iter().map(|neighbour| to_resident(&neighbour.resident)).collect(),
            next_page_token: page.next_page_token,
        }))
    }
}

fn put(community: &Permitted<Community>) -> wire::PutCommunityResponse {
    wire::PutCommunityResponse { community: Some(to_community(community)) }
}

fn to_community(community: &Permitted<Community>) -> wire::Community {
    wire::Community {
        community_code: community.code.to_string(),
        name: community.name.clone(),
        street: community.street.clone(),
        grid_cells: community.grid_cells.clone(),
        organisation_ids: community.organisations.iter().map(OrganisationId::to_string).collect(),
    }
}

fn new_community(message: &wire::Community) -> Result<NewCommunity, FieldError> {
    if message.grid_cells.len() > CELLS_MAX {
        return Err(FieldError::new("grid_cells", format!("must be at most {CELLS_MAX}")));
    }
    if message.organisation_ids.len() > ORGANISATIONS_MAX {
        return Err(FieldError::new("organisation_ids", format!("must be at most {ORGANISATIONS_MAX}")));
    }
    let cells = message.grid_cells.iter().enumerate();
    let organisations = message.organisation_ids.iter().enumerate();
    Ok(NewCommunity {
        code: code("community_code", &message.community_code)?,
        name: convert::text("name", &message.name, 100)?,
        street: convert::text("street", &message.street, 100)?,
        grid_cells: cells
            .map(|(i, cell)| convert::text(&format!("grid_cells[{i}]"), cell, people::CELL_LENGTH_MAX))
            .collect::<Result<_, _>>()?,
        organisations: organisations
            .map(|(i, id)| convert::id(&format!("organisation_ids[{i}]"), id))
            .collect::<Result<_, _>>()?,
    })
}

fn neighbours(message: &wire::ListResidentsRequest) -> Result<Neighbours, FieldError> {
    let cell = convert::optional_text("grid_cell", &message.grid_cell, people::CELL_LENGTH_MAX)?;
    Ok(Neighbours {
        community: code("community_code", &message.community_code)?,
        grid_cell: Some(cell).filter(|cell| !cell.is_empty()),
        flag: optional_vulnerability("flag", message.flag)?,
    })
}

pub(super) fn code(field: &str, value: &str) -> Result<CommunityCode, FieldError> {
    value.parse().map_err(|_| FieldError::new(field, "must be a community code of twelve digits"))
}
