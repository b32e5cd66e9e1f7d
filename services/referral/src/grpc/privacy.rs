use chassis::{Context, export};
use proto::anjia::referral::v1::privacy_service_server::PrivacyService;
use proto::anjia::referral::v1::{ExportResidentRequest, ExportResidentResponse};
use tonic::{Request, Response, Status};

use crate::app::{App, PERSONAL};

/// What referral has about a person, for the person.
pub struct Privacy {
    app: App,
}

impl Privacy {
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl PrivacyService for Privacy {
    async fn export_resident(
        &self,
        request: Request<ExportResidentRequest>,
    ) -> Result<Response<ExportResidentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let asked = request.get_ref().export.as_ref();
        let page = export::page(&self.app.db, &ctx, "referral.resident.export", PERSONAL, asked).await?;
        Ok(Response::new(ExportResidentResponse { page: Some(page) }))
    }
}
