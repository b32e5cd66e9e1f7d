use chassis::{Context, error};
use postgres::Call;
use prost::Message as _;
use proto::anjia::adjudication::v1::policy_service_server::PolicyService;
use proto::anjia::adjudication::v1::{
    GetCatalogueItemRequest, GetCatalogueItemResponse, GetPolicyRequest, GetPolicyResponse, ListPoliciesRequest,
    ListPoliciesResponse, Policy, ProposePolicyRequest, ProposePolicyResponse, PutCatalogueRequest,
    PutCatalogueResponse, ReleasePolicyRequest, ReleasePolicyResponse,
};
use proto::convert as wire;
use tonic::{Request, Response, Status};

use super::{convert, encode};
use crate::app::App;
use crate::domain::document::Version;
use crate::domain::policy::Policy as Rules;

const PROPOSE: &str = "anjia.adjudication.v1.PolicyService/ProposePolicy";
const RELEASE: &str = "anjia.adjudication.v1.PolicyService/ReleasePolicy";
const PUT: &str = "anjia.adjudication.v1.PolicyService/PutCatalogue";

/// `PolicyService`.
pub(super) struct Policies(pub(super) App);

#[tonic::async_trait]
impl PolicyService for Policies {
    async fn propose_policy(
        &self,
        request: Request<ProposePolicyRequest>,
    ) -> Result<Response<ProposePolicyResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, PROPOSE, &message, |version| proposed(version).encode_to_vec())
            .map_err(error::invalid)?;
        let proposal =
            convert::proposal("policy_id", &message.policy_id, &message.document_json).map_err(error::invalid)?;
        let reply = self.0.propose(&ctx, &call, proposal).await?;
        answer(reply.into_message(|version| proposed(&version)))
    }

    async fn release_policy(
        &self,
        request: Request<ReleasePolicyRequest>,
    ) -> Result<Response<ReleasePolicyResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, RELEASE, &message, |version| released(version).encode_to_vec())
            .map_err(error::invalid)?;
        let id = wire::id("policy_id", &message.policy_id).map_err(error::invalid)?;
        let reply = self.0.release(&ctx, &call, id).await?;
        answer(reply.into_message(|version| released(&version)))
    }

    async fn get_policy(&self, request: Request<GetPolicyRequest>) -> Result<Response<GetPolicyResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = wire::id("policy_id", &request.get_ref().policy_id).map_err(error::invalid)?;
        let version = self.0.document::<Rules>(&ctx, id).await?;
        Ok(Response::new(GetPolicyResponse { policy: Some(encode::policy(&version)) }))
    }

    async fn list_policies(
        &self,
        request: Request<ListPoliciesRequest>,
    ) -> Result<Response<ListPoliciesResponse>, Status> {
        let ctx = Context::of(&request)?;
        let page = convert::page(request.get_ref().page.as_ref(), b"policies").map_err(error::invalid)?;
        let page = self.0.documents::<Rules>(&ctx, page).await?;
        Ok(Response::new(ListPoliciesResponse {
            policies: page.items.iter().map(|version| listed(encode::policy(version))).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn put_catalogue(
        &self,
        request: Request<PutCatalogueRequest>,
    ) -> Result<Response<PutCatalogueResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, PUT, &message, |changed| put(*changed).encode_to_vec()).map_err(error::invalid)?;
        let items = convert::catalogue(&message).map_err(error::invalid)?;
        let reply = self.0.put_catalogue(&ctx, &call, items).await?;
        answer(reply.into_message(put))
    }

    async fn get_catalogue_item(
        &self,
        request: Request<GetCatalogueItemRequest>,
    ) -> Result<Response<GetCatalogueItemResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let code = wire::text("item_code", &message.item_code, 64).map_err(error::invalid)?;
        let on = wire::date("on", message.on.as_ref()).map_err(error::invalid)?;
        let item = self.0.catalogue_item(&ctx, &code, on).await?;
        Ok(Response::new(GetCatalogueItemResponse { item: Some(encode::catalogue_item(&code, &item)) }))
    }
}

/// Documents are long: a list shows what they are, `GetPolicy` what they say.
fn listed(policy: Policy) -> Policy {
    Policy { document_json: String::new(), ..policy }
}

fn proposed(version: &Version<Rules>) -> ProposePolicyResponse {
    ProposePolicyResponse { policy: Some(encode::policy(version)) }
}

fn released(version: &Version<Rules>) -> ReleasePolicyResponse {
    ReleasePolicyResponse { policy: Some(encode::policy(version)) }
}

fn put(changed: u64) -> PutCatalogueResponse {
    PutCatalogueResponse { changed_items: i32::try_from(changed).unwrap_or(i32::MAX) }
}

/// A stored answer that does not decode is our own fault.
pub(super) fn answer<M>(message: Result<M, prost::DecodeError>) -> Result<Response<M>, Status> {
    message.map(Response::new).map_err(|cause| error::internal(&cause))
}
