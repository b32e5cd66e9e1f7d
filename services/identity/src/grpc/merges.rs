use chassis::{Context, Permitted, error};
use postgres::Call;
use postgres::paging::PageRequest;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::merge_service_server::MergeService;
use proto::convert::{self, to_timestamp};
use tonic::{Request, Response, Status};
use types::ids::{MergeId, OrganisationId};

use super::{Grpc, answer, people};
use crate::app::{MergeStep, NewMerge};
use crate::domain::merge::{Merge, State};
use crate::domain::signature::Signature;

#[tonic::async_trait]
impl MergeService for Grpc {
    async fn propose_merge(
        &self,
        request: Request<wire::ProposeMergeRequest>,
    ) -> Result<Response<wire::ProposeMergeResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.MergeService/ProposeMerge";
        let call =
            Call::new(&ctx.caller, method, &message, |row| proposed(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::optional_id("merge_id", &message.merge_id).map_err(error::invalid)?;
        let new = NewMerge {
            id: id.unwrap_or_else(MergeId::generate),
            resident: convert::id("resident_id", &message.resident_id).map_err(error::invalid)?,
            survivor: convert::id("survivor_resident_id", &message.survivor_resident_id).map_err(error::invalid)?,
            reason: people::evidence("reason", &message.reason).map_err(error::invalid)?,
            evidence: people::evidence("evidence", &message.evidence).map_err(error::invalid)?,
        };
        let reply = self.0.propose_merge(&ctx, &call, new).await?;
        answer(reply, |row| proposed(&row))
    }

    async fn merge_residents(
        &self,
        request: Request<wire::MergeResidentsRequest>,
    ) -> Result<Response<wire::MergeResidentsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.MergeService/MergeResidents";
        let call =
            Call::new(&ctx.caller, method, &message, |row| merged(row).encode_to_vec()).map_err(error::invalid)?;
        let step = step(&message.merge_id, message.revision, &message.evidence)?;
        let reply = self.0.merge_residents(&ctx, &call, step).await?;
        answer(reply, |row| merged(&row))
    }

    async fn propose_unmerge(
        &self,
        request: Request<wire::ProposeUnmergeRequest>,
    ) -> Result<Response<wire::ProposeUnmergeResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.MergeService/ProposeUnmerge";
        let call =
            Call::new(&ctx.caller, method, &message, |row| doubted(row).encode_to_vec()).map_err(error::invalid)?;
        let step = step(&message.merge_id, message.revision, &message.evidence)?;
        let reply = self.0.propose_unmerge(&ctx, &call, step).await?;
        answer(reply, |row| doubted(&row))
    }

    async fn unmerge_residents(
        &self,
        request: Request<wire::UnmergeResidentsRequest>,
    ) -> Result<Response<wire::UnmergeResidentsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.MergeService/UnmergeResidents";
        let call =
            Call::new(&ctx.caller, method, &message, |row| unmerged(row).encode_to_vec()).map_err(error::invalid)?;
        let step = step(&message.merge_id, message.revision, &message.evidence)?;
        let reply = self.0.unmerge_residents(&ctx, &call, step).await?;
        answer(reply, |row| unmerged(&row))
    }

    async fn get_merge(
        &self,
        request: Request<wire::GetMergeRequest>,
    ) -> Result<Response<wire::GetMergeResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("merge_id", &request.get_ref().merge_id).map_err(error::invalid)?;
        let found = self.0.get_merge(&ctx, id).await?;
        Ok(Response::new(wire::GetMergeResponse { merge: Some(to_merge(&found)) }))
    }

    async fn list_merges(
        &self,
        request: Request<wire::ListMergesRequest>,
    ) -> Result<Response<wire::ListMergesResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let resident = convert::optional_id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let page = PageRequest::parse(message.page_size, &message.page_token, message.resident_id.as_bytes())
            .map_err(error::invalid)?;
        let page = self.0.list_merges(&ctx, resident, &page).await?;
        Ok(Response::new(wire::ListMergesResponse {
            merges: page.items.iter().map(to_merge).collect(),
            next_page_token: page.next_page_token,
        }))
    }
}

fn step(id: &str, revision: i32, evidence: &str) -> Result<MergeStep, Status> {
    Ok(MergeStep {
        id: convert::id("merge_id", id).map_err(error::invalid)?,
        revision,
        evidence: people::evidence("evidence", evidence).map_err(error::invalid)?,
    })
}

fn proposed(merge: &Permitted<Merge>) -> wire::ProposeMergeResponse {
    wire::ProposeMergeResponse { merge: Some(to_merge(merge)) }
}

fn merged(merge: &Permitted<Merge>) -> wire::MergeResidentsResponse {
    wire::MergeResidentsResponse { merge: Some(to_merge(merge)) }
}

fn doubted(merge: &Permitted<Merge>) -> wire::ProposeUnmergeResponse {
    wire::ProposeUnmergeResponse { merge: Some(to_merge(merge)) }
}

fn unmerged(merge: &Permitted<Merge>) -> wire::UnmergeResidentsResponse {
    wire::UnmergeResidentsResponse { merge: Some(to_merge(merge)) }
}

fn to_merge(merge: &Permitted<Merge>) -> wire::Merge {
    let state = match merge.state() {
        State::Proposed => wire::MergeState::Proposed,
        State::Merged => wire::MergeState::Merged,
        State::UnmergeProposed => wire::MergeState::UnmergeProposed,
        State::Unmerged => wire::MergeState::Unmerged,
    };
    wire::Merge {
        merge_id: merge.id.to_string(),
        resident_id: merge.resident.to_string(),
        survivor_resident_id: merge.survivor.to_string(),
        reason: merge.reason.clone(),
        state: state.into(),
        revision: merge.revision,
        proposed: Some(to_signature(&merge.proposed)),
        merged: merge.merged.as_ref().map(to_signature),
        unmerge_proposed: merge.unmerge_proposed.as_ref().map(to_signature),
        unmerged: merge.unmerged.as_ref().map(to_signature),
    }
}

fn to_signature(signature: &Signature) -> wire::MergeSignature {
    wire::MergeSignature {
        by: signature.by.to_string(),
        organisation_id: signature.organisation.as_ref().map(OrganisationId::to_string).unwrap_or_default(),
        at: Some(to_timestamp(signature.at)),
        evidence: signature.evidence.clone(),
    }
}
