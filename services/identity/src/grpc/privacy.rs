use chassis::{Context, export};
use proto::anjia::identity::v1::privacy_service_server::PrivacyService;
use proto::anjia::identity::v1::{ExportResidentRequest, ExportResidentResponse};
use tonic::{Request, Response, Status};

use super::Grpc;
use crate::app::PERSONAL;

#[tonic::async_trait]
impl PrivacyService for Grpc {
    async fn export_resident(
        &self,
        request: Request<ExportResidentRequest>,
    ) -> Result<Response<ExportResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let asked = request.get_ref().export.as_ref();
        let page = export::page(&self.0.db, &ctx, "identity.resident.export", PERSONAL, asked).await?;
        Ok(Response::new(ExportResidentResponse { page: Some(page) }))
    }
}
