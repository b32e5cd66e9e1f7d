use chassis::{Context, error, telemetry};
use proto::{
    anjia::referral::v1::{GetJourneyRequest, GetJourneyResponse, journey_service_server::JourneyService},
    convert as wire,
};
use tonic::{Request, Response, Status};

use super::convert;
use crate::app::App;

/// Episodes of care as a whole.
pub struct Journeys {
    app: App,
}

impl Journeys {
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl JourneyService for Journeys {
    async fn get_journey(&self, request: Request<GetJourneyRequest>) -> Result<Response<GetJourneyResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let journey = wire::id("journey_id", &message.journey_id).map_err(error::invalid)?;
        let resident = wire::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        telemetry::journey(journey);
        let found = self.app.journey(&ctx, journey, resident).await?;
        Ok(Response::new(GetJourneyResponse { journey: Some(convert::to_journey(&found)) }))
    }
}
