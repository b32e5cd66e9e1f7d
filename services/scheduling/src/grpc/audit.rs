//! `AuditService`: what is signed about our audit, what we saw of another's, and who looked at whose data.

use chassis::{Context, audit};
use proto::anjia::scheduling::v1::{
    GetCheckpointRequest, GetCheckpointResponse, GetWitnessedRequest, GetWitnessedResponse, ListAccessRequest,
    ListAccessResponse, ProveConsistencyRequest, ProveConsistencyResponse, ProveInclusionRequest,
    ProveInclusionResponse, audit_service_server::AuditService,
};
use tonic::{Request, Response, Status};

use crate::app::Scheduling;

pub(super) struct Audit(pub(super) Scheduling);

#[tonic::async_trait]
impl AuditService for Audit {
    async fn get_checkpoint(
        &self,
        _: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let checkpoint = audit::checkpoint(self.0.db()).await?;
        Ok(Response::new(GetCheckpointResponse { checkpoint: Some(checkpoint) }))
    }

    async fn prove_inclusion(
        &self,
        request: Request<ProveInclusionRequest>,
    ) -> Result<Response<ProveInclusionResponse>, Status> {
        let ProveInclusionRequest { position, size } = request.into_inner();
        let proof = audit::prove_inclusion(self.0.db(), position, size).await?;
        Ok(Response::new(ProveInclusionResponse { proof: Some(proof) }))
    }

    async fn prove_consistency(
        &self,
        request: Request<ProveConsistencyRequest>,
    ) -> Result<Response<ProveConsistencyResponse>, Status> {
        let ProveConsistencyRequest { old_size, new_size } = request.into_inner();
        let proof = audit::prove_consistency(self.0.db(), old_size, new_size).await?;
        Ok(Response::new(ProveConsistencyResponse { proof: Some(proof) }))
    }

    async fn get_witnessed(
        &self,
        request: Request<GetWitnessedRequest>,
    ) -> Result<Response<GetWitnessedResponse>, Status> {
        let witnessed = audit::witnessed(self.0.db(), &Context::of(&request)?).await?;
        Ok(Response::new(GetWitnessedResponse { witnessed: Some(witnessed) }))
    }

    async fn list_access(&self, request: Request<ListAccessRequest>) -> Result<Response<ListAccessResponse>, Status> {
        let ctx = Context::of(&request)?;
        let ListAccessRequest { resident_id, page } = request.into_inner();
        let asked = audit::asked(&ctx, &resident_id, page.as_ref())?;
        self.0.check_view(&ctx).await?;
        let page = audit::list_access(self.0.db(), &ctx, "scheduling.access.list", asked).await?;
        Ok(Response::new(ListAccessResponse { page: Some(page) }))
    }
}
