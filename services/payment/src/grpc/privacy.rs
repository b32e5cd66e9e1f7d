use std::sync::Arc;

use chassis::{Context, export};
use proto::anjia::payment::v1::privacy_service_server::PrivacyService;
use proto::anjia::payment::v1::{ExportResidentRequest, ExportResidentResponse};
use tonic::{Request, Response, Status};

use crate::app::{App, PERSONAL};

/// `PrivacyService`.
pub(super) struct Privacy(pub(super) Arc<App>);

#[tonic::async_trait]
impl PrivacyService for Privacy {
    async fn export_resident(
        &self,
        request: Request<ExportResidentRequest>,
    ) -> Result<Response<ExportResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let asked = request.get_ref().export.as_ref();
        let page = export::page(&self.0.db, &ctx, "payment.resident.export", PERSONAL, asked).await?;
        Ok(Response::new(ExportResidentResponse { page: Some(page) }))
    }
}
