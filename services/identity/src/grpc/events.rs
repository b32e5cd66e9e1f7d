use chassis::{Context, feed};
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::event_service_server::EventService;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl EventService for Grpc {
    async fn pull_events(
        &self,
        request: Request<wire::PullEventsRequest>,
    ) -> Result<Response<wire::PullEventsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let batch = feed::pull(&self.0.db, &ctx, "anjia/identity", request.get_ref().cursor.as_ref()).await?;
        Ok(Response::new(wire::PullEventsResponse { batch: Some(batch) }))
    }
}
