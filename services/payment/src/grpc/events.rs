use std::sync::Arc;

use chassis::{Context, feed};
use proto::anjia::payment::v1::event_service_server::EventService;
use proto::anjia::payment::v1::{PullEventsRequest, PullEventsResponse};
use tonic::{Request, Response, Status};

use crate::app::App;

/// `EventService`.
pub(super) struct Events(pub(super) Arc<App>);

#[tonic::async_trait]
impl EventService for Events {
    async fn pull_events(&self, request: Request<PullEventsRequest>) -> Result<Response<PullEventsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let batch = feed::pull(&self.0.db, &ctx, "anjia/payment", request.get_ref().cursor.as_ref()).await?;
        Ok(Response::new(PullEventsResponse { batch: Some(batch) }))
    }
}
