use chassis::{Context, feed};
use proto::anjia::referral::v1::{PullEventsRequest, PullEventsResponse, event_service_server::EventService};
use tonic::{Request, Response, Status};

use crate::app::App;

/// The feed.
pub struct Events {
    app: App,
}

impl Events {
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl EventService for Events {
    async fn pull_events(&self, request: Request<PullEventsRequest>) -> Result<Response<PullEventsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let batch = feed::pull(&self.app.db, &ctx, "anjia/referral", request.get_ref().cursor.as_ref()).await?;
        Ok(Response::new(PullEventsResponse { batch: Some(batch) }))
    }
}
