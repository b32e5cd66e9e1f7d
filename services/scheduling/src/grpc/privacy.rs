//! `PrivacyService`: what scheduling has about a person, for the person.

use chassis::{Context, export};
use proto::anjia::scheduling::v1::privacy_service_server::PrivacyService;
use proto::anjia::scheduling::v1::{ExportResidentRequest, ExportResidentResponse};
use tonic::{Request, Response, Status};

use crate::app::PERSONAL;

pub(super) struct Privacy(pub(super) postgres::Database);

#[tonic::async_trait]
impl PrivacyService for Privacy {
    async fn export_resident(
        &self,
        request: Request<ExportResidentRequest>,
    ) -> Result<Response<ExportResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let asked = request.get_ref().export.as_ref();
        let page = export::page(&self.0, &ctx, "scheduling.resident.export", PERSONAL, asked).await?;
        Ok(Response::new(ExportResidentResponse { page: Some(page) }))
    }
}
