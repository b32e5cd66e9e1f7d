//! `EventService`: the feed of what happened here.

use chassis::{Context, feed};
use postgres::Database;
use proto::anjia::scheduling::v1::{
    PullEventsRequest, PullEventsResponse, PullOwnEventsRequest, PullOwnEventsResponse,
    event_service_server::EventService,
};
use tonic::{Request, Response, Status};

pub(super) struct Events(pub(super) Database);

#[tonic::async_trait]
impl EventService for Events {
    async fn pull_events(&self, request: Request<PullEventsRequest>) -> Result<Response<PullEventsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let batch = feed::pull(&self.0, &ctx, "anjia/scheduling", request.get_ref().cursor.as_ref()).await?;
        Ok(Response::new(PullEventsResponse { batch: Some(batch) }))
    }
    async fn pull_own_events(
        &self,
        request: Request<PullOwnEventsRequest>,
    ) -> Result<Response<PullOwnEventsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let batch = feed::pull_own(&self.0, &ctx, "anjia/scheduling", request.get_ref().cursor.as_ref()).await?;
        Ok(Response::new(PullOwnEventsResponse { batch: Some(batch) }))
    }
}
